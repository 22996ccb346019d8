"""What a diagnosis says: a slip with its place, and the judgement of every line."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradcli.errors import Span


class Change(NamedTuple):
    """`text` in place of what stands between start and end of the file."""

    start: int
    end: int
    text: str


class Slip(NamedTuple):
    """One mistake.

    kind: see KINDS; span: the line it is in; name: the gradient it spoils; via: the name through which something
    is missing or too early. gives, expected: values at `point` of it; None where it gives none.
    correct: the line as it should be, or nothing; changes: to the file; given_point: whether the values are those
    at the point that was given; behind: a missing line belongs behind this one, not before it; target: what the
    line assigns to.
    """

    kind: str
    span: Span
    name: str
    via: str
    gives: Any
    expected: Any
    correct: str
    changes: tuple[Change, ...]
    given_point: bool
    behind: bool = False
    target: str = ""


class Judged(NamedTuple):
    """One line of the way back. local: right given what it reads; overall: its gradient is right in the end."""

    span: Span
    name: str
    local: bool
    overall: bool
    gives: Any
    expected: Any


class Diagnosis(NamedTuple):
    """slips: in order of execution; lines: of the way back; missing: inputs that no line gives a gradient.

    leaves: names of the gradients of inputs, and whether each is right. text: the file; corrected: without the slips.
    confirmed: whether the corrected file gives the right gradient.
    """

    text: str
    title: str
    slips: list[Slip]
    lines: list[Judged]
    leaves: dict[str, bool]
    missing: list[str]
    corrected: str
    confirmed: bool

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.slips


KINDS = {
    "accumulate": "'=' where '+=' belongs",
    "assign": "'+=' where '=' belongs",
    "factor": "a factor is lost, doubled or wrong",
    "sign": "the sign is wrong",
    "swapped": "operands are swapped",
    "confused": "a name is taken for another",
    "transpose": "a transpose is missing or too much",
    "sum": "a sum over an axis is missing or wrong",
    "order": "a gradient is used before it is complete",
    "missing": "a line is missing",
    "extra": "a line is there twice",
    "overwritten": "a value is overwritten that is still needed",
    "aliasing": "two names share one array",
    "local": "the local gradient is wrong",
}
