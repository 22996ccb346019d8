"""What arrays add to the grammar: lists, indices, attributes, and calls with axes.

The parser comes here only where a text has these; what is open lies on its stack as a Frame.
"""

from __future__ import annotations

import re

from gradcli import array_mistakes, mistakes
from gradcli.array_calls import applied, listed
from gradcli.array_gates import Setting, statics
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import Gate
from gradcli.graph import ALL_AXES
from gradcli.indices import NOTHING, index_of
from gradcli.spellings import array_gate_called, attribute, indexed
from gradcli.stack import Stack
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


class Brackets:
    """The reader of brackets, attributes and array calls, on the parser's stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    # -- tokens ---------------------------------------------------------------------------

    def matmul(self) -> tuple[int, Pending]:
        """The entry of @ among the operators."""
        self.stack.graph.arrays = True
        return BINDING["@"], (BINDING["@"], array_gate_called("matmul"), 2, -1)

    def incomplete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token where an operand is expected; whether an operand is complete then."""
        sign = self.stack.text[start:end]
        if kind == "keyword":
            return self._keyword(start, end)
        if kind == "comma":
            return self._incomplete_comma(start, end)
        frame = self._innermost()
        if kind == "close" and frame is not None:
            return self._close_empty(frame, start, end)
        if sign == "[":
            self.stack.open(-1, Frame("list"), len(self.stack.operands), start)
            return False
        if frame is not None and frame.kind == "index" and sign == ALL_AXES:
            self.stack.push(self.stack.graph.constant(ALL_AXES, start, end), start)
            self.stack.end = end
            return True
        if frame is not None and frame.kind == "index" and sign == ":":
            return self._separated(frame, ":", start)
        if frame is not None and sign == "]" and frame.kind in ("index", "list"):
            return self._close(frame, start, False)
        raise self.stack.unexpected(kind, start, end)

    def complete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token behind a complete operand; whether the operand is complete still."""
        if kind == "attribute":
            return self._attribute(start, end)
        sign = self.stack.text[start]
        if sign == "[":
            self.stack.open(-1, Frame("index"), len(self.stack.operands), start)
            return False
        self.stack.reduce(COMPARISON)
        frame = self._innermost()
        if frame is not None and sign == "]" and frame.kind in ("index", "list"):
            return self._close(frame, start, True)
        if frame is not None and sign == ":" and frame.kind == "index":
            frame.separators.append(":")
            return False
        raise mistakes.character(self.stack.text, start)

    def comma(self, start: int) -> None:
        """A comma that is in no call of numbers: it separates what a Frame holds, or makes a tuple of a group."""
        frame, pending = self._innermost(), self.stack.pending
        if frame is None:
            if not (len(pending) > 1 and isinstance(pending[-2][1], Frame) and pending[-1][0] == 0):
                raise mistakes.comma(self.stack.text, start)
            frame = self._framed(Frame("tuple"))
        frame.separators.append(",")

    def _innermost(self) -> Frame | None:
        frame = self.stack.pending[-1][1] if self.stack.pending else None
        return frame if isinstance(frame, Frame) else None

    def _framed(self, frame: Frame) -> Frame:
        """The innermost parenthesis, that was opened for numbers, as a frame."""
        _, _, before, place = self.stack.pending.pop()
        self.stack.pending.append((-1, frame, before, place))
        return frame

    # -- calls ----------------------------------------------------------------------------

    def open_call(self, gate: Gate, receiver: str, start: int) -> None:
        """Open a call of an array gate; receiver: what stands before the dot of a method, or nothing."""
        self.stack.open(-1, Frame("call", gate), len(self.stack.operands), start)
        if receiver:
            spellings = self.stack.spellings
            self.stack.push(spellings.known.get(receiver) or spellings.operand(receiver, start), start)

    def _attribute(self, start: int, end: int) -> bool:
        """X.T, X.shape, or the beginning of X.sum(...)."""
        stack = self.stack
        written, begin = stack.text[start + 1 : end], stack.starts[-1]
        if not written.endswith("("):
            stack.operands[-1] = attribute(stack.text, stack.graph, stack.operands[-1], written, begin, end)
            stack.end = end
            return True
        gate = array_gate_called(written[:-1].rstrip())
        if gate is None:
            raise array_mistakes.attribute(stack.text, start)
        stack.open(-1, Frame("call", gate), len(stack.operands) - 1, begin)
        return False

    def _keyword(self, start: int, end: int) -> bool:
        """A static parameter by name: axis=1. It leaves no operand."""
        text, pending = self.stack.text, self.stack.pending
        token = TOKEN.match(text, start)
        assert token is not None
        name, equal = re.split(r"[ \t]*=", token["keyword"])[0], text.index("=", start)
        if not pending or pending[-1][0] > 0 or pending[-1][1] is None:
            raise mistakes.equals(equal, "")
        frame = self._innermost() or self._turned()
        if frame is None or frame.gate is None or name not in statics(frame.gate):
            called = frame.name if frame else self.stack.innermost_call()
            raise array_mistakes.setting(name, called, start, equal, frame.gate if frame else None)
        if name in frame.settings:
            raise SyntaxMistake(f"'{name}' is given twice", Span(start, equal))
        frame.settings[name] = self._setting(name, token["setting"], Span(equal + 1, end))
        return True

    def _turned(self) -> Frame | None:
        """The call of max or min as a call of the gate that reduces one array."""
        gate = self.stack.pending[-1][1]
        if not isinstance(gate, Gate) or gate.name not in mistakes.REDUCTIONS:
            return None
        return self._framed(Frame("call", array_gate_called(gate.name)))

    def _setting(self, name: str, written: str | None, span: Span) -> object:
        """The value of a static parameter as written."""
        words = {"None": None, "True": True, "False": False}
        if written in words:
            return words[written]
        if written is not None and not written[0].isalpha():
            numbers = tuple(map(int, re.findall(r"-?\d+", written)))
            return numbers if written[0] == "(" else numbers[0]
        if written is not None and self.stack.spellings.rule:
            return Setting(written)
        raise array_mistakes.setting_value(name, span)

    def _close_empty(self, frame: Frame, start: int, end: int) -> bool:
        """A closing parenthesis where an operand is expected: of X.sum(), or behind the last comma of a tuple."""
        _, _, before, begin = self.stack.pending[-1]
        operands = len(self.stack.operands) - before
        if frame.kind in ("list", "index"):
            raise mistakes.unclosed(self.stack.text, begin)
        if frame.kind == "call" and operands == 0 and frame.gate is not None:
            raise array_mistakes.arity(frame.gate, 0, begin, end)
        method = frame.kind == "call" and operands == 1 and not frame.separators
        if not (method or (frame.kind == "tuple" and frame.separators[-1:] == [","])):
            raise mistakes.operand(self.stack.text, start, end, False)
        self.stack.pending.pop()
        self.stack.depth -= 1
        self.stack.end = start + 1
        self.close_call(frame, before, begin)
        return True

    def close_call(self, frame: object, before: int, begin: int) -> None:
        """A closing parenthesis of a call or a tuple."""
        assert isinstance(frame, Frame)
        graph, span = self.stack.graph, Span(begin, self.stack.end)
        if frame.kind not in ("call", "tuple"):
            raise mistakes.unclosed(self.stack.text, begin)
        given = self.stack.taken(before)
        if frame.gate is None:
            node = listed(graph, given, span)
        else:
            node = applied(graph, frame.gate, frame.settings, given, span)
        self.stack.push(node, begin)

    def reduced(self, gate: Gate, before: int, begin: int) -> None:
        """max(X): of one operand it is the largest entry."""
        self.close_call(Frame("call", array_gate_called(gate.name)), before, begin)

    # -- lists and indices ----------------------------------------------------------------

    def _separated(self, frame: Frame, sign: str, start: int) -> bool:
        """A colon or comma before which nothing is written: an open end of a slice."""
        self.stack.push(NOTHING, start)
        frame.separators.append(sign)
        return False

    def _incomplete_comma(self, start: int, end: int) -> bool:
        """A comma behind an open end of a slice, as in X[1:, 0]."""
        frame = self._innermost()
        if frame is None or frame.kind != "index" or frame.separators[-1:] != [":"]:
            raise mistakes.operand(self.stack.text, start, end, False)
        return self._separated(frame, ",", start)

    def _close(self, frame: Frame, start: int, ended: bool) -> bool:
        """A closing bracket. ended: an operand stands before it."""
        stack = self.stack
        _, _, before, begin = stack.pending.pop()
        stack.depth -= 1
        stack.end = start + 1
        if not ended and frame.separators[-1:] == [":"]:
            stack.push(NOTHING, start)
            ended = True
        given, span = stack.taken(before), Span(begin, start + 1)
        if frame.kind == "list":
            stack.push(listed(stack.graph, given, span), begin)
            return True
        if not given or (not ended and len(given) != len(frame.separators)):
            raise SyntaxMistake("an index is missing", span, "entries count from 0: x[0], X[1:, 0]")
        settings, picked = index_of(stack.graph, frame.separators, given, span)
        owner = stack.operands[-1]
        stack.operands[-1] = indexed(stack.graph, owner, settings, stack.starts[-1], start + 1, picked)
        return True
