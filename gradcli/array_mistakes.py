"""What people write about arrays that is not the language: messages, places and hints.

Loaded only where a text has arrays, or something that only an array has.
"""

from __future__ import annotations

from gradcli.array_gates import array_gate_called
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import Gate, gate_called, variadic
from gradcli.mistakes import REDUCTIONS, counted, equals
from gradcli.numpy_words import INSTEAD


def attribute(text: str, at: int) -> SyntaxMistake:
    """A dot behind an operand."""
    end = at + 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_") and end - at < 40:
        end += 1
    name = text[at + 1 : end]
    general = "of an array: X.T, X.shape, X.dot(Y), X.sum(axis=0)"
    if array_gate_called(name) is not None and (name in REDUCTIONS or gate_called(name) is None):
        return SyntaxMistake(f"'.{name}' is a method", Span(at, end), f"write .{name}()")
    hint = f"write {name}(x)" if gate_called(name) is not None else INSTEAD.get(name, general)
    return SyntaxMistake(f"'{text[at:end]}' is not known", Span(at, end), hint)


def setting(name: str, call: str, start: int, equal: int, gate: Gate | None) -> SyntaxMistake:
    """A parameter by name that a gate does not have, as log(x, base=2)."""
    if gate is None:
        return equals(equal, call)
    return SyntaxMistake(f"{call} has no parameter '{name[:40]}'", Span(start, equal), f"write {gate.form}")


def setting_value(name: str, span: Span) -> SyntaxMistake:
    """A static parameter that is not written out, as axis=k."""
    wanted = {"keepdims": "True or False", "axis": "a whole number, such as 0, or a tuple of them"}
    return SyntaxMistake(f"'{name}' is {wanted.get(name, 'a whole number')}, as written", span)


def arity(gate: Gate, given: int, start: int, end: int) -> SyntaxMistake:
    """A call of an array gate with too few or too many operands."""
    name = gate.form.partition("(")[0]
    what = f"{name} takes a list of arrays" if variadic(gate) else f"{name} does not take {counted(given)}"
    return SyntaxMistake(what, Span(start, end), f"write {gate.form.replace(', ...', '')}")
