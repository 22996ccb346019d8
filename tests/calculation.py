"""A text and a point in, every number and name out: the way the tests ask gradcli a question."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gradcli.calculate import calculated
from gradcli.findings import Finding, findings
from gradcli.naming import names_of
from gradcli.point import Point, read_point
from gradcli.printer import text_of
from gradcli.staging import stage


class Line(NamedTuple):
    """One stage: `name = code`, with its value and gradient at the point."""

    name: str
    code: str
    gate: str
    value: Any
    gradient: Any


class Calculation(NamedTuple):
    """gradient: by input leaf as it is spelled ("x", "w[0]"); lines: the stages in order; warnings: what was found."""

    value: Any
    gradient: dict[str, Any]
    lines: list[Line]
    warnings: list[Finding]

    @property
    def stages(self) -> dict[str, str]:
        """The staged program: name -> code, in order."""
        return {line.name: line.code for line in self.lines}

    @property
    def named(self) -> dict[str, Line]:
        """The stages by name."""
        return {line.name: line for line in self.lines}


def calculate(
    text: str,
    at: str | Mapping[str, Any] = "",
    ties: str = "first",
    fuse: bool = True,
    wrt: Iterable[str] | None = None,
) -> Calculation:
    """`at` is written as on the command line ("x=3,y=-4"), or maps names to floats and lists of floats."""
    program = stage(text, fuse)
    point = read_point((at,) if at else ()) if isinstance(at, str) else Point(dict(at), frozenset())
    evaluation = calculated(program, point, ties, wrt, fuse).evaluation
    program = evaluation.program
    names = names_of(program)
    lines = [
        Line(
            names.of[node],
            text_of(node, names.of.get),
            node.gate.name,
            evaluation.value(node),
            evaluation.gradient(node),
        )
        for node in program.lines
    ]
    gradient = {names.of[leaf]: evaluation.gradient(leaf) for leaf in program.inputs}
    return Calculation(evaluation.value(program.output), gradient, lines, findings(evaluation, ties))


def staged(text: str, fuse: bool = True) -> dict[str, str]:
    """The staged program of a text without a point: name -> code, in order."""
    program = stage(text, fuse)
    names = names_of(program)
    return {names.of[node]: text_of(node, names.of.get) for node in program.lines}
