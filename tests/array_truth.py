"""The second source for arrays: a program run by Python itself on NumPy arrays of complex numbers.

The slope in one entry is the imaginary part of the output over that of the entry (complex step):
exact to rounding, and no rule for slopes is used. Kinks go by the real part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

STEP = 1e-150
METHOD = re.compile(r"\b(?!np\b)(\w+)\.(max|min|var|std)\(")  # those that complex numbers need otherwise
NUMPY = """exp log log1p sqrt sin cos tan sinh cosh tanh sum mean prod outer dot matmul reshape transpose
concatenate stack cumsum trace where"""


def gradient(text: str, point: Mapping[str, Any], wrt: str) -> Any:
    """The slope of a program's output in each entry of one variable, as nested lists."""
    whole = {name: np.array(value) for name, value in point.items()}  # whole numbers stay such: they may pick rows
    result = np.zeros(whole[wrt].shape)
    for place in np.ndindex(result.shape):
        moved = whole[wrt].astype(complex)
        moved[place] += STEP * 1j
        result[place] = _output(text, {**whole, wrt: moved}).imag / STEP
    return result.tolist()


def value(text: str, point: Mapping[str, Any]) -> float:
    """The output of a program."""
    return float(_output(text, {name: np.array(value) for name, value in point.items()}).real)


def _output(text: str, names: dict[str, Any]) -> Any:
    text = METHOD.sub(r"np.\2(\1, ", text.replace("^", "**"))
    *statements, last = [line for line in re.split(r"[;\n]", text) if line.split("#")[0].strip()]
    scope = {**FUNCTIONS, **names}
    with np.errstate(all="ignore"):
        for line in statements:
            exec(line.strip(), scope)
        return np.reshape(eval(last.split("=", 1)[-1] if re.match(r"\s*\w+ *=[^=]", last) else last.strip(), scope), ())


def _chosen(pick: Any, numpy: bool = False) -> Any:
    """max or min: of several operands entry by entry, of one along axes. numpy: a second one is the axis."""

    def choose(first: Any, *others: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if others and not (numpy and isinstance(others[0], int)):
            for other in others:
                first = np.where(pick(np.real(first), np.real(other)) == np.real(first), first, other)
            return first
        axis = others[0] if others else axis
        best = pick.reduce(first.real, axis=axis, keepdims=True)
        return np.sum(np.where(first.real == best, first, 0), axis=axis, keepdims=keepdims)

    return choose


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def _norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _erf(x: Any) -> Any:
    from math import erf

    flat = [erf(entry.real) + 1j * entry.imag * 2 / np.sqrt(np.pi) * np.exp(-(entry.real**2)) for entry in np.ravel(x)]
    return np.array(flat).reshape(np.shape(x))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    shift = np.max(np.real(x))
    return np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=keepdims)) + shift


def _softmax(x: Any, axis: int = -1) -> Any:
    return np.exp(x - _logsumexp(x, axis=axis, keepdims=True))


def _var(x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    count = np.size(x) / np.size(np.sum(x, axis=axis))
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / (count - ddof)


class _NumPy:
    """np, with the functions that complex numbers need otherwise."""

    def __getattr__(self, name: str) -> Any:
        own = {"max": _chosen(np.maximum, True), "min": _chosen(np.minimum, True), "maximum": FUNCTIONS["max"]}
        if name == "newaxis":
            return None
        return self if name == "linalg" else own.get(name) or FUNCTIONS[name]


FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in NUMPY.split()},
    "pi": np.pi,
    "e": np.e,
    "max": _chosen(np.maximum),
    "min": _chosen(np.minimum),
    "abs": _abs,
    "relu": lambda x: np.where(np.real(x) > 0, x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "square": lambda x: x * x,
    "hypot": lambda a, b: np.sqrt(a * a + b * b),
    "erf": _erf,
    "norm": _norm,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis=axis, keepdims=True),
    "var": _var,
    "std": lambda x, axis=None, keepdims=False, ddof=0: np.sqrt(_var(x, axis, keepdims, ddof)),
    "tr": np.trace,
    "det": np.linalg.det,
    "inv": np.linalg.inv,
    "solve": lambda a, b: np.linalg.inv(a) @ b,
    "arange": lambda n: np.arange(int(np.real(n))),
    "np": _NumPy(),
    "range": range,
}
