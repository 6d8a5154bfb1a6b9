"""After warming, a process that serves a region compiles nothing, and each kernel has one set of types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.architecture.repository import ROOT

#: Prints for every road kernel its number of compiled signatures and of cache misses.
ACCOUNT = """
import json, sys
from numba.core.registry import CPUDispatcher
account = {}
rooms = ("matcher.roads.hierarchy.", "matcher.roads.sweeps.", "matcher.roads.network.")
for room in [module for name, module in sys.modules.items() if name.startswith(rooms)]:
    for kernel in vars(room).values():
        if isinstance(kernel, CPUDispatcher):
            missed = sum(kernel.stats.cache_misses.values())
            account[kernel.py_func.__qualname__] = [len(kernel.signatures), missed]
print(json.dumps(account))
"""
WARM = """
from matcher.roads.warm import warm_kernels
said = []
warm_kernels(lambda step, *_: said.append(step))
assert said[-1] == "compiling the kernels", said
"""
SERVE = """
import sys
from pathlib import Path
import numpy as np
from matcher.domain.place import Coordinate, RoadPosition
from matcher.matching.base.roads import PathTable
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.region.files import load_arrays, save_arrays
from matcher.roads.hierarchy.topology import Topology
from tests.builders_roads import an_engine, random_network

folder = Path(sys.argv[1])
fresh = an_engine(random_network(1, nodes=50, streets=150))
save_arrays(folder, "network", fresh.network)
save_arrays(folder, "topology", fresh.topology)
network, topology = load_arrays(folder, "network", RoadNetwork), load_arrays(folder, "topology", Topology)
mapped = RoadEngine("mapped", "", network, topology)
for engine in (fresh, mapped):
    engine.snap(Coordinate(lat=47.02, lon=9.02), limit_m=1e5)
    some = np.arange(8, dtype=np.int32)
    ends = some, np.zeros(8, dtype=np.int32), some[::-1], np.ones(8, dtype=np.int32)
    engine.pack_drives(*(np.tile(end, 20) for end in ends))
    cost, codes, begin, size = engine.pack_drives(*ends)
    drive = engine.pack_drive(RoadPosition(0, 0.5), RoadPosition(0, 0.5))
    with engine.sweep(RoadPosition(0, 0.5), RoadPosition(1, 0.5)):
        pass
    edge, at = ends[0].astype(np.int64), ends[1].astype(np.int64)
    with engine.columns(edge, at, to=True) as home, engine.columns(edge, at, to=False) as away:
        engine.costs_between(away, home)
        home.settled(engine.network.edge_forward_arc[:3] * 0)
        with engine.sweep_least([(home, at, away, at)]):
            pass
    found = np.flatnonzero(size)
    table = PathTable(codes, begin, size, ends[1], ends[3])
    engine.shared_lengths(drive, (1 << 29, 1 << 29), table, found, np.ones(len(found), dtype=np.uint8))
"""


def _account(program: str, *arguments: str) -> dict[str, tuple[int, int]]:
    answer = subprocess.run(
        [sys.executable, "-c", program + ACCOUNT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    account: dict[str, tuple[int, int]] = json.loads(answer.stdout)
    return account


def test_a_process_that_serves_compiles_nothing_that_warming_has_not(tmp_path: Path) -> None:
    warmed = _account(WARM)
    used = {
        "pack_pairs",
        "drive_between",
        "choose_summit",
        "climb_summit",
        "sweep_places",
        "sweep_least",
        "climb_many",
        "settle_many",
        "costs_between",
        "shared_of_routes",
        "unpack_drive",
        "_closest",
        "_customise",
        "_perfect",
    }
    assert used <= {name for name, (types, _) in warmed.items() if types}
    assert {name: types for name, (types, _) in warmed.items() if types > 1} == {}
    serving = _account(SERVE, str(tmp_path))
    assert used <= {name for name, (types, _) in serving.items() if types}
    assert {name: account for name, account in serving.items() if account[0] > 1 or account[1] > 0} == {}
