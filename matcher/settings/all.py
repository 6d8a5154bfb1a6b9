"""Every setting, its default and its bounds: one class per concern, composed in `Settings`.

A setting is an environment variable `CARPOOL_<NAME>`, or a line `CARPOOL_<NAME>=…` of a file `.env` in the working
directory; the environment wins. `carpool settings` prints them all from here. Secrets are SecretStr: they never show in
a repr, a log or an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_type_hints

from pydantic import ValidationError

from matcher.settings.base import PREFIX, Concern, SettingsInvalid
from matcher.settings.events import EventSettings
from matcher.settings.matching import CostSettings, MatchingSettings
from matcher.settings.people import KeySettings, RetentionSettings, TokenSettings
from matcher.settings.protection import ProtectionSettings
from matcher.settings.roads import GeocodingSettings, RoadSettings
from matcher.settings.server import ServerSettings, WatchSettings
from matcher.settings.statistics import StatisticsSettings
from matcher.settings.storage import StorageSettings
from matcher.settings.trips import BookingSettings, OfferSettings, RequestSettings, SeriesSettings

#: Read by the command line itself: shows tracebacks.
DEBUG_VARIABLE = "CARPOOL_DEBUG"
#: Read by the command line as defaults of its options.
OPTION_VARIABLES = frozenset({"CARPOOL_GEOFABRIK_URL"})


@dataclass(frozen=True)
class Settings:
    """All settings. Build it from the environment with `load_settings()`; tests build the concerns they need."""

    server: ServerSettings
    storage: StorageSettings
    roads: RoadSettings
    matching: MatchingSettings
    offers: OfferSettings
    keys: KeySettings
    geocoding: GeocodingSettings
    protection: ProtectionSettings = field(default_factory=ProtectionSettings.default)
    watch: WatchSettings = field(default_factory=WatchSettings.default)
    tokens: TokenSettings = field(default_factory=TokenSettings.default)
    retention: RetentionSettings = field(default_factory=RetentionSettings.default)
    cost: CostSettings = field(default_factory=CostSettings.default)
    events: EventSettings = field(default_factory=EventSettings.default)
    bookings: BookingSettings = field(default_factory=BookingSettings.default)
    series: SeriesSettings = field(default_factory=SeriesSettings.default)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings.default)
    requests: RequestSettings = field(default_factory=RequestSettings.default)


CONCERNS: Mapping[str, type[Concern]] = get_type_hints(Settings)


def load_settings() -> Settings:
    """Settings from the environment and `.env`. Raises SettingsInvalid that names every variable that is wrong."""
    loaded: dict[str, Concern] = {}
    wrong: list[str] = []
    for name, concern in CONCERNS.items():
        try:
            loaded[name] = concern()
        except ValidationError as error:
            wrong.extend(_readable(error))
    if wrong:
        raise SettingsInvalid("\n".join(wrong))
    return Settings(**loaded)  # type: ignore[arg-type]  # the names and classes are those of CONCERNS


def _readable(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        message = fault["msg"].removeprefix("Value error, ")
        yield f"{variable_name(str(fault['loc'][0]))}: {message[0].lower()}{message[1:]}"


def variable_name(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field.upper().startswith(PREFIX) else PREFIX + field.upper()


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """CARPOOL_… variables that mean nothing here, each with the known name it resembles most (None when none does)."""
    known = {variable_name(name) for concern in CONCERNS.values() for name in concern.model_fields}
    known |= {DEBUG_VARIABLE, *OPTION_VARIABLES}
    strangers = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None) for name in strangers}
