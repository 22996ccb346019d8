"""Names a person would give: stages after what they compute, gradients `d` + name.

The only place that makes gradient names. The same program always gets the same names.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from typing import NamedTuple

from gradcli.gates import GATES, NUMBER, parameters
from gradcli.graph import CONSTANTS, Input, Node
from gradcli.program import SUMS, Program
from gradcli.words import TARGETS

LONGEST = 10
NUMERALS = {
    "0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine", "10": "ten", "100": "hundred", "0.5": "half", ".5": "half",
}  # fmt: skip
# What a gate with a number for an operand is called: (gate, which operand, its digits) -> stem.
WITH_NUMBER = {
    ("pow", 1, "2"): "{a}sqr",
    ("pow", 1, "3"): "{a}cube",
    ("pow", 1, "0.5"): "root{a}",
    ("pow", 1, "-1"): "inv{a}",
    ("div", 0, "1"): "inv{b}",
}
# What a stage is called where its name would be long, if not after its gate.
SHORT = {"add": "sum", "sub": "diff", "mul": "prod", "div": "quot", "pow": "power", "square": "sqr",
         "matmul": "prod", "matvec": "prod", "vecmat": "prod", "bmm": "prod", "transpose": "turned",
         "permute": "turned", "index": "part", "pick": "picked", "pick2": "picked", "amax": "largest",
         "amin": "smallest", "extent": "size", "solve_vector": "solved", "solve": "solved", "stack": "stacked",
         "concatenate": "joined"}  # fmt: skip
COMPOUND = ("add", "sub", "mul", "neg")
_constant = attrgetter("constant")


class Names(NamedTuple):
    """of: the name of each input leaf and line; gradient: the name of a name's gradient."""

    of: dict[Node, str]
    gradient: dict[str, str]

    def gradient_of(self, node: Node) -> str:
        """The name of a node's gradient: dx, dw[0]."""
        if isinstance(node.static, Input):
            return str(Input(self.gradient[node.static.base], node.static.places))
        return self.gradient[self.of[node]]


def names_of(program: Program) -> Names:
    """All names of a program: inputs and statements as the user wrote them, stages after what they are."""
    chosen = {node: str(node.static) for node in program.inputs}
    chosen.update(program.graph.titles)
    gradient = own_gradients(program)
    taken = {*gradient, *gradient.values(), *CONSTANTS, *reserved(), *("d" + name for name in gradient)}
    suggested = _suggested(program)
    numbers: dict[str, int] = {}
    for line in program.lines:
        if line not in chosen:
            stem = suggested.get(line) or _stem(program, line, chosen)
            chosen[line] = _free(stem, taken, numbers)
            taken.add(chosen[line])
    stages = [chosen[line] for line in program.lines if line not in program.graph.titles]
    return Names(chosen, gradient | _gradients(stages, {*gradient, *gradient.values(), *stages}))


def own_gradients(program: Program) -> dict[str, str]:
    """The names of the gradients of the user's own names; they do not depend on what stages are called."""
    own = [*program.variables, *program.graph.statements]
    return _gradients(own, set(own))


@cache
def reserved() -> frozenset[str]:
    """Names that no stage may have: gates with one scalar operand or two, and words of the targets."""
    gates = {name for gate in GATES.values() for name in (gate.name, *gate.aliases)}
    return frozenset(gates.union(*TARGETS.values()) - {"sum", "num", "den", "dot", "prod"})


def _gradients(names: list[str], taken: set[str]) -> dict[str, str]:
    """`d` + name for each name; `d_` + name where that is taken, and so on."""
    gradient: dict[str, str] = {}
    for name in dict.fromkeys(names):
        prefix = "d"
        while prefix + name in taken:
            prefix = "d_" if prefix == "d" else prefix + "_"
        gradient[name] = prefix + name
        taken.add(prefix + name)
    return gradient


