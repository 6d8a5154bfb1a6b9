"""The named statements of `sql/queries`, ready to be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

if TYPE_CHECKING:
    import asyncpg
    import asyncpg.cursor
    import asyncpg.pool

    Record = asyncpg.Record
    Connection = asyncpg.Connection[Record] | asyncpg.pool.PoolConnectionProxy[Record]


_LIST = re.compile(r"\{(:?)(\w+)\}")


def _with_lists(text: str) -> str:
    """`{name}` becomes the text of `sql/lists/name.sql`, and `{:name}` the values of the columns named there."""

    def listed(found: re.Match[str]) -> str:
        lines = resources.files("sql").joinpath(f"lists/{found[2]}.sql").read_text(encoding="utf-8").splitlines()
        columns = _with_lists("\n".join(line for line in lines if not line.startswith("--")))
        return re.sub(r"(?<!\w)(?=\w)", ":", columns) if found[1] else columns

    return _LIST.sub(listed, text)


class Statements:
    """One file of named statements. aiosql reads it and numbers the parameters; values are given by name, all of them.

    A list of columns stands once, in `sql/lists`: `{offer_columns}` and, as values, `{:offer_columns}`.

    An unknown name, a missing or a surplus value is a mistake of ours: KeyError or TypeError.
    """

    def __init__(self, name: str) -> None:
        adapter = AsyncPGAdapter()  # type: ignore[no-untyped-call]
        text = resources.files("sql").joinpath(f"queries/{name}.sql").read_text(encoding="utf-8")
        queries = aiosql.from_str(_with_lists(text), lambda: adapter, mandatory_parameters=False)
        self._sql: dict[str, str] = {
            query: getattr(queries, query).sql for query in queries.available_queries if not query.endswith("_cursor")
        }
        self._parameters: dict[str, tuple[str, ...]] = {query: tuple(adapter.var_sorted[query]) for query in self._sql}

    def names(self) -> list[str]:
        return sorted(self._sql)

    def sql(self, name: str) -> str:
        """The text that is sent, with numbered parameters."""
        return self._sql[name]

    def parameters(self, name: str) -> tuple[str, ...]:
        """The names of the values that a statement takes."""
        return self._parameters[name]

    def taken(self, name: str, values: Mapping[str, object]) -> dict[str, object]:
        """Those of the values that a statement takes."""
        return {parameter: values[parameter] for parameter in self._parameters[name]}

    async def row(self, connection: Connection, name: str, /, **values: object) -> Record | None:
        """The first row, or None."""
        return await connection.fetchrow(self._sql[name], *self._bind(name, values))

    async def rows(self, connection: Connection, name: str, /, **values: object) -> list[Record]:
        return await connection.fetch(self._sql[name], *self._bind(name, values))

    async def value(self, connection: Connection, name: str, /, **values: object) -> Any:
        """The first column of the first row, or None."""
        return await connection.fetchval(self._sql[name], *self._bind(name, values))

    async def run(self, connection: Connection, name: str, /, **values: object) -> int:
        """How many rows were written."""
        tag = await connection.execute(self._sql[name], *self._bind(name, values))
        return int(tag.rpartition(" ")[2])

    async def cursor(self, connection: Connection, name: str, /, **values: object) -> asyncpg.cursor.Cursor[Record]:
        """A server-side cursor; lives as long as the transaction around it, and sees one snapshot."""
        return await connection.cursor(self._sql[name], *self._bind(name, values))

    async def copy(
        self,
        connection: Connection,
        name: str,
        /,
        sink: Callable[[bytes], Coroutine[Any, Any, None]],
        *,
        timeout_s: float,
        **values: object,
    ) -> None:
        """Hand the rows to `sink` as they arrive, in the binary format of COPY, cut anywhere."""
        # The driver writes the values into the text, as COPY takes none beside it.
        await connection.copy_from_query(
            self._sql[name].rstrip().rstrip(";"),
            *self._bind(name, values),
            output=sink,
            format="binary",
            timeout=timeout_s,
        )

    def _bind(self, name: str, values: Mapping[str, object]) -> list[object]:
        parameters = self._parameters[name]
        if len(parameters) != len(values):
            raise TypeError(f"{name} takes {sorted(parameters)}, not {sorted(values)}")
        return [values[parameter] for parameter in parameters]
