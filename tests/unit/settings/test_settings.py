"""Settings: where they come from, what is wrong with them in words, and what never shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from matcher.settings.all import CONCERNS, load_settings, unknown_variables, variable_name
from matcher.settings.base import SettingsInvalid
from matcher.settings.people import KeySettings

PEPPER = "0123456789abcdef0123456789abcdef-pepper"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for concern in CONCERNS.values():
        for field in concern.model_fields:
            monkeypatch.delenv(variable_name(field), raising=False)


def test_defaults_need_no_setting_at_all() -> None:
    settings = load_settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.storage.database_url is None
    assert settings.storage.data_dir == Path(".carpool")
    assert settings.roads.region == "coquimbo"
    assert settings.roads.snap_limit_m == 1000
    assert settings.offers.offer_horizon_days == 365
    assert settings.geocoding.geocoder_names == ("gazetteer",)


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CARPOOL_PORT=1111\nCARPOOL_REGION=porto\nOTHER=1\n")
    monkeypatch.setenv("CARPOOL_PORT", "2222")
    monkeypatch.setenv("CARPOOL_GEOCODERS", " gazetteer , photon")
    settings = load_settings()
    assert settings.server.port == 2222
    assert settings.roads.region == "porto"
    assert settings.geocoding.geocoder_names == ("gazetteer", "photon")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CARPOOL_PORT", "99999", "less than or equal to 65535"),
        ("CARPOOL_PORT", "web", "valid integer"),
        ("CARPOOL_DATABASE_URL", "mysql://root:hunter2@db", "postgresql://user:password@host:5432/database"),
        ("CARPOOL_KEY_PEPPER", "hunter2", "at least 32 characters"),
        ("CARPOOL_GEOCODERS", "gazetteer,hunter2", "gazetteer, nominatim, photon"),
        ("CARPOOL_GEOCODERS", "photon,photon", "each at most once"),
        ("CARPOOL_REGION", "../../etc", "match pattern"),
        ("CARPOOL_SNAP_LIMIT_M", "0", "greater than 0"),
    ],
)
def test_a_bad_value_is_named_with_what_to_do_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as refused:
        load_settings()
    text = str(refused.value)
    assert text.startswith(f"{name}: ")
    assert said in text
    assert "hunter2" not in text


def test_every_bad_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARPOOL_PORT", "web")
    monkeypatch.setenv("CARPOOL_KEY_PEPPER", "short")
    with pytest.raises(SettingsInvalid) as refused:
        load_settings()
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["CARPOOL_PORT", "CARPOOL_KEY_PEPPER"]


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARPOOL_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("CARPOOL_MATCH_SECRET", PEPPER)
    monkeypatch.setenv("CARPOOL_DATABASE_URL", "postgresql://carpool:hunter2@db/carpool")
    settings = load_settings()
    assert settings.keys.key_pepper is not None
    assert settings.keys.key_pepper.get_secret_value() == PEPPER
    for text in (repr(settings), str(settings)):
        assert PEPPER not in text
        assert "hunter2" not in text


def test_a_secret_that_is_too_short_does_not_show_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARPOOL_KEY_PEPPER", "hunter2")
    with pytest.raises(ValidationError) as refused:
        KeySettings()
    assert "hunter2" not in str(refused.value)


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARPOOL_PORT", "")
    monkeypatch.setenv("CARPOOL_DATABASE_URL", "")
    settings = load_settings()
    assert settings.server.port == 8080
    assert settings.storage.database_url is None


def test_a_misspelt_variable_is_pointed_out() -> None:
    found = unknown_variables(
        {"CARPOOL_PROT": "1", "CARPOOL_PORT": "1", "CARPOOL_XYZZYX_424242_XYZZYX": "1", "PATH": "x"}
    )
    assert found == {"CARPOOL_PROT": "CARPOOL_PORT", "CARPOOL_XYZZYX_424242_XYZZYX": None}
    assert unknown_variables({"CARPOOL_NONSENSE": "1"}) == {"CARPOOL_NONSENSE": None}


def test_every_setting_is_described_once() -> None:
    fields = [(name, info) for concern in CONCERNS.values() for name, info in concern.model_fields.items()]
    assert len({name for name, _ in fields}) == len(fields)
    assert all(info.description for _, info in fields)


SECRETS = [
    field
    for concern in CONCERNS.values()
    for field, info in concern.model_fields.items()
    if "SecretStr" in str(info.annotation)
]


@pytest.mark.parametrize("field", SECRETS)
def test_no_secret_shows_whatever_is_wrong(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """Neither of one that is taken nor of one that is refused."""
    name = variable_name(field)
    good = f"postgresql://carpool:{PEPPER}@db/carpool" if name.endswith("_URL") else PEPPER
    monkeypatch.setenv(name, good)
    settings = load_settings()
    assert any(getattr(concern, field, None) is not None for concern in vars(settings).values())
    assert PEPPER not in repr(settings)
    monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("CARPOOL_PORT", "web")  # something else that is wrong beside it
    with pytest.raises(SettingsInvalid) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)
    assert (f"{name}: " in str(refused.value)) == (field != "pelias_api_key"), "another's key may have any form"


def test_each_secret_that_signs_or_stores_can_be_changed_in_rounds() -> None:
    others = {field for field in SECRETS if field.endswith("_other")}
    own = {field for field in SECRETS if not field.endswith(("_other", "_url"))} - {"pelias_api_key"}
    assert own == {"key_pepper", "match_secret", "webhook_secret_key"}
    assert others == {f"{field}_other" for field in own}
