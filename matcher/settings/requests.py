"""Settings of kept requests. How long they are kept afterwards is with what else is forgotten."""

from __future__ import annotations

from pydantic import Field

from matcher.settings.base import Concern


class RequestSettings(Concern):
    """Searches that wait for offers."""

    requests_per_rider: int = Field(20, ge=1, le=1000, description="requests of one rider that may wait at once")
    requests_interval_s: float = Field(
        0.5, ge=0.05, le=60, description="changes of offers are matched with requests at least this often"
    )


#: What the settings are when nobody has said anything, whatever the environment says.
DEFAULT_REQUESTS = RequestSettings.model_construct()
