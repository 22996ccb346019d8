"""CPU time of `gradcli draw` on a program of 60 gates, in each format, over that of `gradcli eval` on it.

Run as `python tests/benchmarks/draw.py`. Every run is a process of its own, and formats take turns.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from statistics import median

ROUNDS = 15
POINT = ["--at", "x=0.5,y=2"]
FORMATS = ("svg", "terminal", "html", "mermaid", "dot")


def program() -> str:
    """60 gates in a chain with forks; each statement has four or five gates."""
    lines = [f"a{i + 1} = cos(a{i}) * sin(a{max(0, i - 2)}) + y" for i in range(14)]
    return "\n".join(["a0 = x*y + x/2", *lines, "a14*exp(x) - y"])


def seconds(command: str, *more: str) -> float:
    """CPU time of a process, with that of the system for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = [sys.executable, "-m", "gradcli", command, program(), *POINT, *more]
    subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the ratio of the least times, and the median of the ratios of neighbours."""
    found: dict[str, list[float]] = {"eval": []} | {form: [] for form in FORMATS}
    for _ in range(ROUNDS):
        found["eval"].append(seconds("eval"))
        for form in FORMATS:
            found[form].append(seconds("draw", "--format", form))
    for form in FORMATS:
        neighbours = median(ours / theirs for ours, theirs in zip(found[form], found["eval"], strict=True))
        print(f"{form:10} {min(found[form]) / min(found['eval']):.2f} ({neighbours:.2f})")


if __name__ == "__main__":
    main()
