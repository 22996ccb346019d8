"""What arrays add to the grammar: lists, indices, attributes, and calls with axes.

The parser comes here only where a text has these; what is open lies on its stack as a Frame.
"""

from __future__ import annotations

import re
from typing import Protocol

from gradcli import mistakes
from gradcli.array_calls import applied, listed
from gradcli.array_gates import Setting, statics
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import Gate
from gradcli.graph import ALL_AXES, Graph, Node
from gradcli.indices import NOTHING, index_of
from gradcli.spellings import Spellings, array_gate_called, attribute, indexed
from gradcli.tokens import BINDING, COMPARISON, TOKEN, Pending


class Frame:
    """What is open. kind: call, list, tuple or index.

    gate, settings: of a call. separators: the colons and commas of an index, each with the operands before it.
    """

    def __init__(self, kind: str, gate: Gate | None = None) -> None:
        self.kind = kind
        self.gate = gate
        self.settings: dict[str, object] = {}
        self.separators: list[str] = []

    @property
    def name(self) -> str:
        """What a message calls it."""
        return self.gate.form.partition("(")[0] if self.gate is not None else ""


class Parser(Protocol):
    """The parts of the parser that are used here."""

    text: str
    graph: Graph
    spellings: Spellings
    operands: list[Node]
    starts: list[int]
    pending: list[Pending]
    end: int
    depth: int

    def reduce(self, binding: int) -> None:
        """Apply the pending operators that bind at least so tightly."""

    def close(self, start: int) -> None:
        """A closing parenthesis."""

    def unexpected(self, kind: str | None, start: int, end: int) -> SyntaxMistake:
        """What is wrong with a token that cannot begin an operand."""


# -- tokens -------------------------------------------------------------------------------


def matmul(parser: Parser) -> tuple[int, Pending]:
    """The entry of @ among the operators."""
    parser.graph.arrays = True
    return BINDING["@"], (BINDING["@"], array_gate_called("matmul"), 2, -1)


def incomplete(parser: Parser, kind: str | None, start: int, end: int) -> bool:
    """Take a token where an operand is expected; whether an operand is complete then."""
    sign = parser.text[start:end]
    if kind == "keyword":
        return _keyword(parser, start, end)
    if kind == "comma":
        return _incomplete_comma(parser, start, end)
    frame = _innermost(parser)
    if kind == "close" and frame is not None:
        if not _closes_method(parser, frame):
            raise _empty(parser, frame, start, end)
        parser.close(start)
        return True
    if sign == "[":
        parser.pending.append((-1, Frame("list"), len(parser.operands), start))
        parser.depth += 1
        return False
    if frame is not None and frame.kind == "index" and sign == ALL_AXES:
        parser.operands.append(parser.graph.constant(ALL_AXES, start, end))
        parser.starts.append(start)
        parser.end = end
        return True
    if frame is not None and frame.kind == "index" and sign == ":":
        return _separated(parser, frame, ":", start)
    if frame is not None and sign == "]" and frame.kind in ("index", "list"):
        return _close(parser, frame, start, False)
    raise parser.unexpected(kind, start, end)


def complete(parser: Parser, kind: str | None, start: int, end: int) -> bool:
    """Take a token behind a complete operand; whether the operand is complete still."""
    if kind == "attribute":
        return _attribute(parser, start, end)
    sign = parser.text[start]
    if sign == "[":
        parser.pending.append((-1, Frame("index"), len(parser.operands), start))
        parser.depth += 1
        return False
    parser.reduce(COMPARISON)
    frame = _innermost(parser)
    if frame is not None and sign == "]" and frame.kind in ("index", "list"):
        return _close(parser, frame, start, True)
    if frame is not None and sign == ":" and frame.kind == "index":
        frame.separators.append(":")
        return False
    raise mistakes.character(parser.text, start)


def comma(parser: Parser, start: int) -> None:
    """A comma that is in no call of numbers: it separates what a Frame holds, or makes a tuple of a group."""
    frame = _innermost(parser)
    if frame is not None:
        frame.separators.append(",")
        return
    if len(parser.pending) > 1 and isinstance(parser.pending[-2][1], Frame) and parser.pending[-1][0] == 0:
        _, _, before, place = parser.pending.pop()
        frame = Frame("tuple")
        frame.separators.append(",")
        parser.pending.append((-1, frame, before, place))
        return
    raise mistakes.comma(parser.text, start)


def _innermost(parser: Parser) -> Frame | None:
    frame = parser.pending[-1][1] if parser.pending else None
    return frame if isinstance(frame, Frame) else None


def _separated(parser: Parser, frame: Frame, sign: str, start: int) -> bool:
    """A colon or comma before which nothing is written: an open end of a slice."""
    parser.operands.append(NOTHING)
    parser.starts.append(start)
    frame.separators.append(sign)
    return False


def _incomplete_comma(parser: Parser, start: int, end: int) -> bool:
    """A comma behind an open end of a slice, as in X[1:, 0]."""
    frame = _innermost(parser)
    if frame is None or frame.kind != "index" or frame.separators[-1:] != [":"]:
        raise mistakes.operand(parser.text, start, end, False)
    return _separated(parser, frame, ",", start)


