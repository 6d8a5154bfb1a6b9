"""docs/operations.md and the code say the same, both ways: commands, settings, error codes, metrics, alerts."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import pytest
import yaml

from api.call import errors
from matcher.domain.errors import tree as domain
from matcher.domain.match import TurnedAway
from matcher.operation.telemetry import METRICS
from matcher.settings import all as settings
from tests.architecture.repository import ROOT, documents, text_of

RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((ROOT / "docs" / "ops" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]


@cache
def _writer() -> ModuleType:
    """scripts/write_reference.py, which is no package."""
    spec = importlib.util.spec_from_file_location("write_reference", ROOT / "scripts" / "write_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _table(name: str) -> str:
    found = re.search(rf"<!-- {name}: made.*?-->(.*?)<!-- end of {name} -->", RUNBOOK, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tables_are_what_the_code_says() -> None:
    writer = _writer()
    for name in writer.TABLES:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert writer.filled(text, name) == text, "run `make reference`"


def test_a_document_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="one place for settings"):
        _writer().filled(RUNBOOK.replace("<!-- end of settings -->", ""), "operations.md")


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    """Counted here from the classes, not by the script that writes the table."""
    fields = [name for concern in settings.CONCERNS.values() for name in concern.model_fields]
    rows = re.findall(r"^\| `(CARPOOL_[A-Z0-9_]+)`", _table("settings"), re.MULTILINE)
    assert sorted(rows) == sorted(map(settings.variable_name, fields))


def _kinds(kind: type[domain.CarpoolError]) -> Iterator[type[domain.CarpoolError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def test_every_code_that_a_caller_can_see_has_a_row() -> None:
    """Every class of ours, whichever module defines it."""
    ours = [kind for kind in _kinds(domain.CarpoolError) if kind.__module__.startswith(("api.", "matcher."))]
    codes = {kind.code for kind in ours} - {domain.CarpoolError.code}
    rows = re.findall(r"^\| \d{3} \| `(\w+)`", _table("errors"), re.MULTILINE)
    assert sorted(rows) == sorted(codes)


def test_codes_that_documents_name_exist() -> None:
    """A status and a code beside it in backticks, like 503 `overloaded`."""
    codes = {kind.code for kind in errors.kinds_of_problem()}
    for document in documents():
        named = set(re.findall(r"\b[45]\d\d `([a-z_]+)`", text_of(document) or ""))
        assert named <= codes, f"{document} names codes that do not exist: {sorted(named - codes)}"


def test_metrics_that_documents_name_exist() -> None:
    known = {metric.name for metric in METRICS}
    for document in documents():
        named = set(re.findall(r"`(carpool_[a-z_]+?)(?:_bucket|_count|_sum)?(?:\{[^`]*)?`", text_of(document) or ""))
        assert named <= known, f"{document} names metrics that do not exist: {sorted(named - known)}"


def test_lines_of_the_log_that_the_runbook_quotes_are_written() -> None:
    """Quoted in backticks, like `"internal error"`."""
    code = "\n".join(
        path.read_text(encoding="utf-8") for room in ("api", "matcher") for path in (ROOT / room).rglob("*.py")
    )
    quoted = re.findall(r'`"([^"`]+)"`', RUNBOOK)
    assert quoted
    assert [line for line in quoted if f'"{line}' not in code] == []


def test_reasons_that_the_runbook_names_exist() -> None:
    section = RUNBOOK.split("### CarpoolFewMatches\n")[1].split("\n#")[0]
    named = set(re.findall(r"`([a-z_]+)`", section))
    assert named
    assert named <= {reason.value for reason in TurnedAway}


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    sections = re.findall(r"^### (Carpool\w+)$", RUNBOOK, re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_section(rule: dict[str, dict[str, str]]) -> None:
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{str(rule['alert']).lower()}"
    section = RUNBOOK.split(f"### {rule['alert']}\n")[1].split("\n#")[0]
    assert "**Do**" in section, "what to do"
