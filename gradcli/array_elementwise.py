"""Gates that work entry by entry, on NumPy arrays: the formulas that they are for numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli import ieee

Array = Any  # a float64 array, or one number


def _each(name: str) -> Callable[[Array], Array]:
    """A function that NumPy does not have, entry by entry."""
    function = ieee.FUNCTIONS[name]

    def each(x: Array) -> Array:
        x = np.asarray(x)
        return np.array([function(entry) for entry in x.ravel().tolist()], dtype=float).reshape(x.shape)

    return each


def _sqrt(x: Array) -> Array:
    return np.sqrt(x) + 0.0


def _largest(*operands: Array) -> Array:
    """As a fold of the gate of two operands: the first of equal ones, and nan where one is nan."""
    result = operands[0]
    for operand in operands[1:]:
        result = np.where((result >= operand) | (result != result), result, operand)
    return result


def _smallest(*operands: Array) -> Array:
    result = operands[0]
    for operand in operands[1:]:
        result = np.where((result <= operand) | (result != result), result, operand)
    return result


def _hypot(a: Array, b: Array) -> Array:
    return np.hypot(a, b)


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": np.divide,
    "neg": lambda a: -a,
    "pow": np.power,
    "copy": lambda a: a,
    "square": lambda x: x * x,
    "where": lambda cond, a, b: np.where(cond, a, b),
    "lt": lambda a, b: (a < b) * 1.0,
    "le": lambda a, b: (a <= b) * 1.0,
    "gt": lambda a, b: (a > b) * 1.0,
    "ge": lambda a, b: (a >= b) * 1.0,
    "eq": lambda a, b: (a == b) * 1.0,
    "ne": lambda a, b: (a != b) * 1.0,
    "max": _largest,
    "min": _smallest,
    "sqrt": _sqrt,
    "hypot": _hypot,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": _each("erf"),
    "erfc": _each("erfc"),
    **{
        name: getattr(np, name)
        for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "cbrt", "sin", "cos", "tan", "sinh", "cosh",
                     "tanh", "abs", "sign", "floor", "ceil")
    },
}  # fmt: skip