def _keyword(parser: Parser, start: int, end: int) -> bool:
    """A static parameter by name: axis=1. It leaves no operand."""
    token = TOKEN.match(parser.text, start)
    assert token is not None
    name, equal = re.split(r"[ \t]*=", token["keyword"])[0], parser.text.index("=", start)
    if not parser.pending or parser.pending[-1][0] > 0 or parser.pending[-1][1] is None:
        raise mistakes.equals(equal, "")
    frame = _innermost(parser) or _turned(parser)
    if frame is None or frame.gate is None or name not in statics(frame.gate):
        raise mistakes.setting(
            name, frame.name if frame else _called(parser), start, equal, frame.gate if frame else None
        )
    if name in frame.settings:
        raise SyntaxMistake(f"'{name}' is given twice", Span(start, equal))
    frame.settings[name] = _setting(parser, name, token["setting"], Span(equal + 1, end))
    return True


def _called(parser: Parser) -> str:
    gate = parser.pending[-1][1]
    return gate.name if isinstance(gate, Gate) else ""


def _turned(parser: Parser) -> Frame | None:
    """The call of max or min as a call of the gate that reduces one array."""
    gate = parser.pending[-1][1]
    if not isinstance(gate, Gate) or gate.name not in mistakes.REDUCTIONS:
        return None
    _, _, before, place = parser.pending.pop()
    frame = Frame("call", array_gate_called(gate.name))
    parser.pending.append((-1, frame, before, place))
    return frame


def _setting(parser: Parser, name: str, written: str | None, span: Span) -> object:
    """The value of a static parameter as written."""
    words = {"None": None, "True": True, "False": False}
    if written in words:
        return words[written]
    if written is not None and not written[0].isalpha():
        numbers = tuple(map(int, re.findall(r"-?\d+", written)))
        return numbers if written[0] == "(" else numbers[0]
    if written is not None and parser.spellings.rule:
        return Setting(written)
    raise mistakes.setting_value(name, span)


def _attribute(parser: Parser, start: int, end: int) -> bool:
    """X.T, X.shape, or the beginning of X.sum(...)."""
    written = parser.text[start + 1 : end]
    owner = parser.operands[-1]
    if not written.endswith("("):
        begin = parser.starts[-1]
        parser.operands[-1] = attribute(parser.text, parser.graph, owner, written, begin, end)
        parser.end = end
        return True
    gate = array_gate_called(written[:-1].rstrip())
    if gate is None:
        raise mistakes.attribute(parser.text, start)
    parser.pending.append((-1, Frame("call", gate), len(parser.operands) - 1, parser.starts[-1]))
    parser.depth += 1
    return False


# -- calls --------------------------------------------------------------------------------


def open_call(parser: Parser, gate: Gate, receiver: str, start: int) -> None:
    """Open a call of an array gate; receiver: what stands before the dot of a method, or nothing."""
    parser.pending.append((-1, Frame("call", gate), len(parser.operands), start))
    if receiver:
        node = parser.spellings.known.get(receiver) or parser.spellings.operand(receiver, start)
        parser.operands.append(node)
        parser.starts.append(start)


def _closes_method(parser: Parser, frame: Frame) -> bool:
    """A closing parenthesis where an operand is expected: of X.sum(), or behind the last comma of a tuple."""
    _, _, before, _ = parser.pending[-1]
    return (frame.kind == "call" and len(parser.operands) == before + 1 and not frame.separators) or (
        frame.kind == "tuple" and frame.separators[-1:] == [","]
    )


def _empty(parser: Parser, frame: Frame, start: int, end: int) -> SyntaxMistake:
    """A closing parenthesis where an operand is expected: the call has none, or a bracket is open."""
    _, _, before, begin = parser.pending[-1]
    if frame.kind in ("list", "index"):
        return mistakes.unclosed(parser.text, begin)
    if frame.gate is not None and len(parser.operands) == before:
        return mistakes.array_arity(frame.gate, 0, begin, end)
    return mistakes.operand(parser.text, start, end, False)


def close_call(parser: Parser, frame: object, before: int, begin: int) -> None:
    """A closing parenthesis of a call or a tuple."""
    assert isinstance(frame, Frame)
    if frame.kind not in ("call", "tuple"):
        raise mistakes.unclosed(parser.text, begin)
    given = tuple(parser.operands[before:])
    del parser.operands[before:], parser.starts[before:]
    if frame.kind == "tuple":
        node = listed(parser.graph, given, Span(begin, parser.end))
    else:
        assert frame.gate is not None
        node = applied(parser.graph, frame.gate, frame.settings, given, Span(begin, parser.end))
    parser.operands.append(node)
    parser.starts.append(begin)


def reduced(parser: Parser, gate: Gate, before: int, begin: int) -> None:
    """max(X): of one operand it is the largest entry."""
    frame = Frame("call", array_gate_called(gate.name))
    close_call(parser, frame, before, begin)
    parser.starts[-1] = begin


# -- indices ------------------------------------------------------------------------------


def _close(parser: Parser, frame: Frame, start: int, ended: bool) -> bool:
    """A closing bracket. ended: an operand stands before it."""
    _, _, before, begin = parser.pending.pop()
    parser.depth -= 1
    parser.end = start + 1
    if not ended and frame.separators[-1:] == [":"]:
        parser.operands.append(NOTHING)
        parser.starts.append(start)
        ended = True
    given = tuple(parser.operands[before:])
    del parser.operands[before:], parser.starts[before:]
    if frame.kind == "list":
        parser.operands.append(listed(parser.graph, given, Span(begin, parser.end)))
        parser.starts.append(begin)
        return True
    if not given or (not ended and len(given) != len(frame.separators)):
        raise SyntaxMistake("an index is missing", Span(begin, start + 1), "entries count from 0: x[0], X[1:, 0]")
    owner = parser.operands[-1]
    settings, picked = index_of(parser.graph, frame.separators, given, Span(begin, start + 1))
    parser.operands[-1] = indexed(parser.graph, owner, settings, parser.starts[-1], start + 1, picked)
    return True
