"""What processes have cost: CPU time and memory of whole process trees, read from /proc, so on Linux only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds that a process tree has used since it began, those of its ended children among them, and its memory
    now.

    pss_mb counts a page that several processes share once; None where the system does not let us look.
    """

    cpu_s: float
    rss_mb: float
    pss_mb: float | None
    processes: int


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    cpu_ticks: int
    rss_pages: int


def tree_of(root: int) -> set[int]:
    """A process and all that descend from it. Raises ProcessLookupError when it is gone."""
    return _tree(root, _processes())


def _tree(root: int, processes: dict[int, _Process]) -> set[int]:
    if root not in processes:
        raise ProcessLookupError(f"process {root} is gone")
    tree = {root}
    while grown := {pid for pid, one in processes.items() if one.parent in tree and pid not in tree}:
        tree |= grown
    return tree


def tree_usage(root: int) -> Usage:
    """The usage of a process and all that descend from it. Raises ProcessLookupError when it is gone."""
    processes = _processes()
    tree = _tree(root, processes)
    shares = [_pss_kb(pid) for pid in tree]
    known = [share for share in shares if share is not None]
    return Usage(
        cpu_s=sum(processes[pid].cpu_ticks for pid in tree) / _TICKS_A_SECOND,
        rss_mb=round(sum(processes[pid].rss_pages for pid in tree) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1),
        pss_mb=round(sum(known) * 1024 / 1e6, 1) if len(known) == len(shares) else None,
        processes=len(tree),
    )


def machine_busy_s() -> float:
    """CPU seconds that all processes of the machine have used since it started."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = (
        int(word) for word in (_PROC / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / _TICKS_A_SECOND


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = parse_stat((folder / "stat").read_text(encoding="utf-8", errors="replace"))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return found


def parse_stat(line: str) -> _Process:
    """One line of /proc/PID/stat, see proc(5). The name, in parentheses, may hold spaces and parentheses."""
    fields = line[line.rindex(")") + 2 :].split()
    parent, cpu, rss_pages = int(fields[1]), fields[11:15], int(fields[21])
    return _Process(parent, sum(map(int, cpu)), rss_pages)


def _pss_kb(pid: int) -> int | None:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
