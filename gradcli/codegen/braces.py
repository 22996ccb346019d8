"""What languages with braces share: C and JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite

from gradcli.codegen.target import Guards
from gradcli.exact import COMPARISONS
from gradcli.gates import GATES

INDENT = "    "
CHOICES = {name: f"({GATES[name].form} ? 1.0 : 0.0)" for name in COMPARISONS} | {"where": "(cond ? a : b)"}
CONDITIONS = {name: GATES[name].form for name in COMPARISONS} | {"mul": "a && b", "add": "a || b"}


def number(written: str, infinity: str) -> str:
    """A number as a double; one that is too large or too small for a double by what it rounds to."""
    if not isfinite(float(written)):
        return infinity
    if float(written) == 0:
        return "0.0"
    return written + ".0" if written.isdigit() else written


def comment(text: str) -> str:
    """A line of comment."""
    return f"// {text}" if text else "//"


def body(value: str, guards: Guards) -> list[str]:
    """The body of a small function and the brace that ends it."""
    early = [f"if ({condition}) return {result};" for condition, result in guards]
    return [*indented([*early, f"return {value};"]), "}"]


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a function's body."""
    return (INDENT + line if line else "" for line in lines)
