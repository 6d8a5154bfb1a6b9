#!/bin/sh
# Generates the locks from pyproject.toml: every version with the hashes of its files, without registry addresses.
#
#   requirements/lock.sh            keep locked versions unless pyproject.toml requires others
#   requirements/lock.sh --upgrade  use the newest releases that pyproject.toml allows
#
# A resolution of all dependencies together comes first and constrains the rest, so the locks agree on every version.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
command -v "$uv" >/dev/null || { echo "lock: uv is missing; run 'make setup' first, or say UV=/path/to/uv" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head='# Written by "make lock" from pyproject.toml; change that file, not this one.'

resolve() { # output-file arguments…
    out=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links \
        --no-annotate -o "$out" "$@"
}

# uv keeps the versions already in its output file, which makes locks stable between runs.
if [ "${1-}" != "--upgrade" ] && [ -f requirements/dev.txt ]; then
    grep -hE '^[a-z0-9]' requirements/dev.txt requirements/bench.txt requirements/assets.txt | sed 's/ *\\$//' | sort -u >"$work/all.txt"
fi
resolve "$work/all.txt" pyproject.toml --group dev --group bench

for name in runtime build dev bench assets; do
    case $name in
        # Only their files are wanted, by browsers: what they depend on is for Python.
        assets)  set -- --group assets --no-deps ;;
        runtime) set -- pyproject.toml ;;
        build)   set -- --group build ;;
        *)       set -- pyproject.toml --group "$name" ;;
    esac
    resolve "$work/$name.txt" "$@" --generate-hashes --constraint "$work/all.txt"
    { echo "$head"; cat "$work/$name.txt"; } >"requirements/$name.txt"
    echo "requirements/$name.txt: $(grep -c == "requirements/$name.txt") packages"
done
