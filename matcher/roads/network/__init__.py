"""The room matcher/roads/network/."""
