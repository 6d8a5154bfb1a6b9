"""Check the types of the pages' JavaScript, as its comments state them.

    scripts/check_page_types.py

The compiler is an npm package, and npm is not on every machine: where it is missing this says so and passes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "api" / "pages" / "static" / "tsconfig.json"
TYPESCRIPT = "typescript@5.9.3"


def main() -> None:
    """Exit with what the compiler says."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stdout.write("skipped: this machine has no npm\n")
        return
    command = [npm, "exec", "--yes", f"--package={TYPESCRIPT}", "--", "tsc", "--project", str(PROJECT)]
    sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603  # npm, with arguments of our own


if __name__ == "__main__":
    main()
