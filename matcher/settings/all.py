"""Every setting, its default and its bounds: one class per concern, composed in `Settings`.

A setting is an environment variable `CARPOOL_<NAME>`, or a line `CARPOOL_<NAME>=…` of a file `.env` in the working directory; the
environment wins. `carpool settings` prints them all from here. Secrets are SecretStr: they never show in a repr, a log or an error.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode

from matcher.geocoding.network.providers import PROVIDERS
from matcher.settings.base import PREFIX
from matcher.settings.base import Concern as _Concern
from matcher.settings.bookings import DEFAULT_BOOKINGS, BookingSettings
from matcher.settings.cost import DEFAULT_COST, CostSettings
from matcher.settings.events import DEFAULT_EVENTS, EventSettings
from matcher.settings.operation import DEFAULT_PROTECTION, DEFAULT_WATCH, ProtectionSettings, WatchSettings
from matcher.settings.people import DEFAULT_RETENTION, DEFAULT_TOKENS, RetentionSettings, TokenSettings
from matcher.settings.requests import DEFAULT_REQUESTS, RequestSettings
from matcher.settings.series import DEFAULT_SERIES, SeriesSettings
from matcher.settings.statistics import DEFAULT_STATISTICS, StatisticsSettings

#: Read by the command line itself: shows tracebacks.
DEBUG_VARIABLE = "CARPOOL_DEBUG"
#: Read by the command line as defaults of its options.
OPTION_VARIABLES = frozenset({"CARPOOL_GEOFABRIK_URL"})

GEOCODER_NAMES = ("gazetteer", *PROVIDERS)


class SettingsInvalid(ValueError):
    """A setting has a value that cannot be used; the text names the variable, what is wrong, and what to do."""


def _postgres_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must look like postgresql://user:password@host:5432/database")
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("must have at least 32 characters: make one with `openssl rand -hex 32`")
    return value


def _known_geocoders(value: str) -> str:
    names = [name.strip() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in GEOCODER_NAMES]
    if unknown or not names or len(set(names)) != len(names):
        raise ValueError(f"must be a comma-separated list, each at most once, of: {', '.join(GEOCODER_NAMES)}")
    return ",".join(names)


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


class ServerSettings(_Concern):
    """Where and how the HTTP service listens."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every interface")
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one")
    workers: int = Field(
        1, ge=1, le=256, description="processes that answer on the same port, each with the offers in its memory"
    )
    shutdown_grace_s: float = Field(20.0, ge=0, le=600, description="how long a stop waits for calls in progress")
    max_body_bytes: int = Field(256 * 1024, ge=1024, le=16 * 1024 * 1024, description="larger bodies get 413")
    max_in_flight: int = Field(
        256, ge=1, le=100_000, description="calls worked on at once; more get 503 with Retry-After"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severity that is logged")
    log_format: Literal["json", "console"] = Field(
        "json", description="json: one object a line; console: text for people"
    )


class StorageSettings(_Concern):
    """The database, and where files are kept."""

    data_dir: Path = Field(Path(".carpool"), description="folder of regions, secrets and the embedded PostgreSQL")
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL 15 or newer; without it an embedded one runs under the data folder"
    )
    database_direct_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None,
        description="the same database past any transaction pooler, to hear of changes; default: CARPOOL_DATABASE_URL",
    )
    database_pool_min: int = Field(1, ge=0, le=1000, description="connections kept open")
    database_pool_max: int = Field(10, ge=2, le=1000, description="most connections of a process at once")
    database_timeout_s: float = Field(10.0, gt=0, le=600, description="a statement that takes longer is given up")
    database_transaction_pooler: bool = Field(
        False, description="true behind a transaction pooler such as PgBouncer: no prepared statements are kept"
    )
    changes_kept_s: float = Field(
        3600.0, ge=60, le=7 * 86_400, description="an instance that was away longer reads all offers again"
    )
    lag_limit_s: float = Field(
        30.0, ge=1, le=3600, description="not ready when the offers in memory are behind the database by more than this"
    )
    migrate_on_start: bool = Field(True, description="bring the schema up to date when the service starts")
    newer_schema_allowed: bool = Field(
        False, description="true starts on the schema of the next version: to go back by one after an upgrade"
    )

    @property
    def data_dir_is_default(self) -> bool:
        """Nobody has chosen the data folder, so the database may move elsewhere when it cannot live there."""
        return "data_dir" not in self.model_fields_set

    def embedded_below(self, folder: str) -> StorageSettings:
        """The same with the embedded database, in a subfolder; one that nobody has chosen is still counted as such."""
        values = self.model_dump() | {"data_dir": self.data_dir / folder, "database_url": None}
        return StorageSettings.model_construct(self.model_fields_set - {"database_url"}, **values)


class RoadSettings(_Concern):
    """The road network that is served."""

    region: str = Field(
        "coquimbo",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="name of the region; `carpool region list` shows what there is",
    )
    snap_limit_m: float = Field(
        1000.0, gt=0, le=10_000, description="a place farther than this from every road is refused"
    )
    region_watch_s: float = Field(
        5.0,
        ge=0.05,
        le=3600,
        description="how often to look for a new version of the region, or of its speeds and places",
    )


