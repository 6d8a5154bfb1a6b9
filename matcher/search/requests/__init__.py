"""The room matcher/search/requests/."""
