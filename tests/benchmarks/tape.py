"""The bare tape, the yardstick: a text to its value and gradient with nothing else.

One regular expression, a shunting yard, three lists, one sweep forward and one back: what plain
Python needs at least. It has no messages, no stages, no names, and believes every text.
"""

from __future__ import annotations

import re
from math import cos, exp, sin

TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(\*\*|[-+*/(),]))")
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "-x": 3, "**": 4}
LEFT_BINDING = {**BINDING, "**": 5}  # what stands before it must bind so tightly to be done first
FUNCTIONS = {"sigmoid", "exp", "sin", "max"}
UNARY = ("-x", "sigmoid", "exp", "sin")


# gates, lefts, rights, inputs: entry i is gates[i] on the entries lefts[i] and rights[i]; an input's gate is "x",
# and its left the name; a number's is "1". inputs: the entry of each name.
Tape = tuple[list[str], list, list[int], dict[str, int]]


def record(text: str) -> Tape:
    """The tape of a text; its last entry is the output."""
    gates: list[str] = []
    lefts: list = []
    rights: list[int] = []
    inputs: dict[str, int] = {}
    done: list[int] = []
    waiting: list[str] = []
    complete = False

    def leaf(gate: str, what: str | float) -> int:
        gates.append(gate)
        lefts.append(what)
        rights.append(-1)
        return len(gates) - 1

    def apply(gate: str) -> None:
        right = done.pop()
        if gate in UNARY:
            lefts.append(right)
            rights.append(-1)
        else:
            lefts.append(done.pop())
            rights.append(right)
        done.append(len(gates))
        gates.append(gate)

    for name, number, sign in TOKEN.findall(text):
        if name in FUNCTIONS:
            waiting.append(name)
        elif name:
            place = inputs.get(name)
            if place is None:
                place = inputs[name] = leaf("x", name)
            done.append(place)
            complete = True
        elif number:
            done.append(leaf("1", float(number)))
            complete = True
        elif sign == "(":
            waiting.append(sign)
            complete = False
        elif sign == ")":
            while waiting[-1] != "(":
                apply(waiting.pop())
            waiting.pop()
            if waiting and waiting[-1] in FUNCTIONS:
                apply(waiting.pop())
        elif sign == ",":
            while waiting[-1] != "(":
                apply(waiting.pop())
            complete = False
        elif not complete:
            waiting.append("-x")
        else:
            binding = LEFT_BINDING[sign]
            while waiting and waiting[-1] in BINDING and BINDING[waiting[-1]] >= binding:
                apply(waiting.pop())
            waiting.append(sign)
            complete = False
    while waiting:
        apply(waiting.pop())
    return gates, lefts, rights, inputs


def values_of(tape: Tape, point: dict[str, float]) -> list[float]:
    """The value of each entry."""
    gates, lefts, rights, _ = tape
    values: list[float] = []
    append = values.append
    for gate, left, right in zip(gates, lefts, rights):  # noqa: B905  the keyword takes time
        if gate == "x":
            append(point[left])
        elif gate == "1":
            append(left)
        elif gate == "*":
            append(values[left] * values[right])
        elif gate == "+":
            append(values[left] + values[right])
        elif gate == "-":
            append(values[left] - values[right])
        elif gate == "/":
            append(values[left] / values[right])
        elif gate == "**":
            append(values[left] ** values[right])
        elif gate == "-x":
            append(-values[left])
        elif gate == "sigmoid":
            append(1 / (1 + exp(-values[left])))
        elif gate == "exp":
            append(exp(values[left]))
        elif gate == "sin":
            append(sin(values[left]))
        else:
            append(max(values[left], values[right]))
    return values


def gradients_of(tape: Tape, values: list[float]) -> list[float]:
    """The gradient of the last entry with respect to each entry; exponents are taken for numbers."""
    gates, lefts, rights, _ = tape
    gradients = [0.0] * len(values)
    gradients[-1] = 1.0
    for place in range(len(values) - 1, -1, -1):
        gate, gradient = gates[place], gradients[place]
        if gate == "x" or gate == "1":
            continue
        left, right = lefts[place], rights[place]
        if gate == "*":
            gradients[left] += gradient * values[right]
            gradients[right] += gradient * values[left]
        elif gate == "+":
            gradients[left] += gradient
            gradients[right] += gradient
        elif gate == "-":
            gradients[left] += gradient
            gradients[right] -= gradient
        elif gate == "/":
            gradients[left] += gradient / values[right]
            gradients[right] -= gradient * values[place] / values[right]
        elif gate == "**":
            gradients[left] += gradient * values[right] * values[left] ** (values[right] - 1)
        elif gate == "-x":
            gradients[left] -= gradient
        elif gate == "sigmoid":
            gradients[left] += gradient * values[place] * (1 - values[place])
        elif gate == "exp":
            gradients[left] += gradient * values[place]
        elif gate == "sin":
            gradients[left] += gradient * cos(values[left])
        else:
            gradients[left if values[left] >= values[right] else right] += gradient
    return gradients


def value_and_gradient(text: str, point: dict[str, float]) -> tuple[float, dict[str, float]]:
    """The value of a text at a point, and its gradient by name."""
    tape = record(text)
    values = values_of(tape, point)
    gradients = gradients_of(tape, values)
    return values[-1], {name: gradients[place] for name, place in tape[3].items()}
