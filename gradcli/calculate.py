"""Program and point to an evaluation: in floats where all inputs are numbers, else over arrays.

NumPy is loaded only in the second case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, NamedTuple

from gradcli.errors import GradError, PointMistake, ShapeMistake, UsageMistake
from gradcli.evaluate import Evaluation, evaluate
from gradcli.gates import GATES
from gradcli.graph import Input
from gradcli.naming import names_of
from gradcli.point import Point, bind, unused_names
from gradcli.program import Program, base_of

Shaper = Callable[[Program, Mapping[str, Any], bool], Program]
PICKS = ("pick", "pick2")  # gates whose further operands are whole numbers


def numbers_only(program: Program, what: str) -> None:
    """Refuse a program with gates of arrays. Raises UsageMistake."""
    if program.graph.arrays:
        node = next(node for node in program.graph.nodes if node.operands and node.gate.name not in GATES)
        raise UsageMistake(f"{what} takes programs of numbers, and this one has arrays", node.span, "eval takes both")


class Calculated(NamedTuple):
    """unused: the names in the point that the program does not need."""

    evaluation: Evaluation
    unused: list[str]


def calculated(
    program: Program, point: Point, ties: str = "first", wrt: Iterable[str] | None = None, fuse: bool = True
) -> Calculated:
    """Values and gradients of a program at a point.

    fuse: how the program was staged. Raises PointMistake where the point does not fit, ShapeMistake where
    arrays do not fit each other.
    """
    if not means_arrays(program, point):
        leaves, unused = bind(program, point)
        return Calculated(evaluate(program, leaves, ties, wrt), unused)
    return over_arrays(program, point, ties, wrt, fuse)


def means_arrays(program: Program, point: Point) -> bool:
    """Whether a program works on arrays: by its gates, or because the point gives a list where a number stood."""
    if program.graph.arrays:
        return True
    if all(isinstance(value, float) for value in point.values.values()):
        return False
    return any(_is_array(leaf.static, point) for leaf in program.inputs)


def _is_array(leaf: object, point: Point) -> bool:
    assert isinstance(leaf, Input)
    value = point.values.get(leaf.base)
    for place in leaf.places:
        if not isinstance(value, list) or place >= len(value):
            return False  # an error, that is said elsewhere
        value = value[place]
    return isinstance(value, list)


def over_arrays(
    program: Program,
    point: Point,
    ties: str = "first",
    wrt: Iterable[str] | None = None,
    fuse: bool = True,
    shaper: Shaper | None = None,
) -> Calculated:
    """The same over arrays, also where all shapes are (). shaper: what stands in for `shaped`; it may remember."""
    import numpy as np

    from gradcli.array_evaluate import evaluate_arrays
    from gradcli.dimensions import written
    from gradcli.shapes import shaped

    seed_name = names_of(program).gradient[program.graph.output]
    variables = dict.fromkeys(map(base_of, program.inputs))
    unused = unused_names(program, variables, point, seed_name)
    arrays = {name: np.asarray(_known(point.values[name]), dtype=float) for name in variables}
    program = (shaper or shaped)(program, {name: array.shape for name, array in arrays.items()}, fuse)
    shape = program.shapes[program.output]
    seed: Any = None
    if seed_name in point.values and seed_name not in variables:
        seed = np.asarray(point.values[seed_name], dtype=float)
        if seed.shape != shape:
            title = f"'{seed_name}' has the shape {written(seed.shape)}"
            message = f"{title}, and {program.graph.output} has {written(shape)}"
            raise PointMistake(message, program.output.span, _in_shape(seed_name, seed, shape))
    elif any(size != 1 for size in shape):
        raise _no_number(program, seed_name, written(shape))
    leaves = {leaf: _entry(arrays, leaf.static) for leaf in program.inputs}
    return Calculated(evaluate_arrays(program, leaves, ties, wrt, seed), unused)


def _known(value: Any) -> Any:
    """A value of the point; one that could not be read is an error when it is asked for."""
    if isinstance(value, GradError):
        raise value
    return value


def _entry(arrays: dict[str, Any], leaf: object) -> Any:
    assert isinstance(leaf, Input)
    return arrays[leaf.base][leaf.places]


def _in_shape(name: str, seed: Any, shape: tuple[Any, ...]) -> str:
    """How few numbers are written in another shape that they fill."""
    if seed.size > 16 or seed.size != prod(shape):
        return ""
    return f"the same numbers in that shape: --at {name}={str(seed.reshape(shape).tolist()).replace(' ', '')}"


def _no_number(program: Program, seed_name: str, shape: str) -> ShapeMistake:
    """The output is an array, and no gradient arrives from above."""
    node = program.output
    text = program.text[node.start : node.end].strip()
    name = program.graph.output
    inner = text if len(text) <= 40 and "\n" not in text and name == "f" else name
    return ShapeMistake(
        f"{name} is an array of shape {shape}, and a gradient is that of a number",
        node.span,
        f"write sum({inner}), or give the gradient that arrives from above: --at {seed_name}=...",
    )


# -- what is told -------------------------------------------------------------------------


def varying(program: Program) -> list[str]:
    """The variables that have a gradient: all but those that only pick rows."""
    picking = {operand for node in program.shapes if node.gate.name in PICKS for operand in node.operands[1:]}
    if not picking:
        return program.variables
    used = {operand for node in program.order if node.gate.name not in PICKS for operand in node.operands}
    used |= {node.operands[0] for node in program.order if node.gate.name in PICKS}
    only = {base_of(leaf) for leaf in program.inputs if leaf in picking and leaf not in used}
    return [name for name in program.variables if name not in only]


def gradients(evaluation: Evaluation, point: Mapping[str, Any], inputs: Iterable[str]) -> dict[str, Any]:
    """The gradient of each input asked for, in the shape of its value: numbers and nested lists.

    point: the values of all variables.
    """
    found: dict[str, Any] = {name: _zeros(point[name]) for name in inputs}
    for leaf in evaluation.program.inputs:
        base = base_of(leaf)
        if base not in found:
            continue
        gradient = evaluation.gradient(leaf)
        assert isinstance(leaf.static, Input)
        if not leaf.static.places:
            found[base] = gradient
            continue
        part = found[base]
        for place in leaf.static.places[:-1]:
            part = part[place]
        part[leaf.static.places[-1]] = gradient
    return found


def _zeros(value: Any) -> Any:
    if not isinstance(value, float | int):
        return [_zeros(part) for part in value]
    return 0.0
