"""Stage by stage through sympy: each line differentiated symbolically, its slopes evaluated to 50 digits and chained.

Expressions are built from our own nodes with Dummy symbols, which nothing can be called like: no
text reaches sympy. What sympy takes for a slope at a kink is its own convention, so slopes are
taken on both sides there.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import mpmath
import sympy

from gradcli.checks.judge import judged
from gradcli.checks.precise import Number
from gradcli.checks.rounding import Way, arrivals
from gradcli.checks.scene import Scene
from gradcli.checks.slopes import FLAT, UNKNOWN, Sides, same
from gradcli.checks.spelled import Key, Line, UnknownFunction, lines_of
from gradcli.checks.verdict import BOUNDARY, OVERFLOW, Check, Part, concluded, skipped
from gradcli.graph import Node

MOST_STAGES = 300
SECONDS = 2.0
UNCERTAIN = 1  # the precision that sympy gives a number of which no digit is known to differ from 0
CLOSE = 1e-13  # relative; nearer than this nobody asks why
BENT = (sympy.Heaviside, sympy.sign, sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs)
RAISED = (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError, RecursionError)
Expression = Any
Values = dict[Key, Expression]


class NoNumber(Exception):
    """sympy has no real, finite number for a stage."""


def check(scene: Scene) -> Check:
    """The gradient of each input and stage by sympy's own differentiation."""
    if len(scene.program.lines) > MOST_STAGES:
        return skipped("sympy", f"more than {MOST_STAGES} stages")
    deadline = monotonic() + SECONDS
    try:
        with scene.precision():
            gradients = _gradients(scene, deadline)
            return concluded("sympy", [_part(scene, node, gradients) for node in [*scene.inputs, *scene.lines[:-1]]])
    except UnknownFunction as error:
        return skipped("sympy", f"sympy has no function {error}")
    except OverflowError as error:
        return skipped("sympy", str(error), OVERFLOW)
    except NoNumber as error:
        return skipped("sympy", str(error), BOUNDARY)


def _part(scene: Scene, node: Node, gradients: dict[Key, Sides]) -> Part:
    name, ours = scene.names.gradient_of(node), scene.evaluation.gradient(node)
    slopes = gradients.get(node.index, FLAT)
    if slopes.known and max(map(abs, slopes)) < scene.scale.floor:
        slopes = FLAT  # the rest of terms that cancel
    if slopes.smooth and abs(slopes.left - ours) <= CLOSE * abs(slopes.left):
        return judged(name, ours, slopes, CLOSE * abs(slopes.left), Way.CLEAR, False)
    arrival = arrivals(scene)[node.index]
    return judged(name, ours, slopes, arrival.allowed + scene.scale.floor, arrival.way, False)


def _gradients(scene: Scene, deadline: float) -> dict[Key, Sides]:
    """Slopes of the output by node, chained backwards from line to line; a range where a kink has two."""
    one = mpmath.mpf(1)
    found: dict[Key, Sides] = {scene.program.output.index: Sides(one, one)}
    lines = [
        part
        for line in scene.program.lines
        if not line.constant and scene.used[line.index]
        for part in lines_of(scene.program, line)
    ]
    values = _values(lines, scene, deadline)
    for line in reversed(lines):
        if line.target in found:
            for key, slopes in _slopes(line, values, scene, deadline).items():
                found[key] = _chained(found.get(key, FLAT), found[line.target], slopes)
    return found


def _values(lines: list[Line], scene: Scene, deadline: float) -> Values:
    """The value of each line by sympy, and of what is no line as the program has it."""
    digits = _digits(scene)
    values: Values = {
        node.index: sympy.Float(scene.floats[node.index], digits)
        for node in scene.program.graph.nodes
        if not node.operands or node.constant
    }
    for line in lines:
        _in_time(deadline)
        values[line.target] = _value(line, values, scene, digits)
    return values


def _value(line: Line, values: Values, scene: Scene, digits: int) -> Expression:
    node = scene.program.graph.nodes[line.target if isinstance(line.target, int) else line.target[0]]
    if mpmath.isinf(scene.floats[node.index]) and not mpmath.isnan(scene.exact[node.index]):
        raise OverflowError(f"{scene.names.of.get(node, node.gate.name)} overflows")
    number = _evaluated(line.expression, {symbol: values[key] for key, symbol in line.symbols.items()}, digits)
    if number is None:
        raise NoNumber(f"sympy has no number for {scene.names.of.get(node, node.gate.name)} here")
    return number


def _digits(scene: Scene) -> int:
    return scene.scale.digits - 45  # 50, and more where values lie far apart


def _slopes(line: Line, values: Values, scene: Scene, deadline: float) -> dict[Key, Sides]:
    """The slopes of a line along each operand that leads to an input asked for."""
    found = {}
    subs = {symbol: values[key] for key, symbol in line.symbols.items()}
    for key, symbol in line.symbols.items():
        if isinstance(key, tuple) or scene.active[key]:
            _in_time(deadline)
            found[key] = _sides(_differentiated(line.expression, symbol), symbol, subs, scene)
    return found


def _differentiated(expression: Expression, symbol: Expression) -> Expression:
    """sympy's derivative; steps such as floor, which it leaves alone, are flat wherever they have a slope."""
    derivative = sympy.diff(expression, symbol)
    if derivative.has(sympy.Derivative, sympy.DiracDelta):
        derivative = derivative.replace(_flat, lambda part: sympy.Integer(0))
    return derivative


def _flat(part: Expression) -> bool:
    return isinstance(part, (sympy.Derivative, sympy.DiracDelta))


def _sides(derivative: Expression, symbol: Expression, subs: dict[Expression, Expression], scene: Scene) -> Sides:
    digits = _digits(scene)
    if not derivative.has(*BENT):
        slope = _as_number(_evaluated(derivative, subs, digits))
        return Sides(slope, slope)
    step = sympy.Float(scene.scale.step, digits)
    left, right = (
        _as_number(_evaluated(derivative, {**subs, symbol: subs[symbol] + move}, scene.scale.digits))
        for move in (-step, step)
    )
    return Sides(left, right)


def _evaluated(expression: Expression, subs: dict[Expression, Expression], digits: int) -> Expression | None:
    """A real, finite number, or None."""
    try:
        number = expression.evalf(digits, subs=subs)
    except RAISED:
        return None
    if not (number.is_Number and number.is_finite):
        return None
    return sympy.Integer(0) if number.is_Float and number._prec <= UNCERTAIN else number


def _as_number(number: Expression | None) -> Number:
    return mpmath.nan if number is None else mpmath.mpf(sympy.Float(number, mpmath.mp.dps)._mpf_)


def _chained(before: Sides, upstream: Sides, local: Sides) -> Sides:
    """A gradient with one more flow; all that the conventions may choose lies in its range."""
    if not (before.known and upstream.known and local.known):
        return UNKNOWN
    ends = [a * b for a in upstream for b in local]
    if same(min(ends), max(ends)):
        return Sides(before.left + ends[0], before.right + ends[0])
    return Sides(before.left + min(ends), before.right + max(ends))


def _in_time(deadline: float) -> None:
    if monotonic() > deadline:
        raise TimeoutError(f"more than {SECONDS:g} seconds")
