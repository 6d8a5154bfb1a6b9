"""Everything in the schema has a name and a comment, every statement fits it, and lists are read from indexes."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from importlib import resources
from uuid import UUID

import pytest

from matcher.postgres.errors import _BY_CONSTRAINT
from matcher.postgres.statements import Statements
from matcher.trips.offers.rows import to_row
from tests.architecture.repository import python_files, tree_of
from tests.conftest import OneTransaction
from tests.contract.stored_offers import a_stored_offer

FILES = sorted(entry.name.removesuffix(".sql") for entry in resources.files("sql").joinpath("queries").iterdir())
TEXTS = {file: resources.files("sql").joinpath(f"queries/{file}.sql").read_text(encoding="utf-8") for file in FILES}
LOADED = {file: Statements(file) for file in FILES}


async def test_every_table_and_column_has_a_comment(db: OneTransaction) -> None:
    silent = await db.only.fetch(
        """
        SELECT c.relname, a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND (a.attnum > 0 OR a.attnum = -1)
            AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migrations'
        AND CASE WHEN a.attnum = -1 THEN obj_description(c.oid, 'pg_class') ELSE col_description(c.oid, a.attnum) END
            IS NULL
        """
    )
    assert [tuple(row) for row in silent] == []


async def test_every_constraint_has_a_name_of_ours(db: OneTransaction) -> None:
    names = await db.only.fetch(
        """
        SELECT conname FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'c', 'f', 'x')
        AND conrelid <> 'schema_migrations'::regclass
        """
    )
    given_by_postgresql = re.compile(r"_(pkey|key|check|fkey|excl)\d*$")
    assert len(names) > 20
    assert [row["conname"] for row in names if given_by_postgresql.search(row["conname"])] == []
    others = await db.only.fetch(
        "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' "
        "UNION SELECT tgname FROM pg_trigger WHERE tgdeferrable"
    )
    assert _BY_CONSTRAINT.keys() <= {row["conname"] for row in names} | {row["name"] for row in others}


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in FILES for name in LOADED[file].names()])
async def test_every_statement_fits_the_schema_and_says_what_it_is_for(
    db: OneTransaction, file: str, name: str
) -> None:
    await db.only.prepare(LOADED[file].sql(name))
    assert re.search(rf"^-- name: {name}\W?\n-- [A-Z]", TEXTS[file], re.MULTILINE)


def test_every_statement_is_sent_by_somebody() -> None:
    """The names are strings in the code: no other tool sees one that is left behind."""
    spoken = {
        node.value
        for path in python_files("matcher")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert [f"{file}: {name}" for file in FILES for name in LOADED[file].names() if name not in spoken] == []


@pytest.fixture
async def many_offers(db: OneTransaction) -> list[UUID]:
    first = a_stored_offer().departure
    offers = [
        a_stored_offer(driver_id=f"driver-{n % 50}", region=f"region-{n % 10}", departure=first + timedelta(minutes=n))
        for n in range(500)
    ]
    for offer in offers:
        await LOADED["offers"].run(db.only, "insert_offer", **to_row(offer))
    await db.only.execute("ANALYZE offers")
    return [offer.id for offer in offers]


async def test_offers_are_read_from_an_index_without_sorting(db: OneTransaction, many_offers: list[UUID]) -> None:
    values = {"driver_id": "driver-7", "region": "region-7", "row_limit": 10, "ids": many_offers[:5]}
    for way_around in ("seqscan", "bitmapscan", "sort"):  # which a few hundred rows are cheap enough for
        await db.only.execute(f"SET LOCAL enable_{way_around} = off")
    for name, index in {
        "get_offer": "offers_pk",
        "current_offers": "offers_pk",
        "list_offers": "offers_by_departure",
        "list_offers_of_driver": "offers_by_driver",
    }.items():
        statements = LOADED["offers"]
        given = [(values | {"id": many_offers[0]}).get(parameter) for parameter in statements._parameters[name]]
        plan = "\n".join(row[0] for row in await db.only.fetch("EXPLAIN " + statements.sql(name), *given))
        assert re.search(rf"Index (Only )?Scan (using|on) {index}\b", plan), plan
        assert "Sort" not in plan, plan
