"""What all stores have in common: statements that stand alone, and records by the names of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from matcher.postgres.statements import Record

    T = TypeVar("T", bound=DataclassInstance)

Item = TypeVar("Item")


class PostgresStore:
    """Base of the stores, each with its file of statements.

    `_row`, `_rows`, `_value` and `_run` are those of `Statements`, on a connection and in a transaction of their own.
    """

    _statements: ClassVar[Statements]

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def _row(self, name: str, /, **values: object) -> Record | None:
        async with self._connections.connection() as connection:
            return await self._statements.row(connection, name, **values)

    async def _rows(self, name: str, /, **values: object) -> list[Record]:
        async with self._connections.connection() as connection:
            return await self._statements.rows(connection, name, **values)

    async def _value(self, name: str, /, **values: object) -> Any:
        async with self._connections.connection() as connection:
            return await self._statements.value(connection, name, **values)

    async def _run(self, name: str, /, **values: object) -> int:
        async with self._connections.connection() as connection:
            return await self._statements.run(connection, name, **values)


def from_row(kind: type[T], row: Record | Mapping[str, Any], /, **given: Any) -> T:
    """A dataclass of what is given, and every other field from the column of the same name."""
    return kind(**{field.name: row[field.name] for field in fields(kind) if field.name not in given}, **given)


def by_column(record: DataclassInstance) -> dict[str, object]:
    """The fields of a dataclass by name, each as it is."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Item]):
    """One page of a list; `next_cursor` is the (moment, id) to go on after, None at the end."""

    items: tuple[Item, ...]
    next_cursor: tuple[datetime, UUID] | None

    @classmethod
    def of(cls, found: Iterable[Item], limit: int, place: Callable[[Item], tuple[datetime, UUID]]) -> KeysetPage[Item]:
        """The first `limit` of what was found; any more only tells that there is a next page."""
        first = tuple(islice(found, limit + 1))
        items = first[:limit]
        return cls(items, place(items[-1]) if items and len(first) > limit else None)
