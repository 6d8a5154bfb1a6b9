"""OpenStreetMap tags for driving: which ways may be driven, in which direction, and what nodes do to
traffic.

Follows OSRM's car profile where a choice had to be made. The rules:

- Classes: motorway to residential with their links, living_street, service; track and road only where motor traffic is
  explicitly let in; areas, construction, winter and ice roads, and everything else are left out. Ferries and car
  shuttle trains are class `ferry`.
- Access: the most specific of motorcar, motor_vehicle, vehicle, access decides, per direction where given. Closed when
  every listed user is in CLOSED. DESTINATION_ONLY ways stay open at half speed, so that their houses are reachable and
  through traffic avoids them: turn-dependent states are not part of the graph.
- Oneway: oneway:motorcar, oneway:motor_vehicle, oneway:vehicle, oneway; roundabouts and motorways imply it;
  `reversible` is closed both ways, because nobody can promise a rider its direction.
- Barriers: a node whose barrier a car cannot pass cuts every way that runs through it.
- Turn restrictions are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.roads.network.graph import ROAD_CLASSES, STREET_CLASSES
from matcher.roads.osm.speeds import parse_duration_s, speeds_kmh

_CLASS_CODE = {name: ROAD_CLASSES.index(name) for name in STREET_CLASSES}
_ONLY_WHEN_LET_IN = frozenset({"track", "road"})

CLOSED = frozenset(
    {"no", "private", "agricultural", "forestry", "emergency", "psv", "bus", "taxi", "hov", "military", "permit", "hgv"}
)
DESTINATION_ONLY = frozenset({"destination", "customers", "delivery", "residents", "employees", "visitors"})
_DESTINATION_FACTOR = 0.5
_LET_IN = frozenset({"yes", "permissive", "designated", "official", "public", "destination"})

_ACCESS_KEYS = ("motorcar", "motor_vehicle", "vehicle", "access")
_ONEWAY_KEYS = ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway")
_ONEWAY_VALUES = {
    **dict.fromkeys(("yes", "1", "true"), (True, False)),
    **dict.fromkeys(("-1", "reverse"), (False, True)),
    **dict.fromkeys(("no", "false", "0", "alternating"), (True, True)),
    "reversible": (False, False),
}  # (open along, open against)

_PASSABLE = """
arch border_control cattle_grid entrance gate height_restrictor kerb lift_gate no sally_port sliding_gate swing_gate
toll_booth
"""
_PASSABLE_BARRIERS = frozenset(_PASSABLE.split())

#: Seconds lost on average at a node, by its `highway`, `railway` or `barrier` value. Signals and signs: mean over
#: arriving at green or red, at an empty or a busy junction; barriers: opening and paying.
NODE_DELAYS: dict[str, float] = {
    "traffic_signals": 8.0,
    "stop": 5.0,
    "give_way": 2.0,
    "mini_roundabout": 2.0,
    "level_crossing": 4.0,
    **dict.fromkeys(("toll_booth", "gate", "lift_gate", "sliding_gate", "swing_gate"), 15.0),
    "border_control": 60.0,
}


@dataclass(frozen=True, slots=True)
class Drive:
    """How a way is driven, along and against its drawing. A speed of 0 km/h means closed in that direction."""

    class_code: int  # index into ROAD_CLASSES
    forward_kmh: float
    backward_kmh: float
    duration_s: float | None = None  # of the whole way, for ferries


@dataclass(frozen=True, slots=True)
class NodeEffect:
    """The effect of a node on cars: whether it stops them, and the seconds lost along and against the way's drawing."""

    blocked: bool
    forward_delay_s: float
    backward_delay_s: float


def drive(tags: Mapping[str, str]) -> Drive | None:
    """How a car drives a way with these tags; None when it may not in either direction."""
    road_class = _road_class(tags)
    if road_class is None:
        return None
    along, against = _directions(tags, road_class)
    forward, backward = speeds_kmh(tags, road_class)
    forward *= along * _access_factor(tags, "forward")
    backward *= against * _access_factor(tags, "backward")
    if forward <= 0 and backward <= 0:
        return None
    duration = parse_duration_s(tags["duration"]) if road_class == "ferry" and "duration" in tags else None
    return Drive(_CLASS_CODE[road_class], forward, backward, duration)


def node_effect(tags: Mapping[str, str]) -> NodeEffect | None:
    """What a node with these tags does to cars; None when nothing."""
    barrier = tags.get("barrier")
    if barrier is not None and not _passes(barrier, tags):
        return NodeEffect(True, 0.0, 0.0)
    delay = max(
        NODE_DELAYS.get(tags.get("highway", ""), 0.0),
        NODE_DELAYS.get(tags.get("railway", ""), 0.0),
        NODE_DELAYS.get(barrier or "", 0.0),
    )
    if delay <= 0:
        return None
    faces = tags.get("traffic_signals:direction", tags.get("direction", "both"))
    return NodeEffect(False, 0.0 if faces == "backward" else delay, 0.0 if faces == "forward" else delay)


def street_name(tags: Mapping[str, str]) -> str | None:
    """The label of a street: its name, else its reference (`A 13`), else None."""
    for key in ("name", "ref"):
        value = " ".join(tags.get(key, "").split())
        if value:
            return value
    return None


def _road_class(tags: Mapping[str, str]) -> str | None:
    if tags.get("route") in ("ferry", "shuttle_train"):
        # A line for walkers and cyclists says so, and says nothing about cars.
        foot_only = not any(key in tags for key in _ACCESS_KEYS) and ("foot" in tags or "bicycle" in tags)
        return None if foot_only else "ferry"
    highway = tags.get("highway", "")
    if highway not in _CLASS_CODE or highway == "ferry" or tags.get("area") == "yes":
        return None
    if tags.get("ice_road") == "yes" or tags.get("winter_road") == "yes" or tags.get("impassable") == "yes":
        return None
    if highway == "service" and tags.get("service") == "emergency_access":
        return None
    if highway in _ONLY_WHEN_LET_IN and tags.get(_first_key(tags, _ACCESS_KEYS) or "") not in _LET_IN:
        return None
    return highway


def _directions(tags: Mapping[str, str], road_class: str) -> tuple[bool, bool]:
    """(along, against): open as far as one-way rules go."""
    for key in _ONEWAY_KEYS:
        if tags.get(key) in _ONEWAY_VALUES:
            return _ONEWAY_VALUES[tags[key]]
    implied = road_class == "motorway" or tags.get("junction") in ("roundabout", "circular")
    return True, not implied


def _access_factor(tags: Mapping[str, str], direction: str) -> float:
    """0 when closed in this direction, less than 1 when open to some destinations only, else 1."""
    key = _first_key(tags, tuple(f"{key}{suffix}" for key in _ACCESS_KEYS for suffix in (f":{direction}", "")))
    if key is None:
        return 1.0
    users = {user.strip() for user in tags[key].split(";")}
    if users <= CLOSED:
        return 0.0
    return _DESTINATION_FACTOR if users <= CLOSED | DESTINATION_ONLY else 1.0


def _passes(barrier: str, tags: Mapping[str, str]) -> bool:
    key = _first_key(tags, _ACCESS_KEYS)
    if key is not None:
        return not {user.strip() for user in tags[key].split(";")} <= CLOSED
    if tags.get("locked") == "yes":
        return False
    return barrier in _PASSABLE_BARRIERS or (barrier == "bollard" and tags.get("bollard") == "rising")


def _first_key(tags: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if key in tags), None)
