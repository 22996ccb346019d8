"""What a node becomes when it is made: spelled-out gates fuse, or defined gates are taken apart.

`fusing` and `elementary` are what Graph is given: by name of a gate, a rewrite that returns a node
which means the same, or None.
Nothing else is rewritten: values are those of the formula as written.
"""

from __future__ import annotations

from typing import NamedTuple

from gradcli.formula import formula, substitute
from gradcli.gates import GATES, NUMBER, Gate, parameters
from gradcli.graph import Graph, Node, Rewrite

COMMUTES = ("add", "mul")


def fusing() -> dict[str, Rewrite]:
    """Spelled-out gates become gates; a quotient of a compound denominator becomes num * (1/den)."""
    return {"div": _fused_quotient, "pow": _fused_power}


def elementary() -> dict[str, Rewrite]:
    """Gates that others define become those others; any quotient becomes num * (1/den)."""
    return {gate.name: _taken_apart(gate) for gate in GATES.values() if gate.means} | {"div": _inverted}


def _fused_quotient(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    num, den = operands
    if num.constant:
        return _spelled_out(graph, operands, start, end)
    if den.constant or not _original(den).operands:
        return None
    return _product_with_inverse(graph, num, den, start, end)


def _original(node: Node) -> Node:
    """The node that a name of the user's is a copy of, or the node itself."""
    while node.gate.name == "copy":
        node = node.operands[0]
    return node


def _fused_power(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    if operands[1].constant and _value(operands[1]) == -1:
        return _spelled_out(graph, (graph.number("1", start, end), operands[0]), start, end)
    return None


def _spelled_out(graph: Graph, quotient: tuple[Node, ...], start: int, end: int) -> Node | None:
    """The gate whose definition is this quotient, if there is one."""
    for row in GATES.values():
        if row.fuses:
            found = _match_operands(graph, formula(row.means), GATES["div"], quotient)
            if found is not None:
                operands = tuple(_made(graph, found[letter]) for letter in parameters(row))
                return graph.apply(row, operands, start, end)
    return None


def _inverted(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    num, den = operands
    if num.constant or den.constant:
        return None
    return _product_with_inverse(graph, num, den, start, end)


def _product_with_inverse(graph: Graph, num: Node, den: Node, start: int, end: int) -> Node:
    one = graph.number("1", den.start, den.start)
    inverse = graph.apply(GATES["div"], (one, den), den.start, den.end)
    return graph.apply(GATES["mul"], (num, inverse), start, end)


def _taken_apart(gate: Gate) -> Rewrite:
    def rewrite(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node:
        letters = dict(zip(parameters(gate), operands, strict=True))
        return substitute(graph, formula(gate.means), letters, start, end)

    return rewrite


def matches(graph: Graph, rule: Node, node: Node) -> bool:
    """Whether a node is an instance of a rule of the table."""
    return _match_operands(graph, rule, node.gate, node.operands) is not None


class Letter(NamedTuple):
    """What a letter of a rule stands for; turned: with its sign changed."""

    node: Node
    turned: bool


def _match_operands(graph: Graph, rule: Node, gate: Gate, operands: tuple[Node, ...]) -> dict[str, Letter] | None:
    """What the rule's letters stand for, if the gate on its operands is an instance of the rule; makes no node."""
    if rule.gate is not gate:
        return None
    for order in (operands, operands[::-1]) if gate.name in COMMUTES else (operands,):
        found: dict[str, Letter] = {}
        for part, node in zip(rule.operands, order, strict=True):
            more = _match(graph, part, node)
            if more is None:
                break
            found |= more
        else:
            return found
    return None


def _match(graph: Graph, rule: Node, node: Node) -> dict[str, Letter] | None:
    if rule.gate is NUMBER:
        return {} if _value(node) == _value(rule) else None
    if not rule.operands:
        return {str(rule.static): Letter(node, False)}
    if node in graph.titles:  # what the user named stays a stage of its own
        return None
    if rule.gate.name == "neg":
        (letter,) = rule.operands
        return {str(letter.static): Letter(node, True)} if _can_turn(graph, node) else None
    return _match_operands(graph, rule, node.gate, node.operands)


def _factors(graph: Graph, node: Node) -> list[Node]:
    """A product or quotient, its first factor, the first factor of that, and so on.

    Not through a quotient of a compound denominator: turned, it might be a gate that is spelled out.
    """
    found = [node]
    while node not in graph.titles and (
        node.gate.name == "mul"
        or (node.gate.name == "div" and not any(operand.operands for operand in node.operands[1].operands))
    ):
        node = node.operands[0]
        found.append(node)
    return found


def _can_turn(graph: Graph, node: Node) -> bool:
    """Whether -node takes no gate more than node itself: u for -u, b - a for a - b."""
    first = _factors(graph, node)[-1]
    return first.gate.name in ("neg", "sub") and first not in graph.titles


def _made(graph: Graph, letter: Letter) -> Node:
    """The node that a letter stands for, its sign turned where it has to be."""
    if not letter.turned:
        return letter.node
    *outer, first = _factors(graph, letter.node)
    if first.gate.name == "neg":
        result = first.operands[0]
    else:
        result = graph.apply(first.gate, first.operands[::-1], first.start, first.end)
    for product in reversed(outer):
        result = graph.apply(product.gate, (result, product.operands[1]), product.start, product.end)
    return result


def _value(node: Node) -> float | None:
    """The number that a node is, sign included; None for anything else."""
    sign = 1.0
    while node.gate.name == "neg":
        node, sign = node.operands[0], -sign
    return sign * float(str(node.static)) if node.gate is NUMBER else None
