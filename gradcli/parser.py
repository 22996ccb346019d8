"""Text to Graph: precedence climbing on an explicit stack, so that depth costs memory only.

`parse` calls `number`, `name`, `apply` and `assign` of the Graph, operands first. What is
wrong with a text is said in mistakes.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gradcli import mistakes
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import GATES, takes
from gradcli.graph import ALL_AXES, NEW_AXIS, Graph, Node
from gradcli.stack import Stack
from gradcli.tokens import (
    BETWEEN,
    COMPARISON,
    COMPARISONS,
    OPERAND,
    OPERATOR,
    OPERATORS,
    PREFIXES,
    ROOT,
    SPELLINGS,
    TARGET,
    TOKEN,
    Pending,
)

if TYPE_CHECKING:
    from gradcli.brackets import Brackets

BRACKETS = ("[", "]", ":")


def parse(text: str, graph: Graph, rule: bool = False) -> Graph:
    """Read a program into `graph` and return it.

    text: statements `name = expression`, separated by newlines or `;`; the last may be bare.
    rule: it is a rule of the table, which may use helper gates and pass on static parameters (`axis=axis`).
    Raises SyntaxMistake or NameMistake with a span in `text`.
    """
    _Parser(text, graph, rule).program()
    return graph


class _Parser(Stack):
    """The stack, and the tokens that move it.

    at: where the next statement begins; equal: where the statement has an == outside parentheses, or -1.
    """

    __slots__ = ("_brackets", "at", "equal")

    def __init__(self, text: str, graph: Graph, rule: bool) -> None:
        super().__init__(text, graph, rule)
        self.at = 0
        self.equal = -1
        self._brackets: Brackets | None = None

    @property
    def brackets(self) -> Brackets:
        """What arrays add to the grammar; it is loaded where a text first has some of it."""
        if self._brackets is None:
            from gradcli.brackets import Brackets

            self._brackets = Brackets(self)
        return self._brackets

    # -- statements -----------------------------------------------------------------------

    def program(self) -> None:
        """Read all statements; the last may be bare and gets a name that is free."""
        bare: Node | None = None
        place = Span(0, 0)
        while self._more():
            if bare is not None:
                raise mistakes.unnamed(place.start, place.end, self.equal)
            self.begin()
            self.equal = -1
            target = TARGET.match(self.text, self.at)
            self.at = target.end() if target else self.at
            node = self._expression()
            place = Span(self.starts[0], self.end)
            if target:
                name = target[1]
                self._assign(SPELLINGS.get(name, name), Span(*target.span(1)), node)
            else:
                bare = node
        if bare is not None:
            self.graph.assign(self._free_name(), bare, *place)
        elif not self.graph.statements:
            raise SyntaxMistake("there is no expression", Span(0, 0), 'for example: gradcli eval "x*y" --at x=3,y=-4')
        if NEW_AXIS in self.graph.leaves or ALL_AXES in self.graph.leaves:
            from gradcli import indices

            indices.check_axes(self.graph)

    def _more(self) -> bool:
        """Move to the next statement; whether there is one."""
        between = BETWEEN.match(self.text, self.at)
        assert between is not None, "it matches nothing, too"
        self.at = between.end()
        return self.at < len(self.text)

    def _assign(self, name: str, span: Span, node: Node) -> None:
        self.spellings.check(name, span.start)
        wrong = mistakes.assignment(name, span, name in self.graph.statements)
        if wrong is not None:
            raise wrong
        used = self.spellings.used(name)
        if used >= 0:
            raise mistakes.too_early(name, Span(used, used + len(name)), span)
        self.spellings.known[name] = self.graph.assign(name, node, *span)

    def _free_name(self) -> str:
        name = "f"
        while self.spellings.used(name) >= 0 or name in self.graph.statements:
            name += "_"
        return name

    # -- expressions ----------------------------------------------------------------------

    def _expression(self) -> Node:
        """Read up to the end of the statement."""
        known, operands, starts, pending = self.spellings.known, self.operands, self.starts, self.pending
        complete = False  # whether an operand has just ended
        for token in TOKEN.finditer(self.text, self.at):
            kind = token.lastgroup
            if kind == "operand" and not complete:
                written = token[OPERAND]
                start, self.end = token.span(OPERAND)
                operands.append(known.get(written) or self.spellings.operand(written, start))
                starts.append(start)
                complete = True
            elif kind == "operator" and complete:
                tighter, waits = OPERATORS.get(token[OPERATOR]) or self._operator(token)
                if pending and pending[-1][0] >= tighter:
                    self.reduce(tighter)
                pending.append(waits)
                complete = False
            elif kind == "open" and not complete:
                pending.append((0, None, len(operands), token.start(kind)))
                self.depth += 1
            elif kind == "close" and complete:
                self.close(token.start(kind))
            elif complete and kind in ("end", "newline", "semicolon") and not (self.depth and kind == "newline"):
                self.at = token.start()
                return self._finished()
            elif not (kind == "comment" or (kind == "newline" and (complete or self.depth))):
                start = token.start(kind or 0)
                complete = (self._complete if complete else self._incomplete)(kind, start, token.end())
        raise AssertionError("the last token of every text is its end")

    def _finished(self) -> Node:
        self.reduce(COMPARISON)
        if self.pending:
            raise mistakes.unclosed(self.text, self.opened())
        return self.operands[0]

    def _incomplete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token where an operand is expected; whether the operand is complete then."""
        sign = self.text[start:end]
        if kind == "call":
            written = sign[:-1].rstrip()
            gate = self.spellings.function(written, start, end)
            receiver = self.spellings.receivers.get(written)
            if receiver is None:
                self.open(0, gate, len(self.operands), start)
            else:
                self.brackets.open_call(gate, receiver, start)
        elif kind == "operator" and sign in PREFIXES:
            binding, name = PREFIXES[sign]
            if name:
                self.pending.append((binding, GATES[name], 1, start))
        elif kind in ("keyword", "attribute") or sign in BRACKETS or (self.pending and self.pending[-1][0] < 0):
            return self.brackets.incomplete(kind, start, end)
        else:
            raise self.unexpected(kind, start, end)
        return False

    def _complete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token behind a complete operand; whether the operand is complete still."""
        if kind == "superscript":
            self.reduce(ROOT)
            digits = "".join(SPELLINGS[sign] for sign in self.text[start:end])
            exponent = self.graph.number(digits, start, end)
            base = self.operands.pop()
            self.operands.append(self.graph.apply(GATES["pow"], (base, exponent), self.starts[-1], end))
            self.end = end
        elif kind == "attribute" or self.text[start] in BRACKETS:
            return self.brackets.complete(kind, start, end)
        elif kind == "comma":
            self.reduce(COMPARISON)
            if not self.pending or self.pending[-1][0] or self.pending[-1][1] is None:
                self.brackets.comma(start)
        else:
            raise self.misplaced(kind, start, end)
        return kind != "comma"

    # -- operators ------------------------------------------------------------------------

    def _operator(self, token: re.Match[str]) -> tuple[int, Pending]:
        """An operator that is rare or cannot stand here: a comparison, or an error."""
        symbol, start = token[OPERATOR], token.start(OPERATOR)
        if symbol not in COMPARISONS:
            if symbol == "@":
                return self.brackets.matmul()
            raise mistakes.operand(self.text, start, start + len(symbol), False)
        self.reduce(COMPARISON + 1)
        if self.pending and self.pending[-1][0] == COMPARISON:
            raise mistakes.chained(start, start + len(symbol))
        self.equal = start if symbol == "==" and not self.depth else self.equal
        return COMPARISONS[symbol]

    def close(self, start: int) -> None:
        """A closing parenthesis: of a call, whose gate is applied, or of a group."""
        self.reduce(COMPARISON)
        if not self.pending:
            raise mistakes.closed(start)
        binding, gate, before, begin = self.pending.pop()
        self.depth -= 1
        self.end = start + 1
        if binding:
            self.brackets.close_call(gate, before, begin)
        elif gate is not None:
            given = tuple(self.operands[before:])
            if not takes(gate.form, len(given)):
                if len(given) == 1 and gate.name in mistakes.REDUCTIONS:
                    return self.brackets.reduced(gate, before, begin)
                raise mistakes.arity(gate, len(given), begin, self.end)
            self.operands[before:] = [self.graph.apply(gate, given, begin, self.end)]
            del self.starts[before + 1 :]
        self.starts[-1] = begin
