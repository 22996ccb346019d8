"""A line of a program as a sympy expression: built call by call, with a Dummy symbol for each operand.

Nothing is parsed, and no symbol has a name that sympy knows: a Dummy equals only itself. Numbers that
are no short fractions, and constant parts, are symbols too, so that no power of numbers is ever worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sympy

from gradcli.formula import formula
from gradcli.gates import NUMBER, Gate, operator_of, parameters
from gradcli.graph import Input, Node
from gradcli.program import Program

Expression = Any  # sympy ships no types
Key = int | tuple[int, int]
SHORT = 2**20  # numerators and denominators of numbers that stand as such


class UnknownFunction(Exception):
    """sympy has no function of the gate's name, and the table does not define it by others."""


class Line(NamedTuple):
    """A line, or a step of one, as an expression.

    target: the node whose value it is, by its index; steps on the way to it have a number besides.
    symbols: what stands for which node or step.
    """

    target: Key
    expression: Expression
    symbols: dict[Key, Expression]


def lines_of(program: Program, line: Node) -> Iterator[Line]:
    """A line as one expression; a max of many as a chain of twos, because sympy compares all with all."""
    if not line.gate.routes or len(line.operands) == 2:
        symbols: dict[Key, Expression] = {}
        yield Line(line.index, _number(_gate(program, line, symbols)), symbols)
        return
    before: Key = line.operands[0].index
    last = len(line.operands) - 1
    for place, operand in enumerate(line.operands[1:], 1):
        target: Key = line.index if place == last else (line.index, place)
        symbols = {key: sympy.Dummy(real=True) for key in (before, operand.index)}
        yield Line(target, applied(line.gate, [symbols[before], symbols[operand.index]]), symbols)
        before = target


def _node(program: Program, node: Node, symbols: dict[Key, Expression]) -> Expression:
    short = fraction(float(str(node.static))) if node.gate is NUMBER else None
    if short is not None:
        return short
    if program.inside[node.index] and node.operands and not node.constant:
        return _gate(program, node, symbols)
    return symbols.setdefault(node.index, sympy.Dummy(real=True))


def _gate(program: Program, node: Node, symbols: dict[Key, Expression]) -> Expression:
    return applied(node.gate, [_node(program, operand, symbols) for operand in node.operands])


def fraction(value: float) -> Expression | None:
    """A number as an exact fraction, if that is short."""
    if abs(value) >= SHORT:
        return None
    above, below = value.as_integer_ratio()
    return sympy.Rational(above, below) if max(abs(above), below) < SHORT else None


def applied(gate: Gate, operands: Sequence[Expression]) -> Expression:
    """A gate on sympy expressions; a comparison stays a condition. Raises UnknownFunction."""
    symbol = operator_of(gate)
    if symbol in RELATIONS:
        return RELATIONS[symbol](*map(_number, operands))
    if gate.name == "where":
        condition, *branches = operands
        taken = condition if _is_condition(condition) else sympy.Ne(condition, 0)
        return sympy.Piecewise((_number(branches[0]), taken), (_number(branches[1]), True))
    numbers = [_number(operand) for operand in operands]
    if symbol:
        return OPERATORS[symbol](*numbers)
    if gate.name in SPELLED:
        return SPELLED[gate.name](*numbers)
    defined = gate.means or gate.stable
    if defined:
        return _rule(formula(defined), dict(zip(parameters(gate), numbers, strict=True)))
    function = getattr(sympy, gate.name, None)
    if not isinstance(function, type) or not issubclass(function, sympy.Function):
        raise UnknownFunction(gate.name)
    return function(*numbers)


def _rule(rule: Node, letters: Mapping[str, Expression]) -> Expression:
    if isinstance(rule.static, Input):
        return letters[rule.static.base]
    if rule.gate is NUMBER:
        value = float(str(rule.static))
        return fraction(value) or sympy.Rational(*value.as_integer_ratio())
    if not rule.operands:
        return {"pi": sympy.pi, "e": sympy.E}[str(rule.static)]
    return applied(rule.gate, [_rule(operand, letters) for operand in rule.operands])


def _is_condition(expression: Expression) -> bool:
    return isinstance(expression, sympy.logic.boolalg.Boolean) and not isinstance(expression, sympy.Symbol)


def _number(expression: Expression) -> Expression:
    """A condition as 1 or 0; anything else as it is."""
    return sympy.Piecewise((1, expression), (0, True)) if _is_condition(expression) else expression


def _cube_root(x: Expression) -> Expression:
    third = sympy.Rational(1, 3)
    return sympy.Piecewise((x**third, x >= 0), (-((-x) ** third), True))


RELATIONS: dict[str, Callable[..., Expression]] = {
    "<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "==": sympy.Eq, "!=": sympy.Ne,
}  # fmt: skip
OPERATORS: dict[str, Callable[..., Expression]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}  # fmt: skip
# Where sympy has no function of the gate's name, or another one.
SPELLED: dict[str, Callable[..., Expression]] = {
    "neg": lambda a: -a, "copy": lambda a: a, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min,
    "ceil": sympy.ceiling, "sqrt": sympy.sqrt, "cbrt": _cube_root, "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "expm1": lambda x: sympy.exp(x) - 1, "log1p": lambda x: sympy.log(1 + x),
    "log2": lambda x: sympy.log(x) / sympy.log(2), "log10": lambda x: sympy.log(x) / sympy.log(10),
}  # fmt: skip
