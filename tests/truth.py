"""The second source: formulas read by Python's own parser and worked out by mpmath, to as many digits as asked for.

Nothing of gradcli's arithmetic or of its rules for slopes is used. Of its table only the definitions are
read (`means`), for gates that mathematics defines by others.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import nan, ulp
from typing import Any

import mpmath
from mpmath import mp, mpf

from gradcli import gates

# Where mpmath has no function of the gate's name, or one on another branch.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "ln": mpmath.log,
    "log2": lambda x: mpmath.log(x, 2),
    "log10": lambda x: mpmath.log(x, 10),
    "max": max,
    "min": min,
    "relu": lambda x: max(x, mpf(0)),
    "where": lambda condition, a, b: a if condition else b,
}


def number(text: str, point: Mapping[str, float], digits: int = 50) -> Any:
    """What a program in Python's notation is worth at a point of floats, taken as exact."""
    with _working(digits):
        return _worth(ast.parse(text.strip()).body, {name: mpf(value) for name, value in point.items()})


def slope(text: str, point: Mapping[str, float], letter: str, digits: int = 50) -> Any:
    """Its derivative by one letter, by differences with about twice the digits."""
    body = ast.parse(text.strip()).body
    with _working(digits):
        fixed = {name: mpf(value) for name, value in point.items()}
        return mpmath.diff(lambda x: _worth(body, {**fixed, letter: x}), fixed[letter])


def gradient(text: str, point: Mapping[str, float], digits: int = 50) -> dict[str, Any]:
    """Its derivative by every letter of the point."""
    return {letter: slope(text, point, letter, digits) for letter in point}


def as_float(number: Any) -> float:
    """The nearest float; nan for what is no real number."""
    return nan if isinstance(number, mpmath.mpc) else float(number)


def error_in_ulps(got: float, want: Any) -> Any:
    """How far a float is from the truth, in units of the truth's last place."""
    return abs(mpf(got) - want) / mpf(ulp(float(want)))


@contextmanager
def _working(digits: int) -> Iterator[None]:
    with mp.workdps(digits):
        yield


def _function(name: str) -> Callable[..., Any]:
    """A gate in mpmath: its own entry here, its definition, or mpmath's function of that name."""
    gate = gates.gate_called(name)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if gate is not None and gate.means:
        body, letters = ast.parse(gate.means).body, gates.parameters(gate)
        return lambda *operands: _worth(body, dict(zip(letters, operands, strict=True)))
    return getattr(mpmath, name)  # a gate with neither needs an entry above


def _worth(body: list[ast.stmt], values: dict[str, Any]) -> Any:
    """Statements worked out in order; the worth of the last."""
    values = {"pi": mpmath.pi(), "e": mpmath.e(), **values}
    result = mpf(0)
    for statement in body:
        result = _expression(statement.value, values)
        if isinstance(statement, ast.Assign):
            values[statement.targets[0].id] = result
    return result


def _expression(tree: Any, values: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Constant():
            return mpf(tree.value)
        case ast.Name():
            return values[tree.id]
        case ast.UnaryOp():
            operand = _expression(tree.operand, values)
            return -operand if isinstance(tree.op, ast.USub) else operand
        case ast.BinOp():
            return OPERATORS[type(tree.op)](_expression(tree.left, values), _expression(tree.right, values))
        case ast.Compare():
            left, right = _expression(tree.left, values), _expression(tree.comparators[0], values)
            return mpf(OPERATORS[type(tree.ops[0])](left, right))
        case ast.Call():
            return _function(tree.func.id)(*(_expression(operand, values) for operand in tree.args))
    raise ValueError(ast.dump(tree))


OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
