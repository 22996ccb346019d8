"""The kernel alone on the note's function: CPU time a point, in turn with whole-array NumPy and a C loop.

python tests/benchmarks/kernel.py [points ...]; memory: what a run takes beyond inputs and results.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from gradcli.batch.kernel import KERNELS, kernel
from gradcli.naming import names_of
from gradcli.staging import stage

NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
C = """
#include <math.h>
void rows(long n, const double *restrict xs, const double *restrict ys, double *restrict f, double *restrict dx,
          double *restrict dy)
{
    for (long i = 0; i < n; i++) {
        double x = xs[i], y = ys[i];
        double sigx = 1.0 / (1.0 + exp(-x)), sigy = 1.0 / (1.0 + exp(-y)), xpy = x + y;
        double invden = 1.0 / (sigx + xpy * xpy);
        f[i] = (x + sigy) * invden;
        double dden = -f[i] * invden;
        dx[i] = 2.0 * xpy * dden + (1.0 - sigx) * sigx * dden + invden;
        dy[i] = 2.0 * xpy * dden + (1.0 - sigy) * sigy * invden;
    }
}
"""
Function = Callable[[np.ndarray, np.ndarray], object]


def staged(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The note's lines on whole arrays."""
    sigy = 1.0 / (1 + np.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + np.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    dnum = invden
    dden = (-1.0 / (den**2)) * num
    dx = (2 * xpy) * dden
    dy = (2 * xpy) * dden
    dx += ((1 - sigx) * sigx) * dden
    dx += dnum
    dy += ((1 - sigy) * sigy) * dnum
    return f, dx, dy


def in_c(folder: str) -> Function:
    """The loop above by `cc -O3`."""
    source = Path(folder, "rows.c")
    source.write_text(C)
    subprocess.run(["cc", "-O3", "-shared", "-fPIC", str(source), "-o", f"{folder}/rows.so", "-lm"], check=True)
    loop = ctypes.CDLL(f"{folder}/rows.so").rows
    loop.argtypes = [ctypes.c_long, *[ctypes.c_void_p] * 5]

    def run(x: np.ndarray, y: np.ndarray) -> object:
        found = [np.empty_like(x) for _ in range(3)]
        loop(len(x), *(array.ctypes.data for array in (x, y, *found)))
        return found

    return run


def ours(kind: str, only: list[str]) -> Function:
    program = stage(NOTE)
    run = kernel(program, names_of(program), only=only, kind=kind)
    return lambda x, y: run({"x": x, "y": y})


def compare(points: int, systems: dict[str, Function]) -> None:
    drawn = np.random.default_rng(0)
    x, y = drawn.normal(size=points) * 2, drawn.normal(size=points) * 2
    repeats = max(1, 10**6 // points)
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(9 if points < 10**7 else 5):
        for name, function in systems.items():
            begun = time.process_time()
            for _ in range(repeats):
                function(x, y)
            seconds[name].append((time.process_time() - begun) / repeats)
    print(f"\n{points} points: ns of CPU time a point, over staged, over the C loop")
    for name, own in seconds.items():
        over = [median(a / b for a, b in zip(own, seconds[base], strict=True)) for base in ("staged", "C -O3")]
        print(f"{name:16} {median(own) / points * 1e9:6.1f} {over[0]:6.2f} {over[1]:6.2f}", flush=True)
    for kind in KERNELS:
        both = zip(seconds[kind], seconds[f"{kind}, value"], strict=True)
        print(f"{kind}: value and gradient over value {median(a / b for a, b in both):.2f}", flush=True)


def memory() -> None:
    for kind in KERNELS:
        for points in (10**5, 10**6, 10**7):
            run, x = ours(kind, ["f", "dx", "dy"]), np.zeros(points)
            tracemalloc.start()
            run(x, x)
            peak = tracemalloc.get_traced_memory()[1] - 3 * x.nbytes
            tracemalloc.stop()
            print(f"{kind}, {points} points: {peak / 2**20:.2f} MiB beyond inputs and results", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["memory"]:
        memory()
    else:
        with tempfile.TemporaryDirectory() as folder:
            systems = {"staged": staged, "C -O3": in_c(folder)}
            for kind in KERNELS:
                systems |= {kind: ours(kind, ["f", "dx", "dy"]), f"{kind}, value": ours(kind, ["f"])}
            for points in map(int, sys.argv[1:] or ("100000", "1000000", "10000000")):
                compare(points, systems)
