"""gradcli from Python: a call at a point beside the note's hand-written lines, a million points beside the kernel.

Run: python tests/benchmarks/api.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from codegen_speed import NOTE, SIXTH, _calls, ratio, told

import gradcli
from gradcli.batch.kernel import kernel
from gradcli.naming import names_of
from gradcli.staging import stage

POINTS = 1_000_000


def one_point() -> None:
    """Value and all gradients at floats; both return a number and a dictionary."""
    scope: dict[str, Callable[..., object]] = {}
    exec(NOTE, scope)
    f = gradcli.compile(SIXTH)
    assert np.allclose(list(f(3.0, -4.0)[1].values()), list(scope["note"](3.0, -4.0)[1].values()))  # type: ignore[index]
    told("a compiled object at a point / the note's lines", ratio(lambda: _calls(f), lambda: _calls(scope["note"])))


def many_points() -> None:
    """Arrays in, arrays out; the kernel alone gets its blocks as they come from a table."""
    f, program = gradcli.compile(SIXTH), stage(SIXTH)
    alone = kernel(program, names_of(program))
    x, y = np.random.default_rng(0).normal(size=(2, POINTS))
    pairs = [(_timed(lambda: f(x, y)), _timed(lambda: _blocks(alone, x, y))) for _ in range(7)]
    ratios = [ours / theirs for ours, theirs in pairs]
    print(f"{'a million points / the kernel alone':58} {statistics.median(ratios):.2f}")
    print(f"{'a million points, microseconds a point':58} {min(ours for ours, _ in pairs):.2f}")


def _blocks(alone: Callable[..., Any], x: Any, y: Any) -> None:
    for start in range(0, POINTS, 4096):
        alone({"x": x[start : start + 4096], "y": y[start : start + 4096]})


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    one_point()
    many_points()
