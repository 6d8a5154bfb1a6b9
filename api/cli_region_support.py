"""What the `carpool region` commands share: the store of the settings, and words for what disks do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from matcher.domain.errors import Unavailable
from matcher.roads.regions import RegionStore
from matcher.settings import load_settings


def region_store() -> RegionStore:
    """The regions of the settings' data folder."""
    return RegionStore(load_settings().storage.data_dir)


def region_or_served(name: str | None) -> str:
    """The name that was given, or that of the region which is served."""
    return load_settings().roads.region if name is None else name


@contextmanager
def disk_errors() -> Iterator[None]:
    """A full disk or a folder that may not be written is told in one line."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or 'the disk'}: {error.strerror or error}") from error
