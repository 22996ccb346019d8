"""Rewrites of a formula that change no bit of its value: 1 * a is a, 2 - 1 is 1, a test of numbers is decided.

They tidy rules of the table once their letters have been replaced. Never other algebra: x - x stays.
"""

from __future__ import annotations

import operator
from fractions import Fraction

from gradcli.evaluate import leaf_value
from gradcli.gates import GATES, NUMBER
from gradcli.graph import Graph, Node, Rewrite
from gradcli.rows import value_function

Operands = tuple[Node, ...]
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
ARITHMETIC = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
LONGEST = 15  # digits; a longer number stays as it is written
DEEPEST = 8  # of constants that are worked out to decide a test


def exact() -> dict[str, Rewrite]:
    """By name of a gate, what may replace it on given operands."""
    found: dict[str, Rewrite] = {"neg": _negation, "pow": _power, "where": _choice}
    found |= {name: _arithmetic(name) for name in ARITHMETIC}
    return found | {name: _test(name) for name in COMPARISONS}


def digits_of(node: Node) -> str:
    """The number that a node is, as written, sign included; nothing for anything else."""
    if node.gate.name == "neg" and node.operands[0].gate is NUMBER:
        return f"-{node.operands[0].static}"
    return str(node.static) if node.gate is NUMBER else ""


def is_number(node: Node, value: float) -> bool:
    """Whether a node is this number."""
    digits = digits_of(node)
    return digits != "" and float(digits) == value


def is_whole_power(node: Node) -> bool:
    """Whether a node is a power with a whole number as exponent."""
    return node.gate.name == "pow" and digits_of(node.operands[1]).lstrip("-").isdigit()


def negated(graph: Graph, node: Node) -> Node:
    """-node."""
    return graph.apply(GATES["neg"], (node,))


def _arithmetic(name: str) -> Rewrite:
    def rewrite(graph: Graph, operands: Operands, start: int, end: int) -> Node | None:
        left, right = operands
        if name == "div":
            return left if is_number(right, 1) else _folded(graph, name, operands)
        if name != "mul":
            return _folded(graph, name, operands)
        for factor, other in (operands, operands[::-1]):
            if is_number(factor, 1) or (is_number(factor, 0) and other.gate.name in COMPARISONS):
                return other if is_number(factor, 1) else factor
            if is_number(factor, -1):
                return negated(graph, other)
        return _folded(graph, name, operands)

    return rewrite


def _folded(graph: Graph, name: str, operands: Operands) -> Node | None:
    """The result of arithmetic on numbers, where floats give it without rounding and in a few digits."""
    left, right = (_fraction(operand) for operand in operands)
    if left is None or right is None or (name == "div" and not right):
        return None
    result = ARITHMETIC[name](left, right)
    text = repr(float(abs(result))).removesuffix(".0")
    if Fraction(text) != result != -Fraction(text) or len(text) > LONGEST or not (result or name in ("add", "sub")):
        return None  # a product with 0 may be -0.0
    number = graph.number(text)
    return negated(graph, number) if result < 0 else number


def _fraction(node: Node) -> Fraction | None:
    """A number's value, if it has few digits and a float holds it."""
    digits = digits_of(node)
    if not digits or len(digits) > LONGEST or "e" in digits.lower():
        return None
    value = Fraction(digits)
    return value if value == float(digits) else None


def _negation(graph: Graph, operands: Operands, start: int, end: int) -> Node | None:
    (operand,) = operands
    return operand.operands[0] if operand.gate.name == "neg" else None


def _power(graph: Graph, operands: Operands, start: int, end: int) -> Node | None:
    base, exponent = operands
    if is_number(exponent, 0):
        return graph.number("1")
    return base if is_number(exponent, 1) else None


def _test(name: str) -> Rewrite:
    def rewrite(graph: Graph, operands: Operands, start: int, end: int) -> Node | None:
        values = [_worth(operand, DEEPEST) for operand in operands]
        if None in values:
            return None
        return graph.number("1" if value_function(name, True)(*values) else "0")

    return rewrite


def _worth(node: Node, depth: int) -> float | None:
    """The value of a constant expression that is not deep."""
    if not node.constant or not depth:
        return None
    if not node.operands:
        return leaf_value(node)
    operands = [_worth(operand, depth - 1) for operand in node.operands]
    return None if None in operands else value_function(node.gate.name, True)(*operands)


def _choice(graph: Graph, operands: Operands, start: int, end: int) -> Node | None:
    condition, yes, no = operands
    if condition.gate is not NUMBER:
        return None
    return no if is_number(condition, 0) else yes
