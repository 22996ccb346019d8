"""The rows of the table on NumPy arrays: a gate's value, and rules worked out.

Entry by entry a gate is the formula that it is for numbers. NumPy is loaded with this module; only
programs over arrays ask for it. Infinities and nans are results, and nothing is warned of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from gradcli import ieee
from gradcli.array_gates import Hole, Setting, Slice
from gradcli.formula import formula
from gradcli.gates import INPUT, NUMBER, Gate, parameters
from gradcli.graph import Input, Node, Settings

Array = Any  # a float64 array, or one number
CONSTANT_VALUES = {"pi": math.pi, "e": math.e}


def settings_of(node: Node) -> dict[str, Any]:
    """The static parameters of a gate, by name."""
    return dict(cast(Settings, node.static)) if node.operands and node.static is not None else {}


def leaf_value(node: Node) -> Array:
    """The value of a number or a constant."""
    return np.float64(str(node.static)) if node.gate is NUMBER else np.float64(CONSTANT_VALUES[str(node.static)])


def value(gate: Gate, operands: tuple[Array, ...], settings: Mapping[str, Any], shape: tuple[int, ...] = ()) -> Array:
    """A gate's value. shape: that of the result, which sizes and ranges need."""
    function = FUNCTIONS.get(gate.name)
    if function is not None:
        return function(*operands, **settings)
    return worked_out(formula(gate.stable or gate.means), dict(zip(parameters(gate), operands, strict=True)), {})


def worked_out(rule: Node, letters: Mapping[str, Array], settings: Mapping[str, Any]) -> Array:
    """A rule of the table at values of its letters; settings: what `axis=axis` in it stands for."""
    if rule.gate is INPUT:
        assert isinstance(rule.static, Input)
        return letters[rule.static.base]
    if not rule.operands:
        return leaf_value(rule)
    operands = tuple(worked_out(operand, letters, settings) for operand in rule.operands)
    own = settings_of(rule)
    given = {name: settings[one.name] if isinstance(one, Setting) else one for name, one in own.items()}
    return value(rule.gate, operands, given)


# -- entry by entry -----------------------------------------------------------------------


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


# -- reductions ---------------------------------------------------------------------------


