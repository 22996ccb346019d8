"""The rows of the table on NumPy arrays: a gate's value, and rules worked out.

Entry by entry a gate is the formula that it is for numbers. NumPy is loaded with this module; only
programs over arrays ask for it. Infinities and nans are results, and nothing is warned of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from gradcli.array_elementwise import ELEMENTWISE, Array
from gradcli.array_gates import Setting
from gradcli.array_pullbacks import PULLBACKS, numpy_index
from gradcli.array_reductions import ALONG_AXES
from gradcli.evaluate import CONSTANT_VALUES
from gradcli.formula import formula
from gradcli.gates import INPUT, NUMBER, Gate, parameters
from gradcli.graph import Input, Node, Settings


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


# -- entries and matrices ----------------------------------------------------------------


def _index(A: Array, *picked: Array, index: Any) -> Array:
    return A[numpy_index(index, *picked)]


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


FUNCTIONS: dict[str, Callable[..., Array]] = {
    **ELEMENTWISE,
    **ALONG_AXES,
    **PULLBACKS,
    **dict.fromkeys(("matmul", "dot", "matvec", "vecmat", "bmm"), lambda A, B: A @ B),
    "outer": np.multiply.outer,
    "transpose": lambda A: A.T,
    "permute": lambda A, axes: np.transpose(A, axes),
    "reshape": lambda A, shape: np.reshape(A, shape),
    "index": _index,
    "pick": _index,
    "pick2": _index,
    "concatenate": lambda *parts, axis, sizes: np.concatenate(parts, axis=axis),
    "stack": lambda *parts, axis: np.stack(parts, axis=axis),
    "trace": np.trace,
    "det": _det,
    "inv": _inv,
    "solve": _solve,
    "solve_vector": _solve,
    "shape": lambda A: np.array(np.shape(A), dtype=float),
    "extent": lambda A, axis: np.float64(np.shape(A)[axis]),
    "arange": lambda n: np.arange(float(n)),
}
