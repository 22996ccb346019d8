"""The words of the language: what a token is, how operators bind, which signs are other spellings."""

from __future__ import annotations

import re
from typing import Any

from gradcli.gates import GATES, operator_of

WORD = r"[^\W\d²³][^\W²³]*+"  # any letters: a class of the Greek ones costs a tenth of the start-up; see `foreign`
NAME = rf"{WORD}(?:\.{WORD})*+"  # np.exp is one token
DIGITS = r"[0-9][0-9_]*"
NUMBER = rf"(?:{DIGITS}(?:\.[0-9_]*)?|\.{DIGITS})(?:[eE][+−-]?{DIGITS})?"
ELEMENT = r"(?:\[[0-9, \t]+\])+"
SETTING = r"-?[0-9]{1,9}|\((?:[ \t]*-?[0-9]{1,9}[ \t]*,?)+\)|[A-Za-z]+"  # of a static parameter: 1, (0, 1), True
TOKEN = re.compile(
    rf"""[ \t\r]* (?:
      (?P<operand> {NAME} (?! [ \t]*(?: \( | =(?!=) ) ) (?: {ELEMENT} )? | {NUMBER} )
    | (?P<operator> \*\* | [<>=!]= | [-+*/^@<>·×÷−√] )
    | (?P<close> \) )
    | (?P<open> \( )
    | (?P<call> {NAME} ) [ \t]* \(
    | (?P<comma> , )
    | (?P<newline> \n )
    | (?P<semicolon> ; )
    | (?P<superscript> [²³]+ )
    | (?P<equals> = )
    | (?P<comment> \#[^\n]* )
    | (?P<keyword> {WORD} [ \t]* = (?: [ \t]* (?P<setting> {SETTING} ) (?= [ \t\n]* (?: [,)] | \Z ) ) )? )
    | (?P<attribute> \. (?: \.\. | {WORD} (?: [ \t]*\( )? ) )
    | (?P<other> . )
    | (?P<end> \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
OPERAND, OPERATOR = TOKEN.groupindex["operand"], TOKEN.groupindex["operator"]
BETWEEN = re.compile(r"(?:[ \t\r\n;]++|\#[^\n]*+)*+")  # statements
TARGET = re.compile(rf"[ \t\r]*({WORD})[ \t]*=(?!=)")

SPELLINGS = {"^": "**", "·": "*", "×": "*", "÷": "/", "−": "-", "²": "2", "³": "3", "π": "pi"}
COMPARISON, UNARY, POWER, ROOT = 1, 4, 5, 6
BINDING = {"+": 2, "-": 2, "*": 3, "/": 3, "@": 3, "**": POWER}
BINDING |= dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), COMPARISON)
MOST_INDICES = 32
MODULES = ("math", "np", "numpy", "np.linalg", "numpy.linalg")


Pending = tuple[int, Any, int, int]  # how tightly it binds, what it is, see parser.py, and its place where that counts


def _operators() -> dict[str, tuple[int, Pending]]:
    """For each operator: how tightly what stands to its left must bind to be done first, and what waits."""
    found = {}
    for gate in GATES.values():
        symbol = operator_of(gate)
        if symbol:
            binding = BINDING[symbol]
            found[symbol] = (binding + (binding in (COMPARISON, POWER)), (binding, gate, 2, -1))
    return found | {sign: found[symbol] for sign, symbol in SPELLINGS.items() if symbol in found}


_ALL = _operators()
COMPARISONS = {symbol: entry for symbol, entry in _ALL.items() if entry[1][0] == COMPARISON}
OPERATORS = {symbol: entry for symbol, entry in _ALL.items() if entry[1][0] != COMPARISON}
PREFIXES = {"-": (UNARY, "neg"), "−": (UNARY, "neg"), "+": (UNARY, ""), "√": (ROOT, "sqrt")}


def foreign(name: str) -> int:
    """The place of the first character of a name that is neither ASCII nor a Greek letter; -1 if there is none."""
    if name.isascii():
        return -1
    greek = (sign.isascii() or "Α" <= sign <= "Ω" or "α" <= sign <= "ω" for sign in name)
    return next((place for place, fits in enumerate(greek) if not fits), -1)
