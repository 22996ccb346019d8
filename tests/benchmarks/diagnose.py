"""How often `gradcli diagnose` names line and kind of a slip, and how often its correction is right.

python tests/benchmarks/diagnose.py [--programs N] [--slips N] [--seed N] [--show]
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from judging import judged
from mutations import array_passes, mutants, scalar_passes

NEW = "\n"


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--slips", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="with --skip, one part of the programs")
    parser.add_argument("--only", default="scalar array")
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    total: collections.Counter[str] = collections.Counter()
    kinds: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    every = [("scalar", one) for one in scalar_passes()] + [("array", one) for one in array_passes()]
    programs = [one for family, one in every if family in asked.only][asked.first :: asked.skip][: asked.programs]
    for one in programs:
        for mutant in mutants(one, asked.slips, asked.seed):
            begin = time.perf_counter()
            found = judged(one, mutant)
            spent = time.perf_counter() - begin
            for counter in (total, kinds[mutant.kind]):
                counter.update(slips=1, line=found.line, kind=found.kind, fix=found.fix)
            if asked.show and not (found.line and found.kind and found.fix):
                number = mutant.lines[0] - 1
                written = mutant.source.split(NEW)[number].strip()
                print(f"{one.name} {mutant.kind} line {mutant.lines} {spent:.1f} s: {written}")
                print(f"    was {one.source.split(NEW)[number].strip()}")
                print(f"    line {found.line} kind {found.kind} fix {found.fix}: {found.said}", flush=True)
    print(f"{len(programs)} programs")
    for name, counter in [*sorted(kinds.items()), ("all", total)]:
        share = "  ".join(
            f"{what} {counter[what]} ({100 * counter[what] / counter['slips']:.1f} %)"
            for what in ("line", "kind", "fix")
        )
        print(f"{name:12} {counter['slips']:5} slips  {share}")


if __name__ == "__main__":
    main()
