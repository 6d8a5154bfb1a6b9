"""What the `carpool region` commands share: the store of the settings, and words for what disks do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import Unavailable

if TYPE_CHECKING:
    from matcher.roads.region.store import RegionStore


def region_store() -> RegionStore:
    """The regions of the settings' data folder."""
    from matcher.roads.region.store import RegionStore
    from matcher.settings.all import load_settings

    return RegionStore(load_settings().storage.data_dir)


def region_or_served(name: str | None) -> str:
    """The name that was given, or that of the region which is served."""
    if name is not None:
        return name
    from matcher.settings.all import load_settings

    return load_settings().roads.region


@contextmanager
def disk_errors() -> Iterator[None]:
    """A full disk or a folder that may not be written is told in one line."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or 'the disk'}: {error.strerror or error}") from error
