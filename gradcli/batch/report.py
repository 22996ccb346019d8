"""What went wrong in a table, in sentences: bad rows one by one, ties and numbers that are not finite by stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from gradcli.backward import TIES
from gradcli.batch.table import Fault

MOST_NAMED = 10  # bad rows


class Report:
    """What has been found so far.

    bad: how many rows could not be computed; runs: the line from which on a cell is a formula to a spreadsheet, or 0.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """say: takes a sentence about a bad row."""
        self.bad = 0
        self.runs = 0
        self._say = say
        self._counts: Counter[tuple[str, str]] = Counter()

    def name(self, line: int, fault: Fault) -> None:
        """A bad row: the first ones are named at once, the others counted."""
        self.bad += 1
        if self.bad <= MOST_NAMED:
            self._say(sentence(line, fault))

    def count(self, found: Mapping[tuple[str, str], int]) -> None:
        """How often (kind, stage) was met in a block."""
        self._counts.update(found)

    def unnamed(self) -> str:
        """How many bad rows were not named; nothing if all were."""
        more = self.bad - MOST_NAMED
        return f"and {more} more bad {'row' if more == 1 else 'rows'}" if more > 0 else ""

    def summary(self, ties: str) -> Iterator[str]:
        """A sentence for each stage that met a tie or a kink, or where a nan or inf was born."""
        for (kind, stage), times in self._counts.items():
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
