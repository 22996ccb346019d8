"""What stands in the circle of a gate: the glyph of its row, with its numbers where it has any."""

from __future__ import annotations

from gradcli.gates import NUMBER, operator_of
from gradcli.graph import Node
from gradcli.naming import Names
from gradcli.printer import Name, text_of
from gradcli.program import Program

WIDEST = 14  # signs in a gate
# A glyph with a number in it: (gate, which operand is the number) -> glyph.
WITH_NUMBER = {
    ("add", 0): "+{}",
    ("add", 1): "+{}",
    ("sub", 0): "{}-x",
    ("sub", 1): "-{}",
    ("mul", 0): "*{}",
    ("mul", 1): "*{}",
    ("div", 0): "{}/x",
    ("div", 1): "/{}",
    ("pow", 0): "{}^x",
}
SYMMETRIC = ("add", "mul", "max", "min", "hypot", "eq", "ne")
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def glyph_of(program: Program, line: Node, names: Names) -> str:
    """The sign of a line: `+`, `*`, `exp`, `1/x`, `+1`, `x²`, `dot`, or its code where that is short."""
    gate = line.gate
    if any(_is_inside(program, operand) for operand in line.operands):
        return _of_several(program, line, names)
    fixed = [place for place, operand in enumerate(line.operands) if operand.constant and operand not in names.of]
    if not fixed or gate.name == "copy":
        return gate.glyph or gate.name
    if len(fixed) == 1 and len(line.operands) == 2:
        written = _with_number(line, fixed[0], text_of(line.operands[fixed[0]], names.of.get).replace(" ", ""))
        if written and len(written) <= WIDEST:
            return written
    return _short(text_of(line, _letter(line, names))) or gate.name


def symmetric(program: Program, line: Node) -> bool:
    """Whether the wires into a line may come in any order, from above to below."""
    waiting = [line]
    while waiting:
        node = waiting.pop()
        if node.gate.name not in SYMMETRIC or (node is not line and node.gate.name != "add"):
            return False
        waiting.extend(operand for operand in node.operands if _is_inside(program, operand))
    return True


def _is_inside(program: Program, node: Node) -> bool:
    return bool(program.inside[node.index]) and not node.constant


def _with_number(line: Node, place: int, number: str) -> str:
    node = line.operands[place]
    if line.gate.name == "pow" and place == 1 and number.lstrip("-").isdigit():
        return "x" + number.translate(RAISED)
    if line.gate.name == "pow" and place == 1:
        return f"x^{number}" if node.gate is NUMBER else f"x^({number})"
    form = WITH_NUMBER.get((line.gate.name, place), "")
    closed = node.gate is NUMBER or not node.operands or not operator_of(node.gate)
    return form.format(number if closed and node.gate.name != "neg" else f"({number})")


def _of_several(program: Program, line: Node, names: Names) -> str:
    """A sum of several, or of products."""
    waiting, gates = [line], set()
    while waiting:
        node = waiting.pop()
        gates.add(node.gate.name)
        waiting.extend(operand for operand in node.operands if _is_inside(program, operand))
    if "mul" in gates:
        return "dot"
    plain = gates == {"add"} and not any(operand.constant for operand in line.operands)
    return "+" if plain else _short(text_of(line, names.of.get)) or "Σ"


def _letter(line: Node, names: Names) -> Name:
    """What operands are called: the one that varies x, several by their names."""
    varying = [operand for operand in line.operands if operand in names.of]
    if len(varying) != 1:
        return names.of.get
    return lambda node: "x" if node is varying[0] else names.of.get(node)


def _short(text: str) -> str:
    text = text.replace(" ", "")
    return text if len(text) <= WIDEST else ""
