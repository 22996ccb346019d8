"""The functions of a kernel on columns of numbers: by a gate's name, `function(*operands, out)`.

Two sets: "exact", whose elementary functions have the bits of Python's math, so that a row of a table has the numbers
that `evaluate` has for it; and "numpy", whose elementary functions are NumPy's own, several times faster and different
from math's in the last places of some results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcli.batch import libm
from gradcli.batch.table import Array

Function = Callable[..., object]


def _sqrt(x: Array, out: Array) -> None:
    """The root of -0.0 is 0.0."""
    np.sqrt(np.add(x, 0.0, out), out)


def _copy(condition: Any, out: Array) -> None:
    np.copyto(out, condition)


def _square(x: Array, exponent: float, out: Array) -> None:
    np.multiply(x, x, out)


# What IEEE 754 leaves no choice about.
SAME: dict[str, Function] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "abs": np.abs,
    "floor": np.floor, "ceil": np.ceil, "sqrt": _sqrt, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or,
    "float": _copy,
}  # fmt: skip
OWN: dict[str, Function] = {
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "atan2": np.arctan2, "pow": np.power, "hypot": np.hypot, "exp": np.exp, "expm1": np.expm1,
    "log": np.log, "log1p": np.log1p, "log2": np.log2, "log10": np.log10, "cbrt": np.cbrt, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
}  # fmt: skip


def exact(name: str, numbers: Sequence[float | None]) -> Function:
    """A function with math's bits. numbers: of the operands that are the same in all rows."""
    return SAME.get(name) or libm.function(name)


def quick(name: str, numbers: Sequence[float | None]) -> Function:
    """A function of NumPy's own, where there is one. numbers: of the operands that are the same in all rows."""
    if name == "pow" and numbers[1] == 2:
        return _square
    return SAME.get(name) or OWN.get(name) or libm.function(name)
