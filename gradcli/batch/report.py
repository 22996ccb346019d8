"""What went wrong in a table, in sentences: bad rows one by one, ties and numbers that are not finite by stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from gradcli.backward import TIES
from gradcli.batch.table import Fault

MOST_NAMED = 10  # bad rows


class Report:
    """What has been found so far.

    bad: how many rows could not be computed; first: line and fault of those that were named; counts: how often each
    (kind, stage) was met; runs: the line from which on a cell is a formula to a spreadsheet, or 0, and where: its part.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """say: takes a sentence about a bad row."""
        self.bad = 0
        self.first: list[tuple[int, Fault]] = []
        self.runs = 0
        self.where = ""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._say = say

    def name(self, line: int, fault: Fault) -> None:
        """A bad row: the first ones are named at once, the others counted."""
        self.bad += 1
        if self.bad <= MOST_NAMED:
            self.first.append((line, fault))
            self._say(sentence(line, fault))

    def add(self, part: str, bad: int, first: Iterable[tuple[int, Fault]], runs: int) -> None:
        """What a report of a part has: the bad rows that it named are named here with the part's name."""
        for line, fault in list(first)[: max(MOST_NAMED - self.bad, 0)]:
            self._say(f"{part[:60]}, {sentence(line, fault)}")
        self.bad += bad
        if runs and not self.runs:
            self.runs, self.where = runs, f"{part[:60]}, "

    def count(self, found: Mapping[tuple[str, str], int]) -> None:
        """How often (kind, stage) was met in a block."""
        self.counts.update(found)

    def unnamed(self) -> str:
        """How many bad rows were not named; nothing if all were."""
        more = self.bad - MOST_NAMED
        return f"and {more} more bad {'row' if more == 1 else 'rows'}" if more > 0 else ""

    def summary(self, ties: str) -> Iterator[str]:
        """A sentence for each stage that met a tie or a kink, or where a nan or inf was born."""
        for (kind, stage), times in self.counts.items():
            rows = "1 row" if times == 1 else f"{times} rows"
            if kind == "tie":
                yield f"{stage} is at a tie in {rows}: {TIES[ties]} (--ties {ties})"
            elif kind == "kink":
                yield f"{stage} is at its kink in {rows}: its slope there is a convention, gradcli gates lists them"
            else:
                yield f"{stage} is nan or inf in {rows}"


def sentence(line: int, fault: Fault) -> str:
    """Why a row is bad: "line 3, column 'x': '=1' is no number"."""
    column = f", column '{fault.column[:60]}'" if fault.column else ""
    return f"line {line}{column}: {fault.message}"
