"""What readers, kernel and writers hand to each other: blocks of rows, numbers of a column, faults of a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Fault(NamedTuple):
    """Why a row cannot be computed. column: the column it is about, if it is about one."""

    message: str
    column: str = ""


Faults = dict[int, Fault]  # by place of the row in its block


class Column(NamedTuple):
    """The numbers of a column, shape (rows,); where faults has a row, the number means nothing."""

    numbers: Array
    faults: Faults


class Block(Protocol):
    """Some rows of a table, in order."""

    @property
    def texts(self) -> list[str]:
        """Each row as it came, without its line break."""

    @property
    def lines(self) -> Sequence[int]:
        """The line in the input on which each row begins, from 1."""

    @property
    def faults(self) -> Faults:
        """The rows that are no rows of the table at all."""

    def column(self, name: str, places: tuple[int, ...] = ()) -> Column:
        """The numbers of a column, or of one place in the lists of a column."""

    def values(self, name: str) -> list[object]:
        """What each row has under a name, as JSON values."""

    def words(self, name: str) -> list[str]:
        """The texts in a column."""

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Each row by name; numbers as text."""


class Reader(Protocol):
    """A table that is read block by block."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of its columns; None where nothing tells them."""

    def reserve(self, names: set[str]) -> None:
        """Names that no row may have."""

    def blocks(self) -> Iterable[Block]:
        """The rows. Raises UsageMistake where reading cannot go on."""


def shown(text: str) -> str:
    """A cell as a message shows it: cut when it is long."""
    return text if len(text) <= 40 else text[:37] + "..."
