"""Build hook: a wheel carries the map library's files, so that whoever installs it needs no second package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FILES = ("maplibre-gl.js", "maplibre-gl.css")


class BundleAssets(BuildHookInterface[Any]):
    """Takes the files from where set-up has put them; a wheel that is built elsewhere comes without, and says so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel; an editable install finds them where they are."""
        if version == "editable":
            return
        folder = Path(sys.prefix) / "share" / "carpool" / "assets" / "maplibre" / "srcjs"
        if not all((folder / name).is_file() for name in _FILES):
            self.app.display_warning(f"the wheel comes without a map library: {folder} is not there")
            return
        build_data["force_include"] |= {str(folder / name): f"api/pages/vendor/{name}" for name in _FILES}
