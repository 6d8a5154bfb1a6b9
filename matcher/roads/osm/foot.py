"""OpenStreetMap tags for walking: which ways may be walked, and which nodes stop a walk.

Follows OSRM's foot profile where a choice had to be made. The rules:

- Walked unless forbidden: footways, paths, steps, pedestrian streets and every street of the classes in WALKED_CLASSES.
  One-way rules are for vehicles. Areas are walked along their outline.
- Walked only where people on foot are let in, by `foot` or by a sidewalk: motorways and trunk roads with their links,
  cycleways, bridleways.
- Access: `foot` decides, else `access`. Closed when every listed user is in CLOSED, or where a separate path is to be
  used.
- Ferries are not walked: nobody can promise when they leave.
- Mountain paths beyond `mountain_hiking` on the scale of the Swiss Alpine Club are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from matcher.roads.osm.tags import CLOSED

#: How a way is walked; codes of `RawStreets.foot`.
NOT_WALKED, WALKED, STEPS = 0, 1, 2

#: Open to people on foot unless a tag says otherwise.
_WALKED = """
primary primary_link secondary secondary_link tertiary tertiary_link unclassified residential living_street service
track road pedestrian footway path steps
"""
WALKED_CLASSES = frozenset(_WALKED.split())
_ONLY_WHEN_LET_IN = frozenset({"motorway", "motorway_link", "trunk", "trunk_link", "cycleway", "bridleway"})
_LET_IN = frozenset({"yes", "permissive", "designated", "official", "public", "destination"})
_CLOSED = CLOSED | {"use_sidepath", "separate"}
_SIDEWALK_KEYS = ("sidewalk", "sidewalk:both", "sidewalk:left", "sidewalk:right")
_SIDEWALKS = frozenset({"yes", "both", "left", "right"})
_HIKED = frozenset({"hiking", "mountain_hiking", "strolling", "yes"})
_WALLS = frozenset({"wall", "fence", "yes"})


def walked(tags: Mapping[str, str]) -> int:
    """NOT_WALKED, WALKED or STEPS for a way with these tags."""
    highway = tags.get("highway", "")
    if highway in _ONLY_WHEN_LET_IN:
        has_sidewalk = any(tags.get(key) in _SIDEWALKS for key in _SIDEWALK_KEYS)
        open_to_foot = tags.get("foot") in _LET_IN or ("foot" not in tags and has_sidewalk)
    else:
        open_to_foot = highway in WALKED_CLASSES and not _is_closed(tags)
    if not open_to_foot or tags.get("sac_scale", "hiking") not in _HIKED:
        return NOT_WALKED
    return STEPS if highway == "steps" else WALKED


def stops_walk(tags: Mapping[str, str]) -> bool:
    """Whether a node with these tags stops people on foot: a wall, or a barrier that is closed to them."""
    barrier = tags.get("barrier")
    if barrier is None:
        return False
    if "foot" in tags or "access" in tags:
        return _is_closed(tags)
    return barrier in _WALLS or tags.get("locked") == "yes"


def _is_closed(tags: Mapping[str, str]) -> bool:
    key = "foot" if "foot" in tags else "access"
    return key in tags and {user.strip() for user in tags[key].split(";")} <= _CLOSED
