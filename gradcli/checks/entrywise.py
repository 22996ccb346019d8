"""What an evaluation over arrays is for the checks: the same program written out in entries, with our numbers in place.

Values and gradients of the entries are the ones to be checked; what the writing out brings in between (the
products of a matrix product, the minors of a determinant) has values to 60 digits and no gradient of ours.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from gradcli.array_gates import PRODUCTS
from gradcli.checks.precise import apply
from gradcli.checks.rounding import UNIT
from gradcli.checks.scene import Scene
from gradcli.entries import Entries, expanded
from gradcli.entry_writer import TooLarge
from gradcli.evaluate import Evaluation, leaf_value
from gradcli.graph import Input, Node
from gradcli.naming import Names, names_of

MOST = 20_000  # gates
DIGITS = 60
ROUNDING = 4 * UNIT  # of one operation in whatever order


def scene_of(evaluation: Evaluation, wrt: list[str] | None = None) -> Scene:
    """The scene of an evaluation over arrays, entry by entry. Raises TooLarge, UnknownGate."""
    if sum(_least(node, evaluation.values) for node in evaluation.program.order) > MOST:
        raise TooLarge  # before any of it is written out
    seed = _seed(evaluation)
    entries = expanded(evaluation.program, evaluation.values, seed, MOST)
    values, gradients = _filled(evaluation, entries)
    gradients[entries.program.output.index] = 1.0
    program = entries.program._replace(
        lines=entries.program.order, inside=bytearray(len(values))
    )  # so that each gate is looked at alone
    scene = Scene(Evaluation(program, values, gradients, bytearray(len(values))), wrt)
    scene.names = _names(evaluation, entries)
    scene.off = _off(entries, values)
    scene.given = {*entries.program.lines, *program.inputs}
    return scene


def _least(node: Node, values: list[Any]) -> int:
    """How many gates a node is in entries, at least."""
    inner = np.shape(values[node.operands[0].index])[-1] if node.gate.name in PRODUCTS else 1
    return int(np.size(values[node.index]) * inner)


def _seed(evaluation: Evaluation) -> Any:
    """The gradient from above, where the output is more than one number or it is not 1."""
    seed = np.asarray(evaluation.gradients[evaluation.program.output.index])
    return None if seed.size == 1 and seed.item() == 1 else seed


def _filled(evaluation: Evaluation, entries: Entries) -> tuple[list[Any], list[Any]]:
    """Values and gradients by index of a node of the program over numbers."""
    graph = entries.program.graph
    values: list[Any] = [None] * len(graph.nodes)
    gradients: list[Any] = [None] * len(graph.nodes)
    for node, every in entries.of.items():
        gradient = None if evaluation.program.inside[node.index] else evaluation.gradients[node.index]
        found = np.broadcast_to(evaluation.values[node.index], every.shape).ravel().tolist()
        slopes = [None] * every.size if gradient is None else np.ravel(gradient).tolist()
        for entry, value, slope in zip(every.ravel(), found, slopes, strict=True):
            values[entry.index] = value
            if gradient is not None:
                gradients[entry.index] = slope
    with mpmath.workdps(DIGITS):
        for node in graph.nodes:
            if values[node.index] is None:
                values[node.index] = _value(node, values)
    return values, gradients


def _value(node: Node, values: list[Any]) -> Any:
    if not node.operands:
        return leaf_value(node)
    return apply(node.gate, [mpmath.mpf(values[operand.index]) for operand in node.operands])


def _off(entries: Entries, values: list[Any]) -> dict[int, Any]:
    """By how much NumPy may be off at what lies between the entries of two stages."""
    known = {entry.index for every in entries.of.values() for entry in every.ravel()}
    found: dict[int, Any] = {}
    with mpmath.workdps(DIGITS):
        for node in entries.program.order:
            if node.index not in known and not node.constant:
                found[node.index] = _rounding(node, values, found)
    return found


def _rounding(node: Node, values: list[Any], off: dict[int, Any]) -> Any:
    """Of one gate, and of its operands through it; 0 where no number says how much."""
    operands = [mpmath.mpf(values[operand.index]) for operand in node.operands]
    total = ROUNDING * abs(values[node.index])
    for place, operand in enumerate(node.operands):
        if operand.index in off:
            moved = [*operands[:place], operands[place] + off[operand.index], *operands[place + 1 :]]
            total += abs(apply(node.gate, moved) - values[node.index])
    return total if mpmath.isfinite(total) else mpmath.mpf(0)


def _names(evaluation: Evaluation, entries: Entries) -> Names:
    """Entries are called D[0, 1], their gradients dD[0, 1]."""
    arrays = names_of(evaluation.program)
    of: dict[Node, str] = {leaf: str(leaf.static) for leaf in entries.program.inputs}
    gradient = dict(arrays.gradient)
    for line in evaluation.program.lines:
        name = arrays.of[line]
        for place in np.ndindex(entries.of[line].shape):
            spelled = str(Input(name, place))
            of[entries.of[line][place]] = spelled
            gradient[spelled] = str(Input(arrays.gradient[name], place))
    output = entries.program.output
    if output not in of:
        of[output] = f"sum({arrays.gradient_of(evaluation.program.output)} * {arrays.of[evaluation.program.output]})"
        gradient[of[output]] = "d" + of[output]
    return Names(of, gradient)
