"""The caller's own person on the wire: what is shared, who is blocked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.fields import Absent, Maybe, WireIn, WireOut
from matcher.domain.errors.tree import Fault
from matcher.domain.principal import Role
from matcher.people.block import Block, KnownBy

ShareGender = Annotated[
    Literal["woman"],
    Field(
        description='"woman": used for `women_only` trips and searches; never shown to anybody. A self-declaration, '
        "unless the operator requires that your token states it (403 `gender_claim_required`)"
    ),
]


class ProfileOut(WireOut):
    """The caller's profile."""

    user: str = Field(description="the caller's user name", examples=["alice"])
    roles: list[Role] = Field(description="the roles of the caller's credential", examples=[["rider"]])
    share_gender: Maybe[ShareGender] = Field(None, description="the gender shared; absent when not shared")


class ProfilePatch(WireIn):
    """A JSON merge patch (RFC 7396): absent keys stay as they are, null removes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"share_gender": "woman"}]})

    share_gender: ShareGender | None = None

    @property
    def changes_gender(self) -> bool:
        return "share_gender" in self.model_fields_set


class BlockIn(WireIn):
    """A person without naming them: the driver of an offer, or the other person of a booking. Give one of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["offer_id"]}, {"required": ["booking_id"]}],
            "examples": [{"offer_id": "019ad9a2-1f2c-7c35-9f0b-3f6f1c1d2e3f"}],
        }
    )

    offer_id: Absent[Annotated[UUID, Field(description="a matched offer: its driver is blocked")]] = None
    booking_id: Absent[Annotated[UUID, Field(description="one of your bookings: the other person is blocked")]] = None

    def faults(self) -> list[Fault]:
        if (self.offer_id is None) == (self.booking_id is None):
            return [Fault("", "must have either `offer_id` or `booking_id`, never both", "block_form")]
        return []


class BlockOut(WireOut):
    """A block, named as the caller named the person."""

    id: UUID = Field(description="UUIDv7")
    user: Maybe[str] = None
    offer_id: Maybe[str] = None
    booking_id: Maybe[str] = None
    created_at: datetime

    @classmethod
    def from_domain(cls, block: Block) -> BlockOut:
        """The block; never who it is about, unless the caller had said so."""
        return cls(
            id=block.id,
            user=block.reference if block.known_by is KnownBy.USER else None,
            offer_id=block.reference if block.known_by is KnownBy.OFFER else None,
            booking_id=block.reference if block.known_by is KnownBy.BOOKING else None,
            created_at=block.created_at,
        )


class BlocksOut(WireOut):
    """The caller's blocks, oldest first."""

    blocks: list[BlockOut]