def _free(stem: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The stem, or the stem with the first number that is free."""
    if stem not in numbers and stem not in taken:
        numbers[stem] = 1
        return stem
    number = numbers.get(stem, 0) + 1
    while f"{stem}{number}" in taken:
        number += 1
    numbers[stem] = number
    return f"{stem}{number}"


def _suggested(program: Program) -> dict[Node, str]:
    """num and den for the compound operands of a quotient, also where it is num * (1/den)."""
    num, den = GATES["div"].operands
    names: dict[Node, str] = {}
    for line in program.lines:
        if line.gate.name == "div" and line.operands[1].gate.name in COMPOUND:
            names.setdefault(line.operands[1], den)
        if (
            line.gate.name == "mul"
            and _is_inverse(line.operands[1], program)
            and line.operands[0].gate.name in COMPOUND
        ):
            names.setdefault(line.operands[0], num)
    return names


def _is_inverse(node: Node, program: Program) -> bool:
    return node.gate.name == "div" and _digits(node.operands[0]) == "1" and node not in program.graph.titles


def _stem(program: Program, line: Node, chosen: dict[Node, str]) -> str:
    """What a line is called after its gate and operands, or after its gate alone where that is long."""
    if line.gate.name in SUMS and _is_dot(program, line):
        return "dot"
    name = _spelled(program, line, chosen, LONGEST)
    if name and len(name) <= LONGEST:
        return name
    return SHORT.get(line.gate.name, line.gate.name)


def _is_dot(program: Program, line: Node) -> bool:
    """Whether a line has products inside: only dot products do."""
    waiting = [operand for operand in line.operands if program.inside[operand.index]]
    while waiting:
        node = waiting.pop()
        if program.inside[node.index] and not node.constant:
            if node.gate.name == "mul":
                return True
            waiting.extend(node.operands)
    return False


def _spelled(program: Program, node: Node, chosen: dict[Node, str], room: int) -> str:
    """The name of a node from those of its operands; nothing where that would be longer than `room`."""
    if room < 0:
        return ""
    if node.gate is NUMBER:
        return NUMERALS.get(str(node.static), "k")
    if not node.operands:
        return str(node.static)
    if len(node.operands) > 3:
        return ""
    parts = []
    for operand in node.operands:
        known = chosen.get(operand)
        part = _spelled(program, operand, chosen, room) if known is None else _joined(known)
        if not part or room < 0:
            return ""
        room -= len(part)
        parts.append(part)
    return _numbered(_template(node), parameters(node.gate)).format(*parts)


@cache
def _numbered(stem: str, letters: tuple[str, ...]) -> str:
    """A stem with the places of its operands instead of their letters."""
    return stem.format(**{letter: f"{{{place}}}" for place, letter in enumerate(letters)})


def _template(node: Node) -> str:
    """The stem of a node's gate, as it reads with its numbers."""
    gate = node.gate
    if not any(map(_constant, node.operands)):
        return gate.stem
    digits = [_digits(operand) for operand in node.operands]
    for place, number in enumerate(digits):
        if (gate.name, place, number) in WITH_NUMBER:
            return WITH_NUMBER[gate.name, place, number]
    if gate.name in ("add", "sub") and digits[1].isdigit() and len(digits[1]) < 3:
        return gate.stem.replace("{b}", digits[1])
    if gate.name == "add" and digits[0].isdigit() and len(digits[0]) < 3:
        return "{b}p" + digits[0]
    if gate.name == "mul" and digits[1]:
        return "{b}{a}"
    if gate.name == "div" and digits[1].isdigit() and len(digits[1]) < 3:
        return "{a}over" + digits[1]
    return gate.stem


def _digits(node: Node) -> str:
    """The number that a node is, as written; nothing for anything else."""
    if node.gate.name == "neg" and node.operands[0].gate is NUMBER:
        return f"-{node.operands[0].static}"
    return str(node.static) if node.gate is NUMBER else ""


def _joined(name: str) -> str:
    """A name as a part of another: w0 for w[0]."""
    if name.isalnum():
        return name
    return "".join(sign for sign in name if sign.isalnum() or sign == "_")
