"""Gates that work along axes of NumPy arrays: sums, means, the largest, softmax and their like."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.array_elementwise import Array


def axes_of(A: Array, axis: Any) -> tuple[int, ...]:
    """The axes as a tuple; all for None, which NumPy's ufuncs and linalg read differently."""
    return tuple(range(np.ndim(A))) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def size(A: Array, axis: Any = None, ddof: Any = 0) -> Array:
    """How many entries lie along the axes, less ddof."""
    return np.float64(math.prod(np.shape(A)[one] for one in axes_of(A, axis)) - ddof)


def _mean(A: Array, axis: Any, keepdims: Any) -> Array:
    return np.sum(A, axis=axis, keepdims=keepdims) / size(A, axis)


def _var(A: Array, axis: Any, keepdims: Any, ddof: Any) -> Array:
    centred = A - _mean(A, axis, True)
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / size(A, axis, ddof)


def _norm(A: Array, axis: Any, keepdims: Any) -> Array:
    """Scaled by the largest entry, so that squares neither overflow nor vanish."""
    largest = np.max(np.abs(A), axis=axes_of(A, axis), keepdims=True, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    plain = np.sqrt(np.sum(A * A, axis=axes_of(A, axis), keepdims=True))
    scaled = scale * np.sqrt(np.sum(np.square(A / scale), axis=axes_of(A, axis), keepdims=True))
    safe = (largest < 1e150) & (largest > 1e-140)
    found = np.where(np.isinf(largest), np.where(np.isnan(plain), plain, np.inf), np.where(safe, plain, scaled))
    return found if keepdims else np.squeeze(found, axes_of(A, axis))


def _logsumexp(A: Array, axis: Any, keepdims: Any) -> Array:
    largest = np.max(A, axis=axes_of(A, axis), keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    found = np.log(np.sum(np.exp(A - shift), axis=axes_of(A, axis), keepdims=True)) + shift
    return found if keepdims else np.squeeze(found, axes_of(A, axis))


def _softmax(A: Array, axis: Any) -> Array:
    raised = np.exp(A - np.max(A, axis=axis, keepdims=True))
    return raised / np.sum(raised, axis=axis, keepdims=True)


def _log_softmax(A: Array, axis: Any) -> Array:
    shifted = A - np.max(A, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


ALONG_AXES: dict[str, Callable[..., Array]] = {
    "sum": lambda A, axis, keepdims: np.sum(A, axis=axis, keepdims=keepdims),
    "mean": _mean,
    "prod": lambda A, axis, keepdims: np.prod(A, axis=axis, keepdims=keepdims),
    "amax": lambda A, axis, keepdims: np.max(A, axis=axis, keepdims=keepdims),
    "amin": lambda A, axis, keepdims: np.min(A, axis=axis, keepdims=keepdims),
    "var": _var,
    "std": lambda A, axis, keepdims, ddof: np.sqrt(_var(A, axis, keepdims, ddof)),
    "norm": _norm,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "cumsum": lambda A, axis: np.cumsum(A, axis=axis),
}
