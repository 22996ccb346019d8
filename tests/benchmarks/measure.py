"""Processes that are timed, in turn, and tables of their ratios.

Other work on a machine only ever adds time: a figure is the least of its rounds, a ratio that of the
two least, with the median of the ratios of neighbours in brackets.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

FOLDER = Path(__file__).parent
PATIENCE = 600  # seconds for a cell


class Cell(NamedTuple):
    """What cell.py measured, or why there is nothing."""

    seconds: float = 0.0
    bytes: int = 0
    gates: int = 0
    failed: str = ""


def cell(system: str, family: str, n: int) -> Cell:
    """One cell in a process of its own."""
    command = [sys.executable, str(FOLDER / "cell.py"), system, family, str(n)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=FOLDER.parent.parent)
    except subprocess.TimeoutExpired:
        return Cell(failed=f"over {PATIENCE} s")
    if done.returncode:
        kinds = re.findall(r"^(?:[a-z_]+\.)*([A-Z]\w+)(?::|$)", done.stderr, re.MULTILINE)
        return Cell(failed=kinds[-1] if kinds else f"status {done.returncode}")
    return Cell(**json.loads(done.stdout))


def interleaved(systems: Iterable[str], family: str, n: int, rounds: int) -> dict[str, list[Cell]]:
    """The cells of some systems, one after the other, round by round; who fails once is not asked again."""
    cells: dict[str, list[Cell]] = {system: [] for system in systems}
    for _ in range(rounds):
        for found in cells.values():
            if not (found and found[-1].failed):
                found.append(cell(next(name for name, own in cells.items() if own is found), family, n))
    return cells


def least(cells: Sequence[Cell]) -> Cell:
    """The fastest cell, or the one that failed."""
    return min(cells, key=lambda one: (not one.failed, one.seconds))


def ratio(cells: Sequence[Cell], base: Sequence[Cell]) -> str:
    """How many times the base's CPU time: of the fastest, and in brackets the median of neighbours."""
    if cells[-1].failed:
        return cells[-1].failed
    pairs = [one.seconds / other.seconds for one, other in zip(cells, base, strict=False)]
    return f"{least(cells).seconds / least(base).seconds:.2f} ({median(pairs):.2f})"


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in Markdown, columns aligned."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    lines.insert(1, ["-" * width for width in widths])
    print(f"\n{title}\n")
    for line in lines:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |", flush=True)
