"""Graph to text, the inverse of the parser; with another dialect, the one printer of every language.

A dialect gives gates other forms ("math.exp(x)" for exp); operator forms get the parentheses
that precedence asks for, call forms none. A line is short by construction, so that recursion is safe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from gradcli.gates import NUMBER, operator_of, parameters, variadic
from gradcli.graph import Node
from gradcli.tokens import BINDING, COMPARISON, POWER, UNARY

ATOM = 9
COMPARISON_SIGNS = tuple(symbol for symbol, binding in BINDING.items() if binding == COMPARISON)
JOINED = ("mul", "add")  # of conditions: both, either
Name = Callable[[Node], str | None]


class Dialect(NamedTuple):
    """How a language spells expressions.

    forms: gate name -> form in that language, where it is not the table's own. An operator form
    ("a * b") gets parentheses by precedence; anything else must be closed in itself, with `...`
    for the further operands of a gate that takes any number.
    number: the digits of a number as written -> its spelling.
    operand: the same where it is the operand at some place of a node, if that may differ.
    constants: names of constants -> spelling.
    bindings: gates whose operator binds as tightly as another one than in the language itself.
    conditions: how a condition is spelled that is a comparison, two joined ("mul" for and, "add" for or), or a
    number ("", of `a`), or one that tells nan ("eq itself", "ne itself"); none: like any other operand.
    fixed: how expressions are spelled in which no input occurs, if that differs.
    form: the form of one node, where it depends on the operands or on whether they have names; else None.
    """

    forms: Mapping[str, str] = {}
    number: Callable[[str], str] = str
    constants: Mapping[str, str] = {}
    operand: Callable[[Node, int], str] | None = None
    bindings: Mapping[str, int] = {}
    conditions: Mapping[str, str] = {}
    fixed: Dialect | None = None
    form: Callable[[Node, Name], str | None] | None = None


GRADCLI = Dialect()


def text_of(node: Node, name: Name, dialect: Dialect = GRADCLI) -> str:
    """A node's own expression; `name` gives the name of an operand that has one, else None."""
    return _expression(node, name, dialect)[0]


def operand_text(node: Node, name: Name, dialect: Dialect = GRADCLI, binding: int = 0) -> str:
    """A node as an operand: its name, or its expression, in parentheses if it binds less than `binding`."""
    known = name(node)
    if known is not None:
        return known
    text, own = _expression(node, name, dialect)
    return f"({text})" if own < binding else text


def _expression(node: Node, name: Name, dialect: Dialect) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    if not node.operands:
        return _leaf(node, dialect), ATOM
    if node.constant and dialect.fixed is not None:
        dialect = dialect.fixed
    gate = node.gate
    special = dialect.form(node, name) if dialect.form is not None else None
    form = special or dialect.forms.get(gate.name) or gate.form
    if node.static is not None:
        form = _with_settings(form, dict(node.static))  # type: ignore[arg-type]
        form = form.replace("a, b, ...", "a") if len(node.operands) == 1 else form
    pieces, bindings, own = _pieces(form, parameters(gate)[: len(node.operands)], operator_of(gate))
    if variadic(gate):
        bindings += bindings[-1:] * (len(node.operands) - len(bindings))
    operands = [_operand(node, place, name, dialect, binding) for place, binding in enumerate(bindings)]
    if variadic(gate):
        operands[1:] = [", ".join(operands[1:])]
    text = "".join(operands[piece] if isinstance(piece, int) else piece for piece in pieces)
    return text, dialect.bindings.get(gate.name, own)


def _with_settings(form: str, settings: Mapping[str, object]) -> str:
    """A form with static parameters filled in; those that have their default are left out."""
    if "[index=" in form or ", index=" in form:
        return _index_form(form, settings["index"])
    if form.startswith("stack(") and settings["axis"] == 0:
        return "[a, b, ...]"

    def filled(found: re.Match[str]) -> str:
        value, default = settings[found[2]], found[3]
        if found[2] in ("shape", "axes") and value is not None:
            return f"{found[1]}{value}"
        written = found[2] + "=" if found[1] == ", " else ""
        return "" if str(value) == default and written else f"{found[1]}{written}{value}"

    return re.sub(r"(, |\[)(\w+)=(-?\w+)", filled, form)


