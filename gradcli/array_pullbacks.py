"""Gates that only rules use, on NumPy arrays: what is spread, routed, scattered or summed on the way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.array_elementwise import Array
from gradcli.array_gates import Hole, Slice
from gradcli.array_reductions import axes_of, size


def kept(A: Array, reduced: Array, axis: Any, keepdims: Any = False) -> Array:
    """A reduced value with its axes kept as axes of length 1."""
    if keepdims or np.ndim(A) == 0:
        return reduced
    return np.expand_dims(reduced, axes_of(A, axis))


def _spread(G: Array, A: Array, axis: Any, keepdims: Any) -> Array:
    return np.broadcast_to(kept(A, G, axis, keepdims), np.shape(A))


def sum_to(A: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which `shape` was broadcast to the shape of A."""
    extra = np.ndim(A) - len(shape)
    stretched = [place + extra for place, size in enumerate(shape) if size == 1 and np.shape(A)[place + extra] != 1]
    summed = np.sum(A, axis=(*range(extra), *stretched), keepdims=True)
    return np.reshape(summed, shape)


def _sums_from(A: Array, axis: Any) -> Array:
    return np.flip(np.cumsum(np.flip(A, axis), axis=axis), axis)


def in_line(A: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """The axes moved to the end, and there joined into one; -1 would not do where a size is 0."""
    moved = np.moveaxis(A, axes, range(-len(axes), 0))
    kept_axes = moved.ndim - len(axes)
    return moved, moved.reshape(*moved.shape[:kept_axes], math.prod(moved.shape[kept_axes:]))


def _others(A: Array, axis: Any) -> Array:
    """For each entry the product of the others: products from both ends, right also at zeros."""
    axes = axes_of(A, axis)
    if not axes:
        return np.ones_like(A)
    moved, flat = in_line(A, axes)
    ones = np.ones_like(flat[..., :1])
    before = np.cumprod(np.concatenate([ones, flat[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return np.moveaxis((before * after).reshape(moved.shape), range(-len(axes), 0), axes)


def _route(G: Array, chosen: Array, out: Array, axis: Any, ties: str) -> Array:
    """Along axes: the gradient where an entry is chosen, by the rule for ties; nan where the output is nan."""
    axes = axes_of(G, axis)
    moved, flat = in_line(np.asarray(chosen, dtype=float), axes)
    if ties == "split":
        weights = flat / np.sum(flat, axis=-1, keepdims=True)
    elif ties == "both":
        weights = flat
    elif ties == "first":
        weights = flat * (np.cumsum(flat, axis=-1) == 1)
    else:
        weights = flat * (np.cumsum(flat[..., ::-1], axis=-1)[..., ::-1] == 1)
    weight = np.moveaxis(weights.reshape(moved.shape), range(-len(axes), 0), axes)
    return np.where(out == out, np.where(weight > 0, G if ties != "split" else G * weight, 0.0), out)


# -- entries in places -------------------------------------------------------------------


def numpy_index(index: tuple[Any, ...], *picked: Array) -> tuple[Any, ...]:
    """An index as NumPy takes it."""
    return tuple(
        slice(*entry)
        if isinstance(entry, Slice)
        else np.asarray(picked[entry.place - 1]).astype(int)
        if isinstance(entry, Hole)
        else entry
        for entry in index
    )


def _scatter(G: Array, A: Array, *picked: Array, index: Any) -> Array:
    result = np.zeros(np.shape(A))
    if picked:
        np.add.at(result, numpy_index(index, *picked), G)  # an entry that is picked twice receives both
    else:
        result[numpy_index(index)] = G
    return result


def _part(G: Array, axis: Any, sizes: Any, place: Any) -> Array:
    begin = sum(sizes[:place])
    return np.take(G, range(begin, begin + sizes[place]), axis=axis)


# -- matrices ----------------------------------------------------------------------------


def _cofactor(A: Array) -> Array:
    """det(A) times the transposed inverse; by singular values, so that it is right for singular A too."""
    if not np.isfinite(A).all():
        return np.full(np.shape(A), np.nan)
    determinant = np.linalg.det(A)
    if np.linalg.cond(A) < 1e8:
        return determinant * np.linalg.inv(A).T
    left, values, right = np.linalg.svd(A)
    sign = np.linalg.det(left) * np.linalg.det(right)
    return sign * (left * _others(values, None)) @ right


def _on_diagonal(g: Array, A: Array) -> Array:
    result = np.zeros(np.shape(A))
    np.fill_diagonal(result, g)
    return result


PULLBACKS: dict[str, Callable[..., Array]] = {
    "unpermute": lambda A, axes: np.transpose(A, np.argsort(axes)),
    "mT": lambda A: np.swapaxes(A, -1, -2),
    "reshape_as": lambda G, A: np.reshape(G, np.shape(A)),
    "scatter": _scatter,
    "scatter_at": _scatter,
    "scatter_at2": _scatter,
    "part": _part,
    "slot": lambda G, axis, place: np.take(G, place, axis=axis),
    "sums_from": _sums_from,
    "spread": _spread,
    "route": _route,
    "sum_to": sum_to,
    "size": size,
    "others": _others,
    "on_diagonal": _on_diagonal,
    "cofactor": _cofactor,
}
