"""What is read of a statement and not yet applied: operands, operators that wait, and what is open."""

from __future__ import annotations

from gradcli import mistakes
from gradcli.errors import SyntaxMistake
from gradcli.graph import Graph, Node
from gradcli.spellings import Spellings
from gradcli.tokens import Pending


class Stack:
    """The state between two tokens.

    end: where the last operand ends. depth: how many parentheses are open.
    operands: finished nodes; starts: where each begins.
    pending: operators that wait for their right operand, as (binding, gate, 1 or 2 operands, place of a prefix),
    and opened parentheses, as (0, gate of a call or None, operands before it, place); where arrays are made
    or meant, as (-1, Frame, operands before it, place).
    """

    __slots__ = ("depth", "end", "graph", "operands", "pending", "spellings", "starts", "text")

    def __init__(self, text: str, graph: Graph, rule: bool) -> None:
        self.text = text
        self.graph = graph
        self.spellings = Spellings(text, graph, rule)
        self.end = 0
        self.begin()

    def begin(self) -> None:
        """Make ready for a statement."""
        self.operands: list[Node] = []
        self.starts: list[int] = []
        self.pending: list[Pending] = []
        self.depth = 0

    def push(self, node: Node, start: int) -> None:
        """A finished operand that begins at `start`."""
        self.operands.append(node)
        self.starts.append(start)

    def taken(self, before: int) -> tuple[Node, ...]:
        """The operands behind the first `before`, which leave the stack."""
        given = tuple(self.operands[before:])
        del self.operands[before:], self.starts[before:]
        return given

    def open(self, binding: int, what: object, before: int, start: int) -> None:
        """A parenthesis or bracket: 0 and the gate of a call or None, or -1 and a Frame."""
        self.pending.append((binding, what, before, start))
        self.depth += 1

    def reduce(self, binding: int) -> None:
        """Apply the pending operators that bind at least so tightly."""
        pending, operands, starts, apply = self.pending, self.operands, self.starts, self.graph.apply
        while pending and pending[-1][0] >= binding:
            _, gate, count, start = pending.pop()
            right = operands.pop()
            if count == 2:
                starts.pop()
                operands[-1] = apply(gate, (operands[-1], right), starts[-1], self.end)
            else:
                starts[-1] = start
                operands.append(apply(gate, (right,), start, self.end))

    # -- what is wrong --------------------------------------------------------------------

    def opened(self) -> int:
        """Where the innermost parenthesis was opened."""
        return [place for binding, _, _, place in self.pending if binding <= 0][-1]

    def innermost_call(self) -> str:
        """The name of the call whose operands are being read, or nothing."""
        for binding, gate, _, _ in reversed(self.pending):
            if binding == 0:
                return gate.name if gate is not None else ""
        return ""

    def unexpected(self, kind: str | None, start: int, end: int) -> SyntaxMistake:
        """What is wrong with a token that cannot begin an operand."""
        if kind == "other" and self.text[start] != ".":
            return mistakes.character(self.text, start)
        if kind == "end" and self.depth:
            return mistakes.unclosed(self.text, self.opened())
        return mistakes.operand(self.text, start, end, kind in ("end", "newline", "semicolon"))

    def misplaced(self, kind: str | None, start: int, end: int) -> SyntaxMistake:
        """What is wrong with a token that cannot follow an operand."""
        sign = self.text[start]
        if kind == "equals":
            return mistakes.equals(start, self.innermost_call(), self.text)
        if kind == "open":
            return mistakes.called(self.text, self.starts[-1], start)
        if kind == "other" and sign == ".":
            from gradcli import array_mistakes

            return array_mistakes.attribute(self.text, start)
        if kind == "other":
            return mistakes.character(self.text, start)
        return mistakes.word(self.text, self.starts[-1], start, end)
