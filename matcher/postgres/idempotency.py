"""The answers to calls with an Idempotency-Key, kept in the transaction of what the call made."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import IdempotencyInProgress, IdempotencyKeyReused
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_IDEMPOTENCY = Statements("idempotency")


async def keep_answer(connection: Connection, kept: KeptAnswer, now: datetime) -> None:
    """Keep the answer in the caller's transaction. Of several calls with one key the others wait for the first.

    Raises AnsweredBefore when the key has an answer, IdempotencyKeyReused, IdempotencyInProgress.
    """
    request, answer = kept.request, kept.answer
    stored = await _IDEMPOTENCY.row(
        connection,
        "insert_answer",
        owner=request.owner,
        key=request.key,
        fingerprint=request.fingerprint,
        status=answer.status,
        headers=dict(answer.headers),
        body=answer.body,
        created_at=now,
    )
    if stored is not None:
        return
    earlier = await find_answer(connection, request)
    if earlier is None:  # forgotten in the instant between the two statements
        raise IdempotencyInProgress("this idempotency key is expiring: send the request again")
    raise AnsweredBefore(earlier)


async def find_answer(connection: Connection, request: IdempotencyRequest) -> StoredAnswer | None:
    """The answer kept under this key, or None. Raises IdempotencyKeyReused when the key was used for another call."""
    row = await _IDEMPOTENCY.row(connection, "find_answer", owner=request.owner, key=request.key)
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request: use a new one")
    return StoredAnswer(row["status"], row["headers"], row["body"])


async def forget_answers(connection: Connection, before: datetime, limit: int) -> int:
    """Drop the oldest answers given before a moment, so many at the most; returns how many."""
    return await _IDEMPOTENCY.run(connection, "forget_answers", before=before, row_limit=limit)
