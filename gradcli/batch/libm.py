"""The platform's mathematical functions on arrays, one number at a time in C: the same bits as Python's math.

Python's math calls the C library's functions. NumPy's own are faster and differ in the last place of some results;
but NumPy also gives compiled modules a loop that applies any C function to an array, and that loop is used here. A
function counts only if a sample of its values agrees with math's; otherwise, and where there is no such library or
loop, math itself is asked for each number.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from gradcli import ieee
from gradcli.batch.table import Array
from gradcli.rows import PLAIN_FUNCTIONS, RAISED

Function = Callable[..., object]  # of operands, arrays or numbers, and of the array that takes the results

LIBRARIES = {"linux": "libm.so.6", "darwin": "libSystem.dylib", "win32": "ucrtbase"}
SYMBOLS = {"abs": "fabs"}  # a gate's name is the function's, else
OTHERWISE = ("hypot", "max", "min", "sign")  # Python has its own, not the library's
LOOPS = {1: 5, 2: 15}  # by operands, the place of the loop in NumPy's table: PyUFunc_d_d and PyUFunc_dd_d
# Small and large, on the edges of domains, and where rounding shows.
SAMPLE = [sign * size for size in (0.0, 5e-324, 1e-9, 0.1, 0.3, 0.7, 1.0, 1.1, 2.0, 2.5, 3.7, 20.1, 710.0, 1e22, 1e308)
          for sign in (1.0, -1.0)] + [float("inf"), float("-inf"), float("nan")]  # fmt: skip


@cache
def function(name: str) -> Function:
    """A gate by its name, or "pow": numbers as `evaluate` has them, bit for bit; nothing raises because of a value."""
    total = ieee.power if name == "pow" else ieee.FUNCTIONS[name]
    operands = total.__code__.co_argcount if hasattr(total, "__code__") else 2 if name in ("atan2", "hypot") else 1
    found = None if name in OTHERWISE else _in_c(SYMBOLS.get(name, name), operands)
    if found is not None and _agrees(found, total, operands):
        return found
    return _one_by_one(PLAIN_FUNCTIONS.get(name) or ieee.power, total)


def _in_c(symbol: str, operands: int) -> Function | None:
    """The library's function in NumPy's loop; None where one of them is missing."""
    loop, library = _loop(LOOPS[operands]), _library()
    if loop is None or library is None or not hasattr(library, symbol):
        return None
    address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p)

    def apply(*arrays: Any) -> None:
        out: Array = arrays[-1]
        kept = [np.asarray(array, np.float64) for array in arrays]
        pointers = (ctypes.c_void_p * len(kept))(*(array.ctypes.data for array in kept))
        strides = (ctypes.c_ssize_t * len(kept))(*(array.strides[0] if array.ndim else 0 for array in kept))
        loop(pointers, ctypes.byref(ctypes.c_ssize_t(len(out))), strides, address)

    return apply


@cache
def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(LIBRARIES.get(sys.platform, ""))
    except OSError:
        return None


@cache
def _loop(place: int) -> Callable[..., None] | None:
    """A loop of NumPy's: (pointers to operands and result, length, strides, function)."""
    core: Any = getattr(np, "_core", None) or getattr(np, "core", None)
    table = getattr(getattr(core, "_multiarray_umath", None), "_UFUNC_API", None)
    if table is None:
        return None
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(table, None)
    known = (ctypes.c_void_p * (place + 1)).from_address(address)[place]
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(known) if known else None


def _agrees(found: Function, total: Callable[..., float], operands: int) -> bool:
    """Whether a function has math's values on the sample, nan where math has nan."""
    points = list(product(SAMPLE, repeat=operands))
    out = np.empty(len(points))
    found(*np.array(points).T.copy(), out)
    expected = np.array([total(*point) for point in points])
    both = np.isnan(out) & np.isnan(expected)
    return bool(np.all((out.view(np.int64) == expected.view(np.int64)) | both))


def _one_by_one(plain: Callable[..., float], total: Callable[..., float]) -> Function:
    """A function of numbers, called for each."""

    def apply(*arrays: Any) -> None:
        out: Array = arrays[-1]
        numbers = [array.tolist() for array in np.broadcast_arrays(*arrays)[:-1]]
        try:
            found = np.fromiter(map(plain, *numbers), np.float64, len(out))
        except RAISED:
            found = np.fromiter(map(total, *numbers), np.float64, len(out))
        out[:] = found

    return apply
