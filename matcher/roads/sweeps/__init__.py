"""The room matcher/roads/sweeps/."""
