"""The values that a script begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradcli.codegen.code import Code, Variable
from gradcli.codegen.target import Options
from gradcli.graph import Input

STEP, TOLERANCE, SMALLEST = 1e-5, 1e-4, 1e-6  # of a difference; of a relative error; what a gradient is compared to
EXAMPLE = 0.5  # inside the domain of most gates


def value_of(variable: Variable, options: Options) -> Any:
    """The value of a variable at the point, or an example of its shape."""
    if variable.name in options.point:
        return options.point[variable.name]
    return filled(variable.shape, EXAMPLE)


def filled(shape: tuple[int, ...], value: float) -> Any:
    """Nested lists of one value."""
    return [filled(shape[1:], value) for _ in range(shape[0])] if shape else value


def flat(value: Any) -> Iterator[float]:
    """The numbers of nested lists, in order."""
    if not isinstance(value, list):
        yield value
        return
    for part in value:
        yield from flat(part)


def checked(code: Code) -> Iterator[tuple[Variable, tuple[int, ...]]]:
    """The numbers that a script moves to check itself: inputs asked for, and their elements that occur."""
    variables = {variable.name: variable for variable in code.wanted}
    for leaf in code.program.inputs:
        assert isinstance(leaf.static, Input)
        if leaf.static.base in variables:
            yield variables[leaf.static.base], leaf.static.places
