"""The room matcher/roads/hierarchy/."""
