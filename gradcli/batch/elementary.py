"""Elementary functions on arrays, element by element those of the math module.

NumPy's own are several times faster, but differ from math's in the last place of some results, and a subtraction
behind them makes that difference as large as it likes: 1 - tanh(x)**2. Here a row of a table has the numbers that
`evaluate` has for it, bit for bit, and reading and writing it takes longer than computing it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, reduce

import numpy as np
from numpy.typing import ArrayLike

from gradcli import ieee
from gradcli.batch.table import Array
from gradcli.gates import GATES
from gradcli.rows import PLAIN_FUNCTIONS, RAISED

SAME = ("abs", "floor", "ceil", "sqrt")  # gates that IEEE 754 leaves no choice about
NAMES = [name for name in (*ieee.FUNCTIONS, "pow") if name not in SAME]


def forms() -> dict[str, str]:
    """How a text writes the functions: gate -> form."""
    return {name: GATES[name].form.replace(f"{name}(", f"{called(name)}(") for name in NAMES} | {"pow": "_pow(a, b)"}


def called(name: str) -> str:
    """What a text calls a gate's function."""
    return f"_{name}"


def _larger(a: Array, b: Array) -> Array:
    """The first of two zeros, where NumPy's maximum leaves open which; nan if one is nan."""
    return np.where((b > a) | (b != b), b, a)


def _smaller(a: Array, b: Array) -> Array:
    return np.where((b < a) | (b != b), b, a)


CHOOSES = {"max": _larger, "min": _smaller}


@cache
def function(name: str) -> Callable[..., Array]:
    """A gate on arrays that fit together by NumPy's broadcasting; nothing raises because of a value."""
    if name in CHOOSES:
        return lambda *operands: reduce(CHOOSES[name], operands)
    plain, total = PLAIN_FUNCTIONS.get(name, math.pow), ieee.FUNCTIONS.get(name, ieee.power)

    def apply(*operands: ArrayLike) -> Array:
        arrays = np.broadcast_arrays(*(np.asarray(operand, np.float64) for operand in operands))
        numbers = [array.ravel().tolist() for array in arrays]
        size = arrays[0].size
        try:
            found = np.fromiter(map(plain, *numbers), np.float64, size)
        except RAISED:
            found = np.fromiter(map(total, *numbers), np.float64, size)
        return found.reshape(arrays[0].shape)

    return apply