def kept(A: Array, reduced: Array, axis: Any, keepdims: Any = False) -> Array:
    """A reduced value with its axes kept as axes of length 1."""
    if keepdims or np.ndim(A) == 0:
        return reduced
    axes = range(np.ndim(A)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return np.expand_dims(reduced, tuple(axes))


def _spread(G: Array, A: Array, axis: Any, keepdims: Any) -> Array:
    return np.broadcast_to(kept(A, G, axis, keepdims), np.shape(A))


def _axes(A: Array, axis: Any) -> Any:
    """All axes for None: NumPy's ufuncs and linalg read None differently."""
    return tuple(range(np.ndim(A))) if axis is None else axis


def _mean(A: Array, axis: Any, keepdims: Any) -> Array:
    return np.sum(A, axis=axis, keepdims=keepdims) / _size(A, axis)


def _var(A: Array, axis: Any, keepdims: Any, ddof: Any) -> Array:
    centred = A - _mean(A, axis, True)
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / _size(A, axis, ddof)


def _norm(A: Array, axis: Any, keepdims: Any) -> Array:
    """Scaled by the largest entry, so that squares neither overflow nor vanish."""
    largest = np.max(np.abs(A), axis=_axes(A, axis), keepdims=True, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    plain = np.sqrt(np.sum(A * A, axis=_axes(A, axis), keepdims=True))
    scaled = scale * np.sqrt(np.sum(np.square(A / scale), axis=_axes(A, axis), keepdims=True))
    safe = (largest < 1e150) & (largest > 1e-140)
    found = np.where(np.isinf(largest), np.where(np.isnan(plain), plain, np.inf), np.where(safe, plain, scaled))
    return found if keepdims else np.squeeze(found, _axes(A, axis))


def _logsumexp(A: Array, axis: Any, keepdims: Any) -> Array:
    largest = np.max(A, axis=_axes(A, axis), keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    found = np.log(np.sum(np.exp(A - shift), axis=_axes(A, axis), keepdims=True)) + shift
    return found if keepdims else np.squeeze(found, _axes(A, axis))


def _softmax(A: Array, axis: Any) -> Array:
    raised = np.exp(A - np.max(A, axis=axis, keepdims=True))
    return raised / np.sum(raised, axis=axis, keepdims=True)


def _log_softmax(A: Array, axis: Any) -> Array:
    shifted = A - np.max(A, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _size(A: Array, axis: Any = None, ddof: Any = 0) -> Array:
    axes = _axes(A, axis)
    return np.float64(math.prod(np.shape(A)[one] for one in (axes if isinstance(axes, tuple) else (axes,))) - ddof)


def _others(A: Array, axis: Any) -> Array:
    """For each entry the product of the others: products from both ends, right also at zeros."""
    axes = _axes(A, axis)
    axes = tuple(one % np.ndim(A) for one in (axes if isinstance(axes, tuple) else (axes,)))
    if not axes:
        return np.ones_like(A)
    moved, flat = _in_line(A, axes)
    ones = np.ones_like(flat[..., :1])
    before = np.cumprod(np.concatenate([ones, flat[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return np.moveaxis((before * after).reshape(moved.shape), range(-len(axes), 0), axes)


def _in_line(A: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """The axes moved to the end, and there joined into one; -1 would not do where a size is 0."""
    moved = np.moveaxis(A, axes, range(-len(axes), 0))
    kept_axes = moved.ndim - len(axes)
    return moved, moved.reshape(*moved.shape[:kept_axes], math.prod(moved.shape[kept_axes:]))


def _sums_from(A: Array, axis: Any) -> Array:
    return np.flip(np.cumsum(np.flip(A, axis), axis=axis), axis)


def _route(G: Array, chosen: Array, out: Array, axis: Any, ties: str) -> Array:
    """Along axes: the gradient where an entry is chosen, by the rule for ties; nan where the output is nan."""
    axes = tuple(range(np.ndim(G))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    moved, flat = _in_line(np.asarray(chosen, dtype=float), axes)
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


# -- entries ------------------------------------------------------------------------------


def _key(index: tuple[Any, ...], *picked: Array) -> tuple[Any, ...]:
    """An index as NumPy takes it."""
    return tuple(
        slice(*entry)
        if isinstance(entry, Slice)
        else np.asarray(picked[entry.place - 1]).astype(int)
        if isinstance(entry, Hole)
        else entry
        for entry in index
    )


def _index(A: Array, *picked: Array, index: Any) -> Array:
    return A[_key(index, *picked)]


def _scatter(G: Array, A: Array, *picked: Array, index: Any) -> Array:
    result = np.zeros(np.shape(A))
    if picked:
        np.add.at(result, _key(index, *picked), G)  # an entry that is picked twice receives both
    else:
        result[_key(index)] = G
    return result


def _part(G: Array, axis: Any, sizes: Any, place: Any) -> Array:
    begin = sum(sizes[:place])
    return np.take(G, range(begin, begin + sizes[place]), axis=axis)


def sum_to(A: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which `shape` was broadcast to the shape of A."""
    extra = np.ndim(A) - len(shape)
    stretched = [place + extra for place, size in enumerate(shape) if size == 1 and np.shape(A)[place + extra] != 1]
    summed = np.sum(A, axis=(*range(extra), *stretched), keepdims=True)
    return np.reshape(summed, shape)


# -- matrices -----------------------------------------------------------------------------


def _inv(A: Array) -> Array:
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        return np.full(np.shape(A), np.nan)


def _solve(A: Array, B: Array) -> Array:
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        return np.full(np.shape(B), np.nan)


def _det(A: Array) -> Array:
    return np.linalg.det(A) if np.isfinite(A).all() else np.float64(np.nan)


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


FUNCTIONS: dict[str, Callable[..., Array]] = {
    **ELEMENTWISE,
    **dict.fromkeys(("matmul", "dot", "matvec", "vecmat", "bmm"), lambda A, B: A @ B),
    "outer": np.multiply.outer,
    "transpose": lambda A: A.T,
    "permute": lambda A, axes: np.transpose(A, axes),
    "unpermute": lambda A, axes: np.transpose(A, np.argsort(axes)),
    "mT": lambda A: np.swapaxes(A, -1, -2),
    "reshape": lambda A, shape: np.reshape(A, shape),
    "reshape_as": lambda G, A: np.reshape(G, np.shape(A)),
    "index": _index,
    "pick": _index,
    "pick2": _index,
    "scatter": _scatter,
    "scatter_at": _scatter,
    "scatter_at2": _scatter,
    "concatenate": lambda *parts, axis, sizes: np.concatenate(parts, axis=axis),
    "part": _part,
    "stack": lambda *parts, axis: np.stack(parts, axis=axis),
    "slot": lambda G, axis, place: np.take(G, place, axis=axis),
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
    "sums_from": _sums_from,
    "spread": _spread,
    "route": _route,
    "sum_to": sum_to,
    "size": _size,
    "others": _others,
    "trace": np.trace,
    "on_diagonal": _on_diagonal,
    "det": _det,
    "cofactor": _cofactor,
    "inv": _inv,
    "solve": _solve,
    "solve_vector": _solve,
    "shape": lambda A: np.array(np.shape(A), dtype=float),
    "extent": lambda A, axis: np.float64(np.shape(A)[axis]),
    "arange": lambda n: np.arange(float(n)),
}
