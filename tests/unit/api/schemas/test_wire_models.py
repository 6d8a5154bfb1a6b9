"""From the wire to the domain: what is strict, what is lenient, and what a patch means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.schemas.bookings import BookingIn, BookingPatch
from api.schemas.fields import OfferStatusName, WireIn
from api.schemas.matches import MatchIn
from api.schemas.offers import OfferIn, OfferPatch, PreferencesIn, PreferencesPatch
from api.schemas.places import AddressIn, GeocodeQuery
from matcher.domain.errors.tree import InvalidWindow
from matcher.domain.match import RideRequest, WindowKind
from matcher.domain.offer import CLEARABLE, PREFERENCE_KEYS, OfferChange, OfferDraft, OfferStatus
from matcher.domain.place import Coordinate, PlaceInput

HERE = {"lat": -29.953, "lon": -71.338}
OFFER: dict[str, Any] = {
    "origin": HERE,
    "destination": {"address": " Balmaceda 1 "},
    "departure": "2026-12-01T07:45:00Z",
    "seats": 1,
}


def _json(value: Any) -> Any:
    import json

    return json.dumps(value)


def _time(text: str) -> datetime:
    return OfferIn.model_validate_json(_json(OFFER | {"departure": text})).departure


def test_an_offer_becomes_a_draft_and_leaves_defaults_open() -> None:
    draft = OfferIn.model_validate_json(_json(OFFER)).to_domain()
    assert draft == OfferDraft(
        origin=PlaceInput(coordinate=Coordinate(lat=-29.953, lon=-71.338)),
        destination=PlaceInput(address="Balmaceda 1"),
        departure=datetime(2026, 12, 1, 7, 45, tzinfo=UTC),
        seats=1,
        preferences={},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01T07:45:00Z", datetime(2026, 12, 1, 7, 45, tzinfo=UTC)),
        ("2026-12-01t07:45:00z", datetime(2026, 12, 1, 7, 45, tzinfo=UTC)),
        ("2026-12-01T07:45:00.5-03:00", datetime(2026, 12, 1, 7, 45, 0, 500_000, timezone(timedelta(hours=-3)))),
        ("2026-12-01T07:45:00.123456789+05:45", datetime(2026, 12, 1, 7, 45, 0, 123_456, timezone(timedelta(hours=5,
         minutes=45)))),
        ("2026-12-01T07:45:00-00:00", datetime(2026, 12, 1, 7, 45, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_times_that_rfc_3339_knows(text: str, expected: datetime) -> None:
    got = _time(text)
    assert (got, got.utcoffset()) == (expected, expected.utcoffset())


@given(st.datetimes(datetime(2001, 1, 1), datetime(2198, 12, 31)), st.integers(-23 * 60, 23 * 60))  # noqa: DTZ001  # the offset is put on below
def test_every_time_is_read_as_it_was_written(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    got = _time(moment.isoformat())
    assert (got, got.utcoffset()) == (moment, moment.utcoffset())


@given(st.text(max_size=30))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        _time(text)


@pytest.mark.parametrize(("written", "seats"), [("3", 3), ("3.0", 3), ("3e0", 3)])
def test_whole_numbers_however_they_are_written(written: str, seats: int) -> None:
    assert OfferIn.model_validate_json(_json(OFFER).replace('"seats": 1', f'"seats": {written}')).seats == seats


@pytest.mark.parametrize("written", ["3.5", "true", '"3"', "null", "[3]", "NaN", "1e999", "1e300"])
def test_what_is_no_whole_number(written: str) -> None:
    with pytest.raises(ValidationError):
        OfferIn.model_validate_json(_json(OFFER).replace('"seats": 1', f'"seats": {written}'))


def test_zero_degrees_is_a_place() -> None:
    draft = OfferIn.model_validate_json(_json(OFFER | {"origin": {"lat": 0, "lon": 0}})).to_domain()
    assert draft.origin.coordinate == Coordinate(lat=0.0, lon=0.0)


def test_an_empty_patch_changes_nothing() -> None:
    assert OfferPatch.model_validate_json("{}").to_domain(None) == OfferChange()


def test_what_a_patch_names_is_replaced_and_null_removes() -> None:
    patch = OfferPatch.model_validate_json(
        '{"seats": 2, "max_detour_m": null, "via": null, "comment": null, "preferences": null}'
    )
    assert patch.to_domain(None) == OfferChange(seats=2, clear_max_detour_m=True, via=(), comment="", preferences={})
    limited = OfferPatch.model_validate_json('{"max_detour_m": 0, "max_detour_s": 0}').to_domain(None)
    assert limited == OfferChange(max_detour_m=0, max_detour_s=0)


@pytest.mark.parametrize("key", ["origin", "destination", "departure", "seats", "flexibility_s", "max_detour_s"])
def test_what_cannot_be_removed(key: str) -> None:
    with pytest.raises(ValidationError):
        OfferPatch.model_validate({key: None})


def test_preferences_are_merged_key_by_key() -> None:
    patch = PreferencesPatch.model_validate_json('{"pets": null, "talk": false}')
    assert patch.merged({"pets": True, "music": True}) == {"music": True, "talk": False}


def test_the_wire_knows_the_domain_s_words() -> None:
    assert tuple(PreferencesIn.model_fields) == PREFERENCE_KEYS
    assert tuple(PreferencesPatch.model_fields) == PREFERENCE_KEYS
    assert set(OfferStatusName.__args__) == {status.value for status in OfferStatus}  # type: ignore[attr-defined]
    # What a driver or rider shares of themselves is looked up, and never sent along.
    assert OfferIn.model_fields.keys() == OfferDraft.__dataclass_fields__.keys() - {"driver_is_woman"}
    cleared = {f"clear_{name}" for name in CLEARABLE}
    assert OfferPatch.model_fields.keys() == OfferChange.__dataclass_fields__.keys() - cleared
    assert MatchIn.model_fields.keys() - {"departure", "arrival", "explain"} == (
        RideRequest.__dataclass_fields__.keys() - {"window", "window_kind", "rider_id", "rider_is_woman", "search_id"}
    )


def test_every_input_is_strict() -> None:
    def below(kind: type[WireIn]) -> list[type[WireIn]]:
        return [kind, *(grandchild for child in kind.__subclasses__() for grandchild in below(child))]

    for model in below(WireIn):
        assert (model.model_config["strict"], model.model_config["extra"]) == (True, "forbid"), model


def test_a_search_is_about_boarding_or_alighting() -> None:
    window = {"earliest": "2026-12-01T07:00:00Z", "latest": "2026-12-01T08:00:00Z"}
    search = {"origin": HERE, "destination": HERE}
    arrival = MatchIn.model_validate_json(_json(search | {"arrival": window}))
    assert arrival.faults() == []
    assert arrival.to_domain().window_kind is WindowKind.ARRIVAL
    for both_or_neither in ({}, {"arrival": window, "departure": window}):
        (fault,) = MatchIn.model_validate_json(_json(search | both_or_neither)).faults()
        assert fault.code == "window_form"


def test_a_window_that_ends_first_points_at_itself() -> None:
    window = {"earliest": "2026-12-01T08:00:00Z", "latest": "2026-12-01T07:00:00Z"}
    search = MatchIn.model_validate_json(_json({"origin": HERE, "destination": HERE, "departure": window}))
    with pytest.raises(InvalidWindow) as caught:
        search.to_domain()
    assert [fault.pointer for fault in caught.value.faults] == ["/departure"]


def test_comments_notes_and_addresses_lose_what_is_invisible_or_turns_text_around() -> None:
    written, kept = "call \u202e54321\u202c\u200b", "call 54321"
    assert BookingIn(match_id="m", note=written).note == kept
    assert BookingPatch(status="CANCELLED", note=written).note == kept
    changed = OfferPatch.model_validate({"comment": written})
    assert changed.comment == kept
    assert AddressIn(address=written).address == kept
    assert GeocodeQuery(q=written).q == kept
    with pytest.raises(ValidationError):
        GeocodeQuery(q="\u200b\u202e")
