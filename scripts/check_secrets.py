"""Search the files of the repository for credentials, offline.

    scripts/check_secrets.py [--accept]

False positives (dummy passwords of tests and examples) are listed in scripts/known_secrets.json by file and hash.
Anything else is reported by place, never with its text, and the exit code is 1. `--accept` rewrites the list: review
every line of the change.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "scripts" / "known_secrets.json"
#: Locks contain hashes, and road files are binary.
_LEFT_OUT = (".pbf", ".lock")
_LEFT_OUT_FOLDERS = ("requirements/",)
_PLUGINS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "GitHubTokenDetector",
    "GitLabTokenDetector", "JwtTokenDetector", "KeywordDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector",
    "PypiTokenDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector",
)  # fmt: skip
_FILTERS = (
    "detect_secrets.filters.heuristic.is_potential_uuid",
    "detect_secrets.filters.heuristic.is_sequential_string",
    "detect_secrets.filters.heuristic.is_templated_secret",
    "detect_secrets.filters.heuristic.is_indirect_reference",
    "detect_secrets.filters.heuristic.is_not_alphanumeric_string",
)


def main() -> None:
    """Print new findings, and exit with 1 if there are any; or accept them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="rewrite the list of known false positives")
    accept = parser.parse_args().accept
    found = _found()
    if accept:
        known = {file: sorted(places) for file, places in sorted(found.items())}
        KNOWN.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        return
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    complaints = [
        f"{file}:{line}: looks like a secret ({kind})"
        for file, places in found.items()
        for hashed, (line, kind) in places.items()
        if hashed not in known.get(file, [])
    ]
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    sys.exit(bool(complaints))


def _found() -> dict[str, dict[str, tuple[int, str]]]:
    """File -> hash -> (line, kind)."""
    found: dict[str, dict[str, tuple[int, str]]] = {}
    secrets = SecretsCollection(root=str(ROOT))
    settings = {
        "plugins_used": [{"name": name} for name in _PLUGINS],
        "filters_used": [{"path": path} for path in _FILTERS],
    }
    with transient_settings(settings):
        for file in _files():
            secrets.scan_file(file)
    for file, secret in secrets:
        found.setdefault(file, {})[secret.secret_hash] = (secret.line_number, secret.type)
    return found


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607  # whichever git there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [
        name
        for name in listed
        if not name.endswith(_LEFT_OUT)
        and not name.startswith(_LEFT_OUT_FOLDERS)
        and name != str(KNOWN.relative_to(ROOT))
        and (ROOT / name).is_file()
    ]


if __name__ == "__main__":
    main()
