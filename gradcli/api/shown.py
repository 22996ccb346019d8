"""What a program gives back at a point: records that show themselves, as text and in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradcli.api import html
from gradcli.findings import Finding

if TYPE_CHECKING:
    from gradcli.explain.records import Explanation


class Stage(NamedTuple):
    """One line of a program: `name = code`; value and gradient where a point is known, else None."""

    name: str
    gate: str
    code: str
    value: Any = None
    gradient: Any = None


class Evaluated(NamedTuple):
    """A program at one point.

    value: a float or an array; gradient: by variable, in the shape of its value; stages: in order; warnings: ties,
    kinks, and where a nan or inf was born.
    """

    value: Any
    gradient: dict[str, Any]
    stages: list[Stage]
    warnings: list[Finding]

    def _repr_html_(self) -> str:
        rows: list[Sequence[Any]] = [(each.name, each.code, each.value, each.gradient) for each in self.stages]
        rows += [(f"d{name}", "", "", gradient) for name, gradient in self.gradient.items()]
        return html.table(("stage", "", "value", "gradient"), rows, f"value {html.short(self.value)}")


class Told:
    """An explanation: text where it is printed, Markdown in a notebook; `facts` has its numbers in full precision."""

    def __init__(self, facts: Explanation) -> None:
        self.facts = facts

    def __str__(self) -> str:
        from gradcli.explain.printers import text

        return text(self.facts)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        from gradcli.explain.printers import markdown

        return markdown(self.facts)
