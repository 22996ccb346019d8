"""How far a gradient may lie from the exact one through rounding alone, and what each local rule should send.

One pass in reverse over the gates, with slopes taken by differences: the gradient that arrives is
off by so much, the operands have moved by so much, the rule itself rounds by so much. First order, as
in Higham, Accuracy and Stability of Numerical Algorithms, section 3.3 (running error analysis).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Flag, auto
from typing import NamedTuple

import mpmath

from gradcli.backward import contribution
from gradcli.checks.precise import Number, apply, as_float, leaf
from gradcli.checks.scene import Scene, along
from gradcli.checks.slopes import FLAT, Scale, Sides, sides
from gradcli.gates import CONSTANT, Gate, parameters
from gradcli.graph import Node

UNIT = mpmath.mpf(2) ** -53
TINY = mpmath.mpf(2) ** -1072  # what a product may lose by underflow
LARGEST = mpmath.mpf(sys.float_info.max)
CALL = 8 * UNIT  # of a function of math, relative: libm promises one or two units
VALUE = mpmath.mpf(2) ** -40  # a value is wrong, not rounded, if it is off by more, relatively
NORMAL = mpmath.mpf(2) ** -1022  # below it floats have fewer digits


class Way(Flag):
    """What lies between a gradient and the output."""

    CLEAR = 0
    BENT = auto()  # a kink
    EDGED = auto()  # the edge of a domain, a pole, a jump
    OVERFLOWN = auto()  # a value or gradient that no float can hold
    WRONG = auto()  # a gradient that does not follow from those behind it


class Arrival(NamedTuple):
    """What should arrive at one node.

    low, high: the sum of what its users send by their local slopes and our gradients. slack: what that
    sum may round by. bound: how far the gradient may lie from the exact one. way: to the output.
    """

    low: Number
    high: Number
    slack: Number
    bound: Number
    way: Way

    @property
    def allowed(self) -> Number:
        """The bound with as much again for what is of second order."""
        return 2 * self.bound

    def admits(self, gradient: Number) -> bool:
        """Whether a gradient is what should arrive; true where that is not known."""
        if not (mpmath.isfinite(self.low) and mpmath.isfinite(self.high)):
            return True
        if not mpmath.isfinite(gradient):
            return bool(self.way & (Way.OVERFLOWN | Way.EDGED)) or max(abs(self.low), abs(self.high)) > LARGEST
        return bool(self.low - self.slack <= gradient <= self.high + self.slack)


def arrivals(scene: Scene) -> dict[int, Arrival]:
    """For each input and each node on its way to the output, what should arrive there; worked out once."""
    if not scene.arrivals:
        scene.arrivals.update(_arrivals(scene))
    return scene.arrivals


def _arrivals(scene: Scene) -> dict[int, Arrival]:
    zero = mpmath.mpf(0)
    found = {scene.program.output.index: Arrival(mpmath.mpf(1), mpmath.mpf(1), zero, zero, Way.CLEAR)}
    with scene.precision():
        for node in reversed(scene.nodes):
            own = found[node.index] = _closed(found[node.index], node, scene)
            gradient = gradient_of(node, own, scene)
            for place, operand in enumerate(node.operands):
                if scene.active[operand.index]:
                    before = found.get(operand.index, Arrival(zero, zero, zero, zero, Way.CLEAR))
                    found[operand.index] = _sent(before, own, gradient, scene, node, place)
        for leaf_ in scene.inputs:
            if leaf_ is not scene.program.output:
                nothing = Arrival(zero, zero, zero, zero, Way.CLEAR)
                found[leaf_.index] = _closed(found.get(leaf_.index, nothing), leaf_, scene)
    return found


def gradient_of(node: Node, arrival: Arrival, scene: Scene) -> Number:
    """Our gradient of a node; where there is none, as inside a line, what should arrive."""
    if node not in scene.given:
        return (arrival.low + arrival.high) / 2
    return mpmath.mpf(scene.evaluation.gradient(node))


def _closed(arrival: Arrival, node: Node, scene: Scene) -> Arrival:
    """The arrival with all its users counted: marked where our gradient or the value is off."""
    way = arrival.way
    if LARGEST < max(abs(arrival.low), abs(arrival.high)) < mpmath.inf:
        way |= Way.OVERFLOWN
    exact, value = scene.exact[node.index], mpmath.mpf(scene.floats[node.index])
    if mpmath.isnan(exact):
        way |= Way.EDGED
    elif mpmath.isinf(exact) or not mpmath.isfinite(value):
        way |= Way.OVERFLOWN
    if not arrival._replace(way=way).admits(gradient_of(node, arrival, scene)):
        way |= Way.WRONG
    return arrival._replace(way=way)


def _sent(before: Arrival, own: Arrival, gradient: Number, scene: Scene, node: Node, place: int) -> Arrival:
    """The arrival at an operand with what one more user sends."""
    here, exact = scene.at_floats[node.index, place], scene.at_exact[node.index, place]
    way = before.way | own.way | _given(scene, node)
    if not (here.known and exact.known):
        if not flat(node.gate, place):
            nowhere = mpmath.nan
            return Arrival(nowhere, nowhere, mpmath.inf, mpmath.inf, way | Way.EDGED)
        here = exact = FLAT
        way |= Way.CLEAR if node.gate.pullback else Way.BENT  # a condition only routes; a step has jumped here
    if not (here.smooth and exact.smooth):
        way |= Way.BENT
    ends = sorted((here.left * gradient, here.right * gradient))
    steep = max(abs(here.left), abs(here.right), abs(exact.left), abs(exact.right))
    if steep > LARGEST:
        way |= Way.OVERFLOWN
    try:
        formula_off = rule_rounding(scene, node, place)
    except OverflowError:
        formula_off, way = mpmath.mpf(0), way | Way.OVERFLOWN
    rule = times(abs(gradient), formula_off + 4 * UNIT * steep) + TINY
    low, high = before.low + ends[0], before.high + ends[1]
    rule += UNIT * max(abs(low), abs(high))  # of the sum
    rule += abs(gradient) * _wandering(scene, node, place, here)
    if node not in scene.given:
        rule += times(steep, own.slack)  # the gradient itself is what should arrive, and off by so much
    moved = abs(gradient) * max(abs(here.left - exact.left), abs(here.right - exact.right))
    bound = before.bound + rule + times(steep, own.bound) + moved
    return Arrival(low, high, before.slack + rule, bound, way)


def _wandering(scene: Scene, node: Node, place: int, here: Sides) -> Number:
    """How far a local slope moves with operands that are known only up to rounding."""
    if not any(operand.index in scene.off for operand in node.operands):
        return mpmath.mpf(0)
    near = [scene.floats[operand.index] + scene.off.get(operand.index, 0) for operand in node.operands]
    there = sides(along(node, near, place), near[place], apply(node.gate, near), scene.scale)
    return max(abs(there.left - here.left), abs(there.right - here.right)) if there.known else mpmath.mpf(0)


def _given(scene: Scene, node: Node) -> Way:
    """What is wrong with the operands of a gate: a rule may stumble over the other one."""
    if all(mpmath.isfinite(scene.floats[operand.index]) for operand in node.operands):
        return Way.CLEAR
    undefined = any(mpmath.isnan(scene.exact[operand.index]) for operand in node.operands)
    return Way.EDGED if undefined else Way.OVERFLOWN


def flat(gate: Gate, place: int) -> bool:
    """Whether the table lets nothing flow to an operand: steps, comparisons, conditions."""
    return not gate.routes and contribution(gate, place) is None


def times(a: Number, b: Number) -> Number:
    """a * b, where nothing of something infinite is nothing."""
    return a * b if a and b else mpmath.mpf(0)


def rule_rounding(scene: Scene, node: Node, place: int) -> Number:
    """What the formula of a local gradient may round by, at the operands as the program has them.

    Raises OverflowError where a part of the formula is too large for a float.
    """
    rule = None if node.gate.routes else contribution(node.gate, place)
    if rule is None or not rule.operands:
        return mpmath.mpf(0)
    operands = [mpmath.mpf(scene.floats[operand.index]) for operand in node.operands]
    out, value = mpmath.mpf(scene.floats[node.index]), apply(node.gate, operands)
    off = min(abs(out - value), VALUE * max(abs(value), NORMAL)) if mpmath.isfinite(value - out) else mpmath.mpf(0)
    letters = {letter: (x, mpmath.mpf(0)) for letter, x in zip(parameters(node.gate), operands, strict=True)}
    letters |= {"out": (out, off), "dout": (mpmath.mpf(1), mpmath.mpf(0))}
    off = _running(rule, letters, scene.scale)[1]
    return off if mpmath.isfinite(off) else mpmath.mpf(0)


def _running(rule: Node, letters: Mapping[str, tuple[Number, Number]], scale: Scale) -> tuple[Number, Number]:
    """The value of a formula, and what it may be off by."""
    if not rule.operands:
        known = letters.get(getattr(rule.static, "base", ""))
        return known or (leaf(rule, {}), UNIT * (rule.gate is CONSTANT) * 4)
    parts = [_running(operand, letters, scale) for operand in rule.operands]
    operands = [value for value, _ in parts]
    value = apply(rule.gate, operands)
    if not (rule.gate.partials or rule.gate.pullback or rule.gate.routes):
        return value, mpmath.mpf(0)  # comparisons and steps are exact
    if LARGEST < abs(value) < mpmath.inf:
        raise OverflowError
    if not mpmath.isfinite(value):
        return value, mpmath.inf
    if not any(error for _, error in parts) and mpmath.mpf(as_float(value)) == value:
        return value, mpmath.mpf(0)  # b - 1 for a whole b
    off = CALL * abs(value) + TINY
    for place, (x, error) in enumerate(parts):
        if error:
            off += times(error, _steepest(sides(along(rule, operands, place), x, value, scale)))
    return value, off


def _steepest(slopes: Sides) -> Number:
    return max(abs(slope) for slope in slopes) if slopes.known else mpmath.inf
