"""The room matcher/operation/jobs/."""
