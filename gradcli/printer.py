"""Graph to text, the inverse of the parser; with another dialect, the one printer of every language.

A dialect gives gates other forms ("math.exp(x)" for exp); operator forms get the parentheses
that precedence asks for, call forms none. A line is short by construction, so that recursion is safe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from gradcli.gates import NUMBER, parameters, variadic
from gradcli.graph import Node
from gradcli.parser import BINDING, COMPARISON, POWER, UNARY

ATOM = 9
Name = Callable[[Node], str | None]


class Dialect(NamedTuple):
    """How a language spells expressions.

    forms: gate name -> form in that language, where it is not the table's own. An operator form
    ("a * b") gets parentheses by precedence; anything else must be closed in itself, with `...`
    for the further operands of a gate that takes any number.
    number: the digits of a number as written -> its spelling.
    constants: names of constants -> spelling.
    """

    forms: Mapping[str, str] = {}
    number: Callable[[str], str] = str
    constants: Mapping[str, str] = {}


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
    pieces, bindings, own = _pieces(dialect.forms.get(node.gate.name) or node.gate.form, tuple(parameters(node.gate)))
    if variadic(node.gate):
        bindings += bindings[-1:] * (len(node.operands) - len(bindings))
    operands = [
        operand_text(operand, name, dialect, binding) for operand, binding in zip(node.operands, bindings, strict=True)
    ]
    if variadic(node.gate):
        operands[1:] = [", ".join(operands[1:])]
    return "".join(operands[piece] if isinstance(piece, int) else piece for piece in pieces), own


def _leaf(node: Node, dialect: Dialect) -> str:
    written = str(node.static)
    if node.gate is NUMBER:
        return dialect.number(written)
    return dialect.constants.get(written, written)


@cache
def _pieces(form: str, letters: tuple[str, ...]) -> tuple[tuple[str | int, ...], tuple[int, ...], int]:
    """A form as text and places of operands, how tightly each operand has to bind, and how it binds itself."""
    words = form.split(" ")
    places: dict[str, str | int] = {letter: place for place, letter in enumerate(letters)}
    parts = re.split(rf"\b({'|'.join(letters)})\b(?!\()", form.replace(", ...", ""))
    pieces = tuple(places.get(part, part) for part in parts if part)
    if len(words) == 3 and words[1] in BINDING:
        own = BINDING[words[1]]
        left = own + 1 if own in (COMPARISON, POWER) else own
        return pieces, (left, UNARY if own == POWER else own + 1), own
    if form == "-" + letters[0]:
        return pieces, (UNARY,), UNARY
    return pieces, (0,) * len(letters), ATOM
