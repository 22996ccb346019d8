"""What findings.py asks about values that are arrays: is all finite, where is a kink or a tie, how is it said."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcli.array_gates import is_array_gate
from gradcli.array_pullbacks import kept
from gradcli.array_values import settings_of, worked_out
from gradcli.dimensions import written
from gradcli.evaluate import Evaluation
from gradcli.formula import formula
from gradcli.gates import parameters
from gradcli.graph import Node


def is_finite(value: Any) -> bool:
    """Whether all entries are finite."""
    return bool(np.isfinite(value).all())


def has_nan(value: Any) -> bool:
    """Whether any entry is nan."""
    return bool(np.isnan(value).any())


def shown(value: Any) -> str:
    """A value in a message: a number, or how many entries are nan or inf."""
    if np.ndim(value) == 0:
        return repr(float(value))
    array = np.asarray(value)
    for word, mask in (("nan", np.isnan(array)), ("inf", np.isinf(array))):
        if mask.any():
            return f"{word} in {count(mask)}"
    return f"an array of shape {written(array.shape)}"


def count(mask: Any) -> str:
    """How many entries a condition holds for, and the first of them."""
    if np.ndim(mask) == 0:
        return "its value"
    places = np.argwhere(mask)
    return f"{len(places)} of {np.size(mask)} entries, first [{', '.join(map(str, places[0].tolist()))}]"


def kinks(node: Node, evaluation: Evaluation) -> Any:
    """The entries of a node's value at which its slope is a convention, as a mask."""
    operands = [evaluation.values[operand.index] for operand in node.operands]
    out = evaluation.values[node.index]
    if node.gate.routes == "entries":
        axis, keepdims = settings_of(node)["axis"], settings_of(node)["keepdims"]
        equal = np.asarray(operands[0]) == kept(operands[0], out, axis, keepdims)
        return np.sum(equal, axis=axis, keepdims=keepdims) > 1
    if not node.gate.kink:
        return _ties(node, operands, out)
    with np.errstate(all="ignore"):
        letters = dict(zip(parameters(node.gate), operands, strict=True))
        return np.asarray(worked_out(formula(node.gate.kink), {**letters, "out": out}, {})) != 0


def _ties(node: Node, operands: list[Any], out: Any) -> Any:
    """Where two different operands are the largest, and not all of these are constants."""
    if is_array_gate(node.gate):
        return np.False_
    apart = dict(zip(node.operands, operands, strict=True))
    equal = [(operand.constant, np.asarray(value == out)) for operand, value in apart.items()]
    total: Any = sum(mask * 1 for _, mask in equal)
    varying: Any = sum(mask * 1 for constant, mask in equal if not constant)
    return np.asarray((total > 1) & (varying > 0))
