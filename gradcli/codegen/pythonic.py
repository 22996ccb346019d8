"""What the languages that are Python share: lines, numbers, functions, docstrings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from gradcli.codegen.target import Line
from gradcli.exact import COMPARISONS, is_whole_power
from gradcli.gates import GATES
from gradcli.graph import Node
from gradcli.printer import Dialect, Name

INDENT = "    "
WHOLE = (
    "add",
    "sub",
    "mul",
    "pow",
    *COMPARISONS,
)  # gates beside whose other operand a whole number may stand as an int
COMPARED = {name: GATES[name].form for name in COMPARISONS}
CONDITIONS = COMPARED | {"mul": "a and b", "add": "a or b", "": "a"}
CHOICES = {name: f"(1.0 if {GATES[name].form} else 0.0)" for name in COMPARISONS} | {"where": "(a if cond else b)"}
MOST_DIGITS = 15


def floats(infinity: str) -> Dialect:
    """The dialect of numbers alone, with a name for what is too large for a float."""

    def number(written: str) -> str:
        if not isfinite(float(written)):
            return infinity
        return written if not written.isdigit() else written + ".0"

    def operand(node: Node, place: int) -> str:
        written = str(node.operands[place].static)
        numerator = (node.gate.name == "div" and place == 0) or (node.gate.name == "pow" and place == 0)
        whole = node.gate.name in (*WHOLE, "div") and not numerator and not node.constant
        return written if whole and written.isdigit() and len(written) <= MOST_DIGITS else number(written)

    return Dialect(number=number, operand=operand)


def whole_power(node: Node, name: Name) -> str | None:
    """A power with a whole exponent by `**`; with another one `**` would be complex for a negative base."""
    return "a**b" if is_whole_power(node) else None


def comment(text: str) -> str:
    """A line of comment."""
    return f"# {text}"


def assign(line: Line) -> str:
    """An assignment."""
    return f"{line.name} {'+=' if line.accumulates else '='} {line.value}"


def function(name: str, letters: list[str], value: str) -> list[str]:
    """A function of one line."""
    return [f"def {name}({', '.join(letters)}):", f"{INDENT}return {value}"]


def docstring(lines: Iterable[str]) -> Iterator[str]:
    """Lines as a docstring."""
    first, *rest = lines
    yield f'{INDENT}"""{first}'
    yield from (INDENT + line if line else "" for line in rest)
    yield f'{INDENT}"""'


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a function's body."""
    return (INDENT + line if line else "" for line in lines)


def zeros(shape: tuple[int, ...]) -> str:
    """Nested lists of zeros."""
    text = f"[0.0] * {shape[-1]}"
    for size in reversed(shape[:-1]):
        text = f"[{text} for _ in range({size})]"
    return text


def literal(value: Any) -> str:
    """A number or nested lists of numbers; infinities and nan by what makes them."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value) if isfinite(value) else f'float("{value}")'
