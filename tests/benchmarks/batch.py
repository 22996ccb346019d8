"""What a table costs: `eval --data` against a bare script, CSV to CSV, run in turn; and the memory that it takes.

python tests/benchmarks/batch.py [rows] [rounds]
python tests/benchmarks/batch.py memory: the peak for 10^5, 10^6 and 10^7 rows
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
HERE = Path(__file__).parent
BARE = [sys.executable, str(HERE / "split_and_repr.py")]
NUMPY = [sys.executable, "-c", "import numpy"]
OURS = [sys.executable, "-m", "gradcli", "eval", NOTE, "--data", "-", "--from", "csv"]


def cost(command: list[str], data: Path) -> tuple[float, float]:
    """Seconds of CPU time, user and system, and peak memory in MiB, of one process."""
    with data.open("rb") as stdin:
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def table(path: Path, rows: int) -> Path:
    """Numbers of 16 digits and a sign, x and y."""
    drawn = random.Random(1)
    with path.open("w") as file:
        file.write("x,y\n")
        file.writelines(f"{drawn.uniform(-4, 4)!r},{drawn.uniform(-4, 4)!r}\n" for _ in range(rows))
    return path


def compare(rows: int, rounds: int, folder: Path) -> None:
    data = table(folder / "data.csv", rows)
    ratios, ours = [], []
    for _ in range(rounds):
        bare = cost(BARE, data)[0]
        ours.append(cost(OURS, data)[0])
        ratios.append(ours[-1] / bare)
    ratios.sort()
    low, high = ratios[rounds // 4], ratios[-1 - rounds // 4]
    print(f"{rows} rows, eval --data / split and repr: {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})")
    print(f"a row: {statistics.median(ours) / rows * 1e6:.2f} µs of CPU time")


def memory(folder: Path) -> None:
    numpy = cost(NUMPY, Path(os.devnull))[1]
    for rows in (10**5, 10**6, 10**7):
        peak = cost(OURS, table(folder / "data.csv", rows))[1]
        print(f"{rows} rows: {peak:.1f} MiB, numpy alone {numpy:.1f} MiB, more by {peak - numpy:.1f} MiB", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if sys.argv[1:] == ["memory"]:
            memory(Path(name))
        else:
            numbers = [int(word) for word in sys.argv[1:]]
            compare(*[*numbers, *[10**6, 5][len(numbers) :]], Path(name))
