"""Which source to believe when they disagree: the Taylor remainder of order two.

|f(x + hv) - f(x) - h g.v| shrinks as h**2 if g is the gradient, and only as h if it is not. f is the stage list
in mpmath numbers; the steps are such that h**2 is far below the error of a wrong g, and far above rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import mpmath

from gradcli.checks.precise import Number
from gradcli.checks.rounding import UNIT, Way, arrivals
from gradcli.checks.scene import Scene
from gradcli.checks.verdict import DISAGREES, Check
from gradcli.graph import Node

OURS = "the gradient"
EXACT = ("sympy", "numeric")  # forward has no slope for each input; a difference is held against numeric already
STEPS = (mpmath.mpf(10) ** -11, mpmath.mpf(10) ** -13)
ORDER = 1.5  # between 1, of a wrong gradient, and 2
DIRECTIONS = 2


def settled(scene: Scene, checks: Sequence[Check]) -> list[Check]:
    """The checks, with a word on whom to believe where they disagree with the gradient.

    A method that fails the test which the gradient passes does not count as a disagreement.
    """
    if not any(_doubts_inputs(scene, check) for check in checks):
        return list(checks)
    scene.give_time()
    legs: dict[str, dict[str, float]] = {OURS: {}}
    legs |= {check.method: _slopes(check) for check in checks if check.method in EXACT and check.parts}
    right = believed(scene, legs)
    words = _words(right)
    if not words:
        return list(checks)
    return [_corrected(scene, check, right, words) for check in checks]


def believed(scene: Scene, legs: Mapping[str, Mapping[str, float]]) -> dict[str, bool]:
    """For each leg, whether its slopes have a remainder of order two; empty where f has no second order.

    legs: slopes by name of the gradient; one that a leg does not give is taken from ours.
    """
    found = arrivals(scene)
    if any(found[leaf.index].way & (Way.BENT | Way.EDGED | Way.OVERFLOWN) for leaf in scene.inputs):
        return {}
    with scene.precision():
        moves = [_scaled(scene, direction) for direction in scene.directions(DIRECTIONS)]
        return {leg: all(_second_order(scene, slopes, move) for move in moves) for leg, slopes in legs.items()}


def _second_order(scene: Scene, slopes: Mapping[str, float], moves: dict[int, Number]) -> bool:
    first, second = (_remainder(scene, slopes, moves, step) for step in STEPS)
    rounding = sum(
        abs(moves[leaf.index]) * (arrivals(scene)[leaf.index].allowed + 4 * UNIT * abs(_slope(scene, slopes, leaf)))
        for leaf in scene.inputs
    )
    if second <= STEPS[1] * (rounding + scene.scale.floor):
        return True
    return bool(mpmath.log(first / second) / mpmath.log(STEPS[0] / STEPS[1]) > ORDER)


def _remainder(scene: Scene, slopes: Mapping[str, float], moves: dict[int, Number], step: Number) -> Number:
    value = scene.rerun({index: scene.exact[index] + step * move for index, move in moves.items()})
    linear = sum(moves[leaf.index] * _slope(scene, slopes, leaf) for leaf in scene.inputs)
    return abs(value - scene.exact[scene.program.output.index] - step * linear)


def _slope(scene: Scene, slopes: Mapping[str, float], leaf: Node) -> Number:
    name = scene.names.gradient_of(leaf)
    return mpmath.mpf(slopes.get(name, scene.evaluation.gradient(leaf)))


def _scaled(scene: Scene, direction: dict[int, float]) -> dict[int, Number]:
    """A direction in which each input moves in proportion to its size."""
    return {index: move * (abs(scene.exact[index]) or 1) for index, move in direction.items()}


def _slopes(check: Check) -> dict[str, float]:
    """What a method takes for the gradient."""
    return {part.name: part.left for part in check.parts if isfinite(part.left)}


def _doubts_inputs(scene: Scene, check: Check) -> bool:
    """Whether a method finds more wrong than the gradients of stages, of which the remainder knows nothing."""
    stages = {scene.names.gradient_of(line) for line in scene.lines}
    return any(part.verdict == DISAGREES and part.name not in stages for part in check.parts)


def _corrected(scene: Scene, check: Check, right: dict[str, bool], words: str) -> Check:
    if check.status != "disagrees":
        return check
    if right[OURS] and not right.get(check.method, False) and _doubts_inputs(scene, check):
        return check._replace(status="skipped", verdict="skipped", reason=f"{words}; {check.reason}")
    return check._replace(reason=f"{check.reason}; {words}")


def _words(right: dict[str, bool]) -> str:
    """Whom to believe, in a sentence."""
    if not any(right.values()):
        return ""
    trusted = ", ".join(leg for leg, passes in right.items() if passes)
    doubted = ", ".join(leg for leg, passes in right.items() if not passes)
    return f"the Taylor remainder of order two believes {trusted}" + (f", not {doubted}" if doubted else "")
