"""The room matcher/roads/foot/."""
