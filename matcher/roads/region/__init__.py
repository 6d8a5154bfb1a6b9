"""The room matcher/roads/region/."""
