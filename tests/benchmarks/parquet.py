"""Parquet to Parquet on the note's function: CPU time over that of polars' own pipeline, in turn; and peak memory.

python tests/benchmarks/parquet.py [rows] [rounds]
python tests/benchmarks/parquet.py memory: the peak for 10^5, 10^6 and 10^7 rows
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from batch import NOTE, cost

POLARS = """
import sys
import polars as pl
x, y = pl.col("x"), pl.col("y")
table = pl.scan_parquet(sys.argv[1]).with_columns(sigy=1 / (1 + (-y).exp()), sigx=1 / (1 + (-x).exp()), xpy=x + y)
table = table.with_columns(invden=1 / (pl.col("sigx") + pl.col("xpy") * pl.col("xpy")))
table = table.with_columns(f=(x + pl.col("sigy")) * pl.col("invden"))
table = table.with_columns(dden=-pl.col("f") * pl.col("invden"))
table = table.with_columns(dxpy=2 * pl.col("xpy") * pl.col("dden"))
dx = pl.col("dxpy") + (1 - pl.col("sigx")) * pl.col("sigx") * pl.col("dden") + pl.col("invden")
dy = pl.col("dxpy") + (1 - pl.col("sigy")) * pl.col("sigy") * pl.col("invden")
table.select("x", "y", "f", dx=dx, dy=dy).sink_parquet(sys.argv[2])
"""


def table(path: Path, rows: int) -> Path:
    """Normal numbers, x and y."""
    drawn = np.random.default_rng(0)
    pl.DataFrame({"x": drawn.normal(size=rows) * 2, "y": drawn.normal(size=rows) * 2}).write_parquet(path)
    return path


def ours(data: Path, out: Path, kernel: str) -> list[str]:
    return [sys.executable, "-m", "gradcli", "eval", NOTE, "--data", str(data), "-o", str(out), "--kernel", kernel]


def compare(rows: int, rounds: int, folder: Path) -> None:
    data, out = table(folder / "data.parquet", rows), folder / "out.parquet"
    commands = {"polars": [sys.executable, "-c", POLARS, str(data), str(out)]}
    commands |= {kernel: ours(data, out, kernel) for kernel in ("exact", "numpy", "c")}
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(cost(command, Path("/dev/null"))[0])
    for name, seconds in found.items():
        over = median(a / b for a, b in zip(seconds, found["polars"], strict=True))
        print(f"{name:8} {median(seconds):6.2f} s of CPU time, {over:.2f} times polars", flush=True)


def memory(folder: Path) -> None:
    for rows in (10**5, 10**6, 10**7):
        data = table(folder / "data.parquet", rows)
        seconds, peak = cost(ours(data, folder / "out.parquet", "exact"), Path("/dev/null"))
        print(f"{rows} rows: {peak:.0f} MiB, {seconds:.1f} s of CPU time", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if sys.argv[1:] == ["memory"]:
            memory(Path(name))
        else:
            numbers = [int(word) for word in sys.argv[1:]]
            compare(*[*numbers, *[10**6, 5][len(numbers) :]], Path(name))
