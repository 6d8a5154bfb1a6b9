"""Settings of the road network and of the geocoders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import NoDecode

from matcher.geocoding.network.providers import PROVIDERS
from matcher.roads.network.public_points import DEFAULT_SPACING_M
from matcher.settings.base import Concern, words

GEOCODER_NAMES = ("gazetteer", *PROVIDERS)


def _known_geocoders(value: str) -> str:
    names = words(value)
    unknown = [name for name in names if name not in GEOCODER_NAMES]
    if unknown or not names or len(set(names)) != len(names):
        raise ValueError(f"must be a comma-separated list, each at most once, of: {', '.join(GEOCODER_NAMES)}")
    return ",".join(names)


class RoadSettings(Concern):
    """The road network that is served."""

    region: str = Field(
        "coquimbo",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="name of the region; `carpool region list` shows those available",
    )
    snap_limit_m: float = Field(
        1000.0,
        gt=0,
        le=10_000,
        description="maximum distance of a place from the nearest road; farther places are refused",
    )
    public_point_spacing_m: float = Field(
        DEFAULT_SPACING_M,
        ge=0,
        le=5000,
        description="least distance between the public points that stand for doors, when a region is imported; "
        "0 for none: only for fleets without private homes, for strangers can then work out doors",
    )
    region_watch_s: float = Field(
        5.0,
        ge=0.05,
        le=3600,
        description="polling interval for new versions of the region, its speeds and its places",
    )


class GeocodingSettings(Concern):
    """Who turns addresses into places. Names are asked in order until one answers."""

    geocoders: Annotated[str, NoDecode, AfterValidator(_known_geocoders)] = Field(
        "gazetteer", description=f"comma-separated, tried in order: {', '.join(GEOCODER_NAMES)}"
    )
    geocoder_user_agent: str = Field(
        "carpool-matcher",
        min_length=3,
        description="User-Agent sent to geocoders; public servers require a contact in it",
    )
    geocoder_timeout_s: float = Field(
        5.0, gt=0, le=60, description="timeout of a network geocoder; the next one is asked"
    )
    geocoder_interval_s: float = Field(
        1.0, ge=0, le=60, description="minimum interval between two calls to one network geocoder"
    )
    geocoder_attempts: int = Field(3, ge=1, le=10, description="attempts, with back-off, when a geocoder fails")
    geocoder_scheme: Literal["https", "http"] = Field("https", description="URL scheme of network geocoders")
    geocoder_cache_days: float = Field(
        30.0, gt=0, le=3650, description="cache lifetime of answers of network geocoders"
    )
    nominatim_domain: str | None = Field(
        None, description="host of Nominatim; default: the public server, one call per second"
    )
    photon_domain: str | None = Field(None, description="host of Photon; default: the public server")
    pelias_domain: str | None = Field(None, description="host of Pelias; required when Pelias is in the list")
    pelias_api_key: SecretStr | None = Field(None, description="API key for Pelias")
    banfrance_domain: str | None = Field(None, description="host and path of BAN France; default: the public server")

    @property
    def geocoder_names(self) -> tuple[str, ...]:
        """The chain, in order."""
        return tuple(self.geocoders.split(","))
