"""The classroom's check: centred differences in floats, with the course's relative error and its bands.

The note "Neural Networks Part 3" of CS231n gives the formula (f(x+h) - f(x-h)) / 2h with h = 1e-5, the
relative error |a - n| / max(|a|, |n|), and what to think of it. A step that crosses a kink is named and
is no error; and where the exact re-run says that the gradient is right, it is the step that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, nan

from gradcli.checks import numeric
from gradcli.checks.scene import Scene
from gradcli.checks.verdict import (
    AGREES,
    CANCELLATION,
    DISAGREES,
    KINK,
    SKIPPED,
    Check,
    Part,
    concluded,
    relative,
    skipped,
)
from gradcli.evaluate import Evaluation, evaluate
from gradcli.graph import Node

STEP = 1e-5
SWEEP = (1e-2, 1e-3, 1e-4, STEP, 1e-6, 1e-7, 1e-8)
BANDS = ((1e-2, "probably wrong"), (1e-4, "uncomfortable"), (1e-7, "fine where there are kinks"), (0.0, "happy"))
WORK = 2_000_000  # gates run again, for all inputs together
WRONG = BANDS[0][0]


def check(scene: Scene) -> Check:
    """A centred difference for each input, in a sweep of steps."""
    room = WORK // (2 * len(SWEEP) * (len(scene.nodes) + 1))
    if room < 2:
        return skipped("difference", "the program is too large to be run again for each input")
    inputs = scene.sample(scene.inputs, room)
    remark = "" if len(inputs) == len(scene.inputs) else f"a sample of {len(inputs)} inputs"
    return concluded("difference", [_part(scene, leaf) for leaf in inputs], remark)


def _part(scene: Scene, leaf: Node) -> Part:
    name, ours = scene.names.gradient_of(leaf), scene.evaluation.gradient(leaf)
    slopes = {step: _difference(scene, leaf, step) for step in SWEEP}
    error = relative(ours, slopes[STEP])
    part = Part(name, ours, slopes[STEP], slopes[STEP], AGREES, error, _said(ours, slopes))
    if not isfinite(error):
        return part._replace(verdict=SKIPPED, note="the difference is no finite number")
    crossed = next(_crossed(scene, leaf), None)
    if crossed is not None:
        words = f"the step of {STEP:g} crosses the kink of {scene.names.of.get(crossed, crossed.gate.name)}"
        return part._replace(verdict=KINK, difference=nan if error > BANDS[1][0] else error, note=words)
    return part if error <= WRONG else _arbitrated(scene, part)


def _said(ours: float, slopes: dict[float, float]) -> str:
    """What the course says of the error, and which step does best."""
    errors = {step: relative(ours, slope) for step, slope in slopes.items()}
    best = min(errors, key=lambda step: (errors[step] if isfinite(errors[step]) else 2.0, step != STEP))
    here = f"relative error {errors[STEP]:.1e} with h = {STEP:g} ({band(errors[STEP])})"
    return here if best == STEP else f"{here}, {errors[best]:.1e} with h = {best:g}"


def band(error: float) -> str:
    """The course's word for a relative error."""
    return next((words for least, words in BANDS if error > least), BANDS[-1][1])


def _arbitrated(scene: Scene, part: Part) -> Part:
    """A difference that is far off, after a look at the exact slope; it never decides alone."""
    exact = next((other for other in numeric.check(scene).parts if other.name == part.name), None)
    if exact is None:
        return part._replace(verdict=SKIPPED, difference=nan, note=part.note + "; too large for an exact answer")
    if exact.verdict == DISAGREES:
        return part._replace(verdict=DISAGREES)
    why = "rounding ate the digits" if exact.verdict == CANCELLATION else "the exact slope is with the gradient"
    return part._replace(verdict=SKIPPED, difference=nan, note=f"{part.note}; {why}")


def _difference(scene: Scene, leaf: Node, step: float) -> float:
    below, above = (_moved(scene, leaf, move) for move in (-step, step))
    output = scene.program.output
    return float((above.value(output) - below.value(output)) / (2 * step))


def _moved(scene: Scene, leaf: Node, move: float) -> Evaluation:
    """The program at the point with one input moved."""
    point = {other: scene.floats[other.index] for other in scene.program.inputs}
    point[leaf] += move
    return evaluate(scene.program, point, wrt=())


def _crossed(scene: Scene, leaf: Node) -> Iterator[Node]:
    """The gates that decide otherwise at x - h or x + h than at x."""
    runs = [scene.evaluation, *(_moved(scene, leaf, move) for move in (-STEP, STEP))]
    for node in scene.nodes:
        if len({_decision(run, node) for run in runs}) > 1:
            yield node


def _decision(run: Evaluation, node: Node) -> tuple[float, ...]:
    """Which way a gate goes: who wins, which step it is on, on which side of its kink it stands."""
    values = [run.values[operand.index] for operand in node.operands]
    if node.gate.routes:
        return tuple(value == run.values[node.index] for value in values)
    if not (node.gate.partials or node.gate.pullback):
        return (run.values[node.index],)
    return tuple((value > 0) - (value < 0) for value in values) if node.gate.kink and len(values) == 1 else ()
