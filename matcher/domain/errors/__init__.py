"""The room matcher/domain/errors/."""