def _index_form(form: str, index: object) -> str:
    """The form of an index: `A[1:, i]`."""
    from gradcli.array_gates import Hole, Slice

    def entry(part: object) -> str:
        if isinstance(part, Slice):
            bounds = [str("" if bound is None else bound) for bound in part]
            return ":".join(bounds if bounds[2] else bounds[:2])
        return "ij"[part.place - 1] if isinstance(part, Hole) else "..." if part is Ellipsis else str(part)

    assert isinstance(index, tuple)
    return f"A[{', '.join(map(entry, index))}]"


def _operand(node: Node, place: int, name: Name, dialect: Dialect, binding: int) -> str:
    operand = node.operands[place]
    if operand.gate is NUMBER and dialect.operand is not None:
        return dialect.operand(node, place)
    if node.gate.name == "where" and place == 0 and dialect.conditions:
        return condition_text(operand, name, dialect)
    text = operand_text(operand, name, dialect, binding)
    return f"({text})" if operand.gate is NUMBER and node.gate.form.startswith("A.") else text  # 1.T is no number


def condition_text(node: Node, name: Name, dialect: Dialect) -> str:
    """A condition as a language tests it, rather than as a number."""
    name_of_gate = node.gate.name
    form = dialect.conditions.get(name_of_gate)
    if node.operands[:1] == node.operands[1:]:  # a == a tells whether a is nan
        form = dialect.conditions.get(name_of_gate + " itself", form)
    if name(node) is not None or form is None or (node.gate.name in JOINED and not _joins_conditions(node)):
        return dialect.conditions[""].replace("a", operand_text(node, name, dialect, COMPARISON + 1))
    if node.gate.name in JOINED:
        sides = [condition_text(operand, name, dialect) for operand in node.operands]
    else:
        sides = [_operand(node, place, name, dialect, COMPARISON + 1) for place in (0, 1)]
    return re.sub(r"\b[ab]\b", lambda letter: sides["ab".index(letter[0])], form)


def _joins_conditions(node: Node) -> bool:
    return all(operator_of(operand.gate) in COMPARISON_SIGNS for operand in node.operands)


def _leaf(node: Node, dialect: Dialect) -> str:
    written = str(node.static)
    if node.gate is NUMBER:
        return dialect.number(written)
    return dialect.constants.get(written, written)


@cache
def _pieces(form: str, letters: tuple[str, ...], symbol: str) -> tuple[tuple[str | int, ...], tuple[int, ...], int]:
    """A form as text and places of operands, how tightly each operand has to bind, and how it binds itself.

    symbol: the operator of the language itself, if the gate is one; a sign between operands binds like it.
    """
    places: dict[str, str | int] = {letter: place for place, letter in enumerate(letters)}
    parts = re.split(rf"(?<!\\)\b({'|'.join(letters)})\b(?!\()", form.replace(", ...", ""))
    pieces = tuple(places.get(part, part) for part in parts if part)
    if form == "-" + letters[0]:
        return pieces, (UNARY + 1,), UNARY  # --x is something else in many languages
    if pieces[0] != 0:
        return pieces, (0,) * len(letters), ATOM
    signs = {str(piece).strip() for piece in pieces[1::2]}
    if symbol and set(pieces[::2]) <= {0, 1} and len(signs) == 1 and len(pieces) % 2:
        own = BINDING.get(signs.pop(), BINDING[symbol])
        left = own + 1 if own in (COMPARISON, POWER) else own
        return pieces, (left, UNARY if own == POWER else own + 1), own
    if len(pieces) > 1 and (str(pieces[1])[0] == "[" or pieces[1] in (".T", ".shape")):
        return pieces, (ATOM, *(0,) * (len(letters) - 1)), ATOM
    return pieces, (POWER + 1, *(0,) * (len(letters) - 1)), POWER  # x.clone(), x^{2}