class MatchingSettings(_Concern):
    """How matches are computed and ranked. Weights are relative: they are divided by their sum."""

    threads: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        le=1024,
        description="threads that compute; default: one a core",
    )
    weight_detour: float = Field(0.40, ge=0, le=100, description="weight of a small added drive")
    weight_overlap: float = Field(
        0.30, ge=0, le=100, description="weight of road shared with the rider's own best route"
    )
    weight_time: float = Field(0.10, ge=0, le=100, description="weight of a departure as the driver planned it")
    weight_walk: float = Field(0.10, ge=0, le=100, description="weight of a short walk")
    weight_preferences: float = Field(0.05, ge=0, le=100, description="weight of preferences that fit")
    weight_price: float = Field(0.05, ge=0, le=100, description="weight of a price below the cost of driving")
    detour_ceiling_s: float = Field(1800, gt=0, le=86_400, description="an added drive of this long scores 0")
    time_ceiling_s: float = Field(
        3600, gt=0, le=86_400, description="a driver who must leave this much earlier or later scores 0"
    )
    walk_ceiling_s: float = Field(1800, gt=0, le=86_400, description="a walk of this long scores 0")
    carbon_g_per_km: float = Field(160.0, ge=0, le=2000, description="grams of CO2 a car emits per kilometre")
    carbon_source: str = Field(
        "IPCC 2006 Guidelines, motor gasoline: 69.3 g CO2/MJ and 44.3 MJ/kg; assumed: 0.745 kg/l, 7.0 l/100 km",
        description="where that figure is from",
    )
    match_lifetime_s: int = Field(900, ge=30, le=86_400, description="how long a match_id stays good")
    match_secret: Secret | None = Field(
        None, description="signs match ids; without it a private file in the data folder"
    )
    match_secret_other: Secret | None = Field(
        None, description="ids signed with this are believed too, while the secret is being changed"
    )


class OfferSettings(_Concern):
    """What may be published."""

    offer_horizon_days: int = Field(365, ge=1, le=3650, description="how far ahead a trip may be published")
    expiry_interval_s: float = Field(60.0, ge=1, le=3600, description="how often trips that are over are put away")


class KeySettings(_Concern):
    """Credentials."""

    key_pepper: Secret | None = Field(
        None, description="secret under which API keys are stored; without it a private file in the data folder"
    )
    key_pepper_other: Secret | None = Field(
        None, description="keys stored under this are let in too, while the pepper is being changed"
    )
    key_cache_s: float = Field(5.0, ge=0, le=60, description="a revoked key is refused everywhere after this long")


class GeocodingSettings(_Concern):
    """Who turns addresses into places. Names are asked in order until one answers."""

    geocoders: Annotated[str, NoDecode, AfterValidator(_known_geocoders)] = Field(
        "gazetteer", description=f"in order, with commas: {', '.join(GEOCODER_NAMES)}"
    )
    geocoder_user_agent: str = Field(
        "carpool-matcher", min_length=3, description="how we present ourselves; public servers ask for a contact in it"
    )
    geocoder_timeout_s: float = Field(
        5.0, gt=0, le=60, description="a network geocoder that takes longer is passed over"
    )
    geocoder_interval_s: float = Field(
        1.0, ge=0, le=60, description="least time between two calls to one network geocoder"
    )
    geocoder_attempts: int = Field(
        3, ge=1, le=10, description="tries, with back-off between them, when a geocoder fails"
    )
    geocoder_scheme: Literal["https", "http"] = Field("https", description="how network geocoders are reached")
    geocoder_cache_days: float = Field(
        30.0, gt=0, le=3650, description="how long answers of network geocoders are kept"
    )
    nominatim_domain: str | None = Field(None, description="host of Nominatim; default: the public one, once a second")
    photon_domain: str | None = Field(None, description="host of Photon; default: the public one")
    pelias_domain: str | None = Field(None, description="host of Pelias; needed when it is in the list")
    pelias_api_key: SecretStr | None = Field(None, description="key for Pelias")
    banfrance_domain: str | None = Field(None, description="host and path of BAN France; default: the public one")

    @property
    def geocoder_names(self) -> tuple[str, ...]:
        """The chain, in order."""
        return tuple(self.geocoders.split(","))


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
    protection: ProtectionSettings = DEFAULT_PROTECTION
    watch: WatchSettings = DEFAULT_WATCH
    tokens: TokenSettings = DEFAULT_TOKENS
    retention: RetentionSettings = DEFAULT_RETENTION
    cost: CostSettings = DEFAULT_COST
    events: EventSettings = DEFAULT_EVENTS
    bookings: BookingSettings = DEFAULT_BOOKINGS
    series: SeriesSettings = DEFAULT_SERIES
    statistics: StatisticsSettings = DEFAULT_STATISTICS
    requests: RequestSettings = DEFAULT_REQUESTS


CONCERNS: Mapping[str, type[BaseSettings]] = {
    "server": ServerSettings,
    "storage": StorageSettings,
    "roads": RoadSettings,
    "matching": MatchingSettings,
    "offers": OfferSettings,
    "keys": KeySettings,
    "geocoding": GeocodingSettings,
    "protection": ProtectionSettings,
    "watch": WatchSettings,
    "tokens": TokenSettings,
    "retention": RetentionSettings,
    "cost": CostSettings,
    "events": EventSettings,
    "bookings": BookingSettings,
    "series": SeriesSettings,
    "statistics": StatisticsSettings,
    "requests": RequestSettings,
}


def load_settings() -> Settings:
    """Settings from the environment and `.env`. Raises SettingsInvalid that names every variable that is wrong."""
    loaded: dict[str, BaseSettings] = {}
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
    known = {variable_name(field) for concern in CONCERNS.values() for field in concern.model_fields}
    known |= {DEBUG_VARIABLE, *OPTION_VARIABLES}
    strangers = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None) for name in strangers}
