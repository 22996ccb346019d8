"""One figure in a process of its own: python cell.py SYSTEM FAMILY N prints a JSON object.

seconds: CPU time of one run, the least of as many as fit into half a second.
bytes: how much the process grew in the first run; gates: how many operations the text has.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from math import isclose
from pathlib import Path
from time import process_time

import tape
from families import FAMILIES
from systems import SYSTEMS

ENOUGH = 0.5
LARGE = 10**5


def main(system: str, family: str, n: int) -> None:
    SYSTEMS[system](*FAMILIES[family](10))()  # first uses, imports
    text, point = FAMILIES[family](n)
    run = SYSTEMS[system](text, point)
    before, start = _resident(), process_time()
    answer = run()
    seconds = process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    while answer is not None and n < LARGE and process_time() - start < ENOUGH:
        again = process_time()
        run()
        seconds = min(seconds, process_time() - again)
    if answer is not None:
        _check(answer, tape.value_and_gradient(text, point))
    gates = sum(1 for gate in tape.record(text)[0] if gate not in ("x", "1"))
    print(json.dumps({"seconds": seconds, "bytes": peak - before, "gates": gates}), flush=True)
    os._exit(0)  # nobody waits for a million objects to be taken apart


def _resident() -> int:
    """Bytes that the process holds now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _check(answer: tuple[float, list[float]], expected: tuple[float, dict[str, float]]) -> None:
    value, gradient = answer
    pairs = [(value, expected[0]), *zip(sorted(gradient), sorted(expected[1].values()), strict=False)]
    for found, right in pairs:
        assert isclose(found, right, rel_tol=1e-6, abs_tol=1e-9), f"{found} instead of {right}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
