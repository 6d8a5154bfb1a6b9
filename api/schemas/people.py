"""The caller's own person on the wire: what is shared, who is blocked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.fields import Absent, Maybe, WireIn, WireOut
from matcher.domain.errors.tree import Fault
from matcher.people.block import Block, KnownBy

ShareGender = Annotated[
    Literal["woman"],
    Field(description='"woman": the service may use it for the wish `women_only`; it is shown to nobody'),
]


class ProfileOut(WireOut):
    """The caller, as the service knows them."""

    user: str = Field(description="the caller's name here", examples=["alice"])
    share_gender: Maybe[ShareGender] = Field(None, description="what is shared; absent: nothing")


class ProfilePatch(WireIn):
    """A JSON merge patch (RFC 7396): an absent key keeps what is there, null takes it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"share_gender": "woman"}]})

    share_gender: ShareGender | None = None

    @property
    def changes_gender(self) -> bool:
        """Whether the key is there."""
        return "share_gender" in self.model_fields_set


class BlockIn(WireIn):
    """Somebody whose name the caller does not know: the driver of an offer, or the other person of a booking. One of them is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["offer_id"]}, {"required": ["booking_id"]}],
            "examples": [{"offer_id": "019ad9a2-1f2c-7c35-9f0b-3f6f1c1d2e3f"}],
        }
    )

    offer_id: Absent[Annotated[UUID, Field(description="of a match: its driver is blocked")]] = None
    booking_id: Absent[Annotated[UUID, Field(description="of one's own booking: the other person is blocked")]] = None

    def faults(self) -> list[Fault]:
        """What no single field can say."""
        if (self.offer_id is None) == (self.booking_id is None):
            return [Fault("", "must have either `offer_id` or `booking_id`, never both", "block_form")]
        return []


class BlockOut(WireOut):
    """Somebody is blocked, named as the caller named them."""

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
    """Whom the caller has blocked, oldest first."""

    blocks: list[BlockOut]
