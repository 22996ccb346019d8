"""The rows of the table as Python functions: a gate's value, and what its operands receive.

Compiled on first use from the table's formulas, never from a user's text. Each comes twice: in
Python's own arithmetic, and in IEEE functions for the operands where that raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from gradcli import ieee
from gradcli.backward import contribution
from gradcli.formula import formula
from gradcli.gates import GATES, parameters
from gradcli.graph import Node
from gradcli.printer import Dialect, operand_text

RAISED = (ZeroDivisionError, OverflowError, ValueError)
NOT_AS_IN_MATH = ("ceil", "floor", "sqrt")
PLAIN_FUNCTIONS = {
    name: function if name in NOT_AS_IN_MATH else getattr(math, name, function)
    for name, function in ieee.FUNCTIONS.items()
}


def _float(digits: str) -> str:
    return repr(float(digits))


COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
_FORMS = {
    **{name: f"({GATES[name].form})" for name in COMPARISONS},  # in a rule it only decides a where
    "where": "(a if cond else b)",
}
PLAIN = Dialect({**_FORMS, "pow": "_pow(a, b)"}, _float)
TOTAL = Dialect({**_FORMS, "pow": "_power(a, b)", "div": "_divide(a, b)"}, _float)


@cache
def value_function(name: str, total: bool) -> Callable[..., float]:
    """value(*operands) of a gate.

    total: never raises; otherwise in Python's own arithmetic, which may raise one of RAISED.
    """
    known = (ieee.FUNCTIONS if total else PLAIN_FUNCTIONS).get(name)
    if known is not None:
        return known
    gate = GATES[name]
    rule = formula(gate.stable or gate.means or gate.form)
    if rule.gate is gate and gate.form.startswith(name + "(") and name not in _FORMS:
        raise LookupError(f"{name}: a gate that no others define needs a function in ieee.py")
    text = f"1.0 if {_text(rule, total)} else 0.0" if name in COMPARISONS else _text(rule, total)
    return cast(Callable[..., float], _compiled(", ".join(parameters(gate)), text, [rule], total))


@cache
def share_function(name: str, active: int, total: bool) -> Callable[..., tuple[float | None, ...]]:
    """shares(*operands, out, dout) of a gate: what each operand receives, None where nothing flows.

    active: which operands are asked for, as bits.
    """
    gate = GATES[name]
    letters = ", ".join([*parameters(gate), "out", "dout"])
    rules = [contribution(gate, place) if active >> place & 1 else None for place in range(len(parameters(gate)))]
    shares = "".join("None, " if rule is None else _text(rule, total) + ", " for rule in rules)
    found = [rule for rule in rules if rule is not None]
    return cast(Callable[..., tuple[float | None, ...]], _compiled(letters, f"({shares})", found, total))


@cache
def kink_function(name: str) -> Callable[..., float]:
    """kink(*operands, out) of a gate: whether its slope is a convention there."""
    gate = GATES[name]
    rule = formula(gate.kink)
    return cast(Callable[..., float], _compiled(", ".join([*parameters(gate), "out"]), _text(rule, True), [rule], True))


def _text(rule: Node, total: bool) -> str:
    return operand_text(rule, lambda node: None, TOTAL if total else PLAIN)


def _compiled(letters: str, text: str, rules: list[Node], total: bool) -> Any:
    """A function of the letters. The text is printed from the table's formulas."""
    names: dict[str, object] = {"__builtins__": {}, "pi": math.pi, "e": math.e, "inf": math.inf}
    names |= {"_pow": math.pow, "_power": ieee.power, "_divide": ieee.divide}
    for rule in rules:
        for gate in _calls(rule):
            names[gate] = value_function(gate, total)
    return eval(f"lambda {letters}: {text}", names)


def _calls(rule: Node) -> set[str]:
    """The functions that a rule calls."""
    own = {rule.gate.name} if rule.gate.form.startswith(rule.gate.name + "(") else set()
    return own.union(*(_calls(operand) for operand in rule.operands)) - {"where"}
