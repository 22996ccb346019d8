"""The gates in mpmath numbers: values only, from `form`, `means` and `stable` of the table.

No rule of a gate is read here, so that a wrong rule cannot hide. Outside a function's domain
and at its poles a value is nan; infinite is only what is too large for any use.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import inf
from typing import Any

import mpmath

from gradcli import ieee
from gradcli.formula import formula
from gradcli.gates import Gate, operator_of, parameters
from gradcli.graph import Input, Node

Number = Any  # mpmath ships no types
FARTHEST = 11_000  # exp of more is beyond 10**4777: no float comes near, and its digits take for ever
GROWING = ("exp", "expm1", "sinh", "cosh")
RAISED = (ArithmeticError, ValueError, TypeError)


class UnknownGate(Exception):
    """mpmath has no function of the gate's name, and the table does not define it by others."""


def power(a: Number, b: Number) -> Number:
    """a ** b for real numbers; nan for a negative base with an exponent that is not whole."""
    if a == 0:
        return mpmath.mpf(b == 0) if b >= 0 else mpmath.nan
    if a < 0 and not mpmath.isint(b):
        return mpmath.nan
    growth = b * mpmath.log(abs(a))
    if abs(growth) > FARTHEST:
        return mpmath.inf * (-1 if a < 0 and b % 2 else 1) if growth > 0 else mpmath.mpf(0)
    return a**b


def _cube_root(x: Number) -> Number:
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def _largest(*operands: Number) -> Number:
    return mpmath.nan if any(map(mpmath.isnan, operands)) else max(operands)


def _smallest(*operands: Number) -> Number:
    return mpmath.nan if any(map(mpmath.isnan, operands)) else min(operands)


def _where(condition: Number, a: Number, b: Number) -> Number:
    return a if condition != 0 else b


OPERATORS: dict[str, Callable[..., Number]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": power,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
# Where mpmath has no function of the gate's name, or another one.
SPELLED: dict[str, Callable[..., Number]] = {
    "neg": operator.neg, "copy": operator.pos, "abs": abs, "cbrt": _cube_root, "where": _where,
    "max": _largest, "min": _smallest, "log2": lambda x: mpmath.log(x, 2),
}  # fmt: skip


def apply(gate: Gate, operands: Sequence[Number]) -> Number:
    """The gate's value at the current precision. Raises UnknownGate."""
    if gate.name in GROWING and abs(operands[0]) > FARTHEST:
        return mpmath.mpf(ieee.FUNCTIONS[gate.name](float(operands[0])))
    function = _function(gate.name, operator_of(gate), gate.means or gate.stable, tuple(parameters(gate)))
    try:
        value = function(*operands)
    except RAISED:
        return mpmath.nan
    if isinstance(value, mpmath.mpc):
        return mpmath.nan
    value = mpmath.mpf(value)
    if mpmath.isinf(value) and function is not power and all(map(mpmath.isfinite, operands)) and not gate.means:
        return mpmath.nan  # a pole
    return value


@cache
def _function(name: str, symbol: str, defined: str, letters: tuple[str, ...]) -> Callable[..., Number]:
    if symbol:
        return OPERATORS[symbol]
    if name in SPELLED:
        return SPELLED[name]
    if defined:
        rule = formula(defined)
        return lambda *operands: value_of(rule, dict(zip(letters, operands, strict=True)))
    function = getattr(mpmath, name, None)
    if not callable(function):
        raise UnknownGate(name)
    return function  # type: ignore[no-any-return]


def value_of(rule: Node, letters: Mapping[str, Number]) -> Number:
    """A formula of the table, with numbers for its letters."""
    if not rule.operands:
        return leaf(rule, letters)
    return apply(rule.gate, [value_of(operand, letters) for operand in rule.operands])


def leaf(rule: Node, letters: Mapping[str, Number]) -> Number:
    """A letter, or a number: literals are the doubles that a program computes with, pi and e are exact."""
    if isinstance(rule.static, Input):
        return letters[rule.static.base]
    if rule.gate.name == "number":
        return mpmath.mpf(float(str(rule.static)))
    return +getattr(mpmath, str(rule.static))


def as_float(number: Number) -> float:
    """The nearest float, infinite where there is none."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf
