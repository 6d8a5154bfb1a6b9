"""The room matcher/roads/osm/."""
