"""The room matcher/people/credentials/."""
