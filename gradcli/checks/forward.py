"""Dual numbers through the same stages, held against the backward pass by the dot-product test.

A dual number carries a value and the speed at which it moves. The values are the program's own floats;
how a gate passes a speed on is taken from differences of mpmath's function at these values, not from the
table's rules. With speeds v of the inputs, forward gives the speed of the output, backward gives
the dot product of gradient and v: the same number, up to 100 eps of its terms.
"""

from __future__ import annotations

import sys

import mpmath

from gradcli.checks.judge import judged
from gradcli.checks.precise import Number
from gradcli.checks.rounding import Way, arrivals, flat, times
from gradcli.checks.scene import Scene
from gradcli.checks.slopes import FLAT, UNKNOWN, Sides
from gradcli.checks.verdict import Check, Part, concluded, skipped
from gradcli.graph import Node

DIRECTIONS = 3
ROUNDING = 100 * sys.float_info.epsilon
LARGEST_PROGRAM = 5_000  # gates; each takes about a millisecond

Speed = tuple[Sides, Number]  # a range where a kink has two slopes; the sum of the sizes of its terms


def check(scene: Scene) -> Check:
    """The dot-product test along random directions."""
    if len(scene.nodes) > LARGEST_PROGRAM:
        return skipped("forward", f"more than {LARGEST_PROGRAM} gates")
    with scene.precision():
        parts = [_part(scene, moves, number) for number, moves in enumerate(scene.directions(DIRECTIONS), 1)]
    return concluded("forward", parts)


def _part(scene: Scene, moves: dict[int, float], number: int) -> Part:
    speeds, size = _speed(scene, moves)
    found = arrivals(scene)
    dot, bound, way = mpmath.mpf(0), times(mpmath.mpf(ROUNDING), size), Way.CLEAR
    for index, move in moves.items():
        gradient = scene.evaluation.gradients[index]
        dot += times(mpmath.mpf(move), mpmath.mpf(gradient or 0.0))
        bound += abs(move) * found[index].allowed
        way |= found[index].way
    return judged(f"direction {number}", dot, speeds, bound, way, False)


def _speed(scene: Scene, moves: dict[int, float]) -> Speed:
    """How fast the output moves when the inputs move so."""
    speeds: dict[int, Speed] = {
        index: (Sides(mpmath.mpf(move), mpmath.mpf(move)), mpmath.mpf(abs(move))) for index, move in moves.items()
    }
    for node in scene.nodes:
        speeds[node.index] = _passed(scene, node, speeds)
    return speeds.get(scene.program.output.index, (FLAT, mpmath.mpf(0)))


def _passed(scene: Scene, node: Node, speeds: dict[int, Speed]) -> Speed:
    low = high = size = mpmath.mpf(0)
    for place, operand in enumerate(node.operands):
        if operand.index not in speeds:
            continue
        slopes, (speed, before) = scene.at_floats[node.index, place], speeds[operand.index]
        if not slopes.known and flat(node.gate, place):
            slopes = FLAT
        if not (slopes.known and speed.known):
            return UNKNOWN, mpmath.inf
        ends = [a * b for a in slopes for b in speed]
        low, high = low + min(ends), high + max(ends)
        size += before * max(map(abs, slopes))
    return Sides(low, high), size
