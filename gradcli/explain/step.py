"""The note's experiment: move inputs a little, and hold what the gradient predicts against what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcli.errors import PointMistake, did_you_mean, listed
from gradcli.evaluate import Evaluation, evaluate
from gradcli.explain.records import Step
from gradcli.graph import Input, Node
from gradcli.naming import own_gradients


def stepped(evaluation: Evaluation, moves: Mapping[str, Any]) -> Step:
    """The output before and after the inputs are moved. moves: by variable, a number or a list of its shape.

    Raises PointMistake.
    """
    program = evaluation.program
    unknown = [name for name in moves if name not in program.variables]
    if unknown or not moves:
        hint = did_you_mean(unknown[0], program.variables) if unknown else "write --step x=0.01"
        hint = hint or (f"its inputs are {listed(program.variables)}" if program.variables else "it has none")
        raise PointMistake(f"--step: the program has no input {listed(unknown) or 'without a name'}", hint=hint)
    by = {leaf: _move(leaf, moves, getattr(evaluation.values[leaf.index], "shape", ())) for leaf in program.inputs}
    moved = {leaf: evaluation.values[leaf.index] + step for leaf, step in by.items()}
    slopes = {leaf: evaluation.gradients[leaf.index] for leaf in program.inputs}
    predicted = sum(_total(slope * by[leaf]) for leaf, slope in slopes.items() if slope is not None)
    place, name = program.output.index, program.graph.output
    upstream = evaluation.gradients[place]
    before, after = (_total(upstream * found.values[place]) for found in (evaluation, _again(evaluation, moved)))
    shown = f"sum({own_gradients(program)[name]} * {name})" if getattr(upstream, "ndim", 0) else name
    return Step(shown, dict(moves), predicted, before, after)


def _again(evaluation: Evaluation, point: dict[Node, Any]) -> Evaluation:
    if not evaluation.program.shapes:
        return evaluate(evaluation.program, point)
    from gradcli.array_evaluate import evaluate_arrays

    return evaluate_arrays(evaluation.program, point)


def _move(leaf: Node, moves: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    """By how much an input leaf of this shape is moved: a number moves every entry of a list."""
    assert isinstance(leaf.static, Input)
    move = moves.get(leaf.static.base, 0.0)
    if isinstance(move, list):
        for place in leaf.static.places:
            move = move[place] if isinstance(move, list) and place < len(move) else None
    if isinstance(move, float):
        return move
    import numpy as np

    if move is None or np.shape(move) != shape:
        raise PointMistake(
            f"--step: the list for '{leaf.static.base}' has another shape than its value",
            leaf.span,
            "a number moves all entries alike",
        )
    return np.asarray(move)


def _total(value: Any) -> float:
    return float(value.sum()) if hasattr(value, "sum") else float(value)
