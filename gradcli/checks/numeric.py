"""The stage list run again in mpmath with a tiny step to both sides of each input and stage.

Left and right slopes that are equal are held against ours within what rounding can explain;
different ones are a kink, and ours must lie between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import mpmath

from gradcli.checks.judge import judged
from gradcli.checks.precise import Number
from gradcli.checks.rounding import Arrival, Way, arrivals
from gradcli.checks.scene import Scene
from gradcli.checks.slopes import sides
from gradcli.checks.verdict import Check, Part, concluded, skipped
from gradcli.graph import Node

LARGEST_PROGRAM = 5_000  # gates; each takes about a millisecond
WORK = 150_000  # gates run again, for all inputs and stages together
MOST_STAGES = 60
DIRECTIONS = 2


def check(scene: Scene) -> Check:
    """Left and right slopes of the output along each input, each stage and random directions."""
    if len(scene.nodes) > LARGEST_PROGRAM:
        return skipped("numeric", f"more than {LARGEST_PROGRAM} gates")
    found = arrivals(scene)
    room = max(8, WORK // (4 * len(scene.nodes) + 4))
    stages = [line for line in scene.lines[:-1] if not _silent(scene, line, found)]
    inputs, shown = scene.sample(scene.inputs, room), scene.sample(stages, min(MOST_STAGES, room))
    remark = "" if len(inputs) + len(shown) == len(scene.inputs) + len(stages) else _sampled(inputs, shown)
    with scene.precision():
        parts = [_part(scene, node, found) for node in [*inputs, *shown]]
        if len(scene.inputs) > 1:
            parts += (part for part in _directions(scene, found) if isfinite(part.left + part.right))
    return concluded("numeric", parts, remark)


def _silent(scene: Scene, line: Node, found: dict[int, Arrival]) -> bool:
    """Whether nothing flows to a stage, and rightly so: a condition."""
    return scene.evaluation.gradients[line.index] is None and found[line.index].admits(mpmath.mpf(0))


def _sampled(inputs: Sequence[Node], stages: Sequence[Node]) -> str:
    return f"a sample: {len(inputs)} inputs, {len(stages)} stages and {DIRECTIONS} directions"


def _part(scene: Scene, node: Node, found: dict[int, Arrival]) -> Part:
    name, ours = scene.names.gradient_of(node), scene.evaluation.gradient(node)
    arrival = found[node.index]
    slopes = sides(
        lambda x: scene.rerun({node.index: x}),
        scene.exact[node.index],
        scene.exact[scene.program.output.index],
        scene.scale,
    )
    own = Way.WRONG in arrival.way and not arrival.admits(mpmath.mpf(ours))
    return judged(name, ours, slopes, arrival.allowed + scene.scale.floor, arrival.way, own)


def _directions(scene: Scene, found: dict[int, Arrival]) -> Iterator[Part]:
    for number, moves in enumerate(scene.directions(DIRECTIONS), 1):
        yield _direction(scene, found, moves, f"direction {number}")


def _direction(scene: Scene, found: dict[int, Arrival], moves: dict[int, float], name: str) -> Part:
    ours, bound, way = mpmath.mpf(0), scene.scale.floor, Way.CLEAR
    for index, move in moves.items():
        gradient = mpmath.mpf(scene.evaluation.gradients[index] or 0.0)
        ours += move * gradient
        bound += abs(move) * found[index].allowed
        way |= found[index].way

    def moved(t: Number) -> Number:
        return scene.rerun({index: scene.exact[index] + t * move for index, move in moves.items()})

    slopes = sides(moved, mpmath.mpf(0), scene.exact[scene.program.output.index], scene.scale)
    return judged(name, ours, slopes, bound, way, False)
