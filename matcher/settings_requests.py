"""Settings of kept requests: how many wait, and how long they are kept afterwards."""

from __future__ import annotations

from pydantic import Field

from matcher.settings_base import Concern


class RequestSettings(Concern):
    """Searches that wait for offers."""

    requests_per_rider: int = Field(20, ge=1, le=1000, description="requests of one rider that may wait at once")
    requests_interval_s: float = Field(
        0.5, ge=0.05, le=60, description="changes of offers are matched with requests at least this often"
    )
    requests_kept_days: float = Field(
        7.0, ge=0, le=3650, description="how long a request is kept after its window has ended"
    )


#: What the settings are when nobody has said anything, whatever the environment says.
DEFAULT_REQUESTS = RequestSettings.model_construct()
