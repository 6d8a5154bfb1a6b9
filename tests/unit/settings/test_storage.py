"""The data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.settings.storage import StorageSettings


def test_a_subfolder_nobody_chose_still_counts_as_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARPOOL_DATA_DIR", raising=False)
    monkeypatch.setenv("CARPOOL_DATABASE_URL", "postgresql://u:p@db/x")
    default = StorageSettings().embedded_below("demo")
    assert (default.data_dir, default.database_url) == (Path(".carpool/demo"), None)
    assert default.data_dir_is_default
    assert not StorageSettings(data_dir=tmp_path).embedded_below("demo").data_dir_is_default
