"""The values that a script begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradcli.codegen.code import Variable
from gradcli.codegen.target import Options

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
