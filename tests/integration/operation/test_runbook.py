"""What docs/operations.md asks PostgreSQL, and has a shell do, can be asked and done."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap

import asyncpg
import pytest

from tests.integration.service_process import ROOT

_BLOCK = re.compile(r"^( *)```(sh|sql)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    (kind, textwrap.dedent(text))
    for _, kind, text in _BLOCK.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
]


async def test_every_question_has_an_answer(fresh_database: str) -> None:
    """Those that change something are asked by tests/api/test_rotation.py."""
    text = re.sub(r"--.*", "", "".join(block for kind, block in BLOCKS if kind == "sql"))
    questions = [statement for statement in text.split(";") if statement.strip().startswith("SELECT")]
    assert len(questions) >= 3
    connection = await asyncpg.connect(fresh_database)
    try:
        for question in questions:
            assert await connection.fetch(question), question
    finally:
        await connection.close()


@pytest.mark.parametrize("script", [text for kind, text in BLOCKS if kind == "sh"])
def test_a_shell_understands_every_command(script: str) -> None:
    shell = shutil.which("bash")
    assert shell is not None
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
