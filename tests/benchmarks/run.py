"""Speed beside the bare tape and the peers: python tests/benchmarks/run.py [start] [growth] [first] [--full]

start: what it costs to start; growth: text to value and gradient, up to a million operands;
first: the same for the note's function, in a warm process. All if none is named.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec

import start
from families import FAMILIES
from measure import Cell, interleaved, least, ratio, table
from systems import OWN, PEERS

GROWING = [name for name in FAMILIES if name != "note"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help="start, growth, first")
    parser.add_argument("--full", action="store_true", help="to a million operands, and more rounds (20 minutes)")
    parser.add_argument("--families", default=",".join(GROWING), help="which expressions grow")
    parser.add_argument("--without-peers", action="store_true", help="gradcli and the tape only")
    options = parser.parse_args()
    peers = [] if options.without_peers else [name for name in PEERS if find_spec(name)]
    wanted = options.tables or ["start", "growth", "first"]
    if "start" in wanted:
        start.report(9 if options.full else 3)
    if "first" in wanted:
        first_value(["tape", "gradcli", *peers], 9 if options.full else 3)
    if "growth" in wanted:
        for family in options.families.split(","):
            growth(family, peers, 6 if options.full else 4, 5 if options.full else 2)


def first_value(systems: list[str], rounds: int) -> None:
    """Text to value and gradient of the note's function."""
    cells = interleaved(systems, "note", 1, rounds)
    rows = [(system, ratio(own, cells["tape"])) for system, own in cells.items()]
    table("First value and gradient of the note's function, from its text, warm", ("system", "tape = 1"), rows)


def growth(family: str, peers: list[str], most: int, rounds: int) -> None:
    """CPU time a gate as an expression grows to 10**most operands."""
    built = [f"{name}, built" for name in peers]
    alive = [*OWN, *peers, *built]
    columns: list[dict[str, list[Cell]]] = []
    for power in range(2, most + 1):
        columns.append(interleaved(alive, family, 10**power, rounds if power > 3 else 2))
        alive = [name for name in alive if _goes_on(name, columns[-1][name])]
    heads = [family, *(f"10^{power}" for power in range(2, most + 1)), "last / one before", "bytes a gate"]
    rows = [[name, *_row(columns, name)] for name in columns[0]]
    table(f"{family}: CPU time, tape = 1 at the same size; growth and memory at the largest", heads, rows)


def _goes_on(name: str, cells: list[Cell]) -> bool:
    """Whether a system is asked for ten times as much: peers that need seconds are not."""
    return not cells[-1].failed and (name in OWN or least(cells).seconds < 5)


def _row(columns: list[dict[str, list[Cell]]], name: str) -> list[str]:
    ratios = [ratio(column[name], column["tape"]) if name in column else "" for column in columns]
    cells = [least(column[name]) for column in columns if name in column]
    done = [cell for cell in cells if not cell.failed]
    if len(done) < 2:
        return [*ratios, "", ""]
    return [*ratios, f"{done[-1].seconds / done[-2].seconds:.1f}", f"{done[-1].bytes / done[-1].gates:.0f}"]


if __name__ == "__main__":
    main()
