"""Text to Graph: precedence climbing on an explicit stack, so that depth costs memory only.

`parse` calls `number`, `name`, `apply` and `assign` of the Graph, operands first. What is
wrong with a text is said in mistakes.py.
"""

from __future__ import annotations

import re

from gradcli import mistakes
from gradcli.errors import Span, SyntaxMistake
from gradcli.gates import GATES, Gate, gate_called, operator_of, parameters, variadic
from gradcli.graph import CONSTANTS, Graph, Node

LETTER = "A-Za-z_\u0391-\u03a1\u03a3-\u03a9\u03b1-\u03c9"
NAME = rf"(?:(?:math|np|numpy)\.(?:linalg\.)?)?[{LETTER}][{LETTER}0-9]*"
DIGITS = r"[0-9][0-9_]*"
TOKEN = re.compile(
    rf"""[ \t\r]* (?:
      (?P<number> (?: {DIGITS} (?:\.[0-9_]*)? | \.{DIGITS}) (?: [eE][+-]?{DIGITS} )? )
    | (?P<call> {NAME} ) [ \t]* \(
    | (?P<base> {NAME} ) (?P<index> (?: \[ [0-9,\ \t]+ \] )+ )
    | (?P<name> {NAME} )
    | (?P<open> \( )
    | (?P<sign> \*\* | [<>=!]= | [-+*/^@<>·×÷−√²³] )
    | (?P<close> \) )
    | (?P<comma> , )
    | (?P<comment> \#[^\n]* )
    | (?P<newline> \n )
    | (?P<semicolon> ; )
    | (?P<equals> = )
    | (?P<other> . )
    | (?P<end> \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
TARGET = re.compile(rf"[ \t\r]*([{LETTER}][{LETTER}0-9]*)[ \t]*=(?!=)")

SPELLINGS = {"^": "**", "·": "*", "×": "*", "÷": "/", "−": "-", "√": "sqrt", "²": "2", "³": "3", "π": "pi"}
BINDING = {"<": 1, "<=": 1, ">": 1, ">=": 1, "==": 1, "!=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "@": 3, "**": 5}
COMPARISON, UNARY, POWER, ROOT = 1, 4, 5, 6
OPERATORS = {operator_of(gate): gate for gate in GATES.values() if operator_of(gate)}


def parse(text: str, graph: Graph) -> Graph:
    """Read a program into `graph` and return it.

    text: statements `name = expression`, separated by newlines or `;`; the last may be bare.
    Raises SyntaxMistake or NameMistake with a span in `text`.
    """
    _Parser(text, graph).program()
    return graph


class _Parser:
    """The state between two tokens.

    operands: finished nodes; starts: where each begins; end: where the last one ends; at: what is read next.
    pending: operators that wait for their right operand, as (binding, gate, 1 or 2 operands, place),
    and opened parentheses, as (0, gate of a call or None, operands before it, place).
    used: the variables met so far and where; depth: how many parentheses are open;
    equal: where the statement has an == outside parentheses, or -1.
    """

    __slots__ = ("at", "depth", "end", "equal", "graph", "operands", "pending", "starts", "text", "used")

    def __init__(self, text: str, graph: Graph) -> None:
        self.text = text
        self.graph = graph
        self.used: dict[str, int] = {}
        self.at = self.end = 0
        self._begin()

    def _begin(self) -> None:
        self.operands: list[Node] = []
        self.starts: list[int] = []
        self.pending: list[tuple[int, Gate | None, int, int]] = []
        self.equal = -1
        self.depth = 0

    # -- statements -----------------------------------------------------------------------

    def program(self) -> None:
        """Read all statements; the last may be bare and gets a name that is free."""
        bare: Node | None = None
        place = Span(0, 0)
        while self._more():
            if bare is not None:
                raise mistakes.unnamed(place.start, place.end, self.equal)
            self._begin()
            target = TARGET.match(self.text, self.at)
            self.at = target.end() if target else self.at
            node = self._expression()
            place = Span(self.starts[0], self.end)
            if target:
                self._assign(SPELLINGS.get(target[1], target[1]), Span(*target.span(1)), node)
            else:
                bare = node
        if bare is not None:
            self.graph.assign(self._free_name(), bare, *place)
        elif not self.graph.statements:
            raise SyntaxMistake("there is no expression", Span(0, 0), 'for example: gradcli eval "x*y" --at x=3,y=-4')

    def _more(self) -> bool:
        """Move to the next statement; whether there is one."""
        while True:
            token = TOKEN.match(self.text, self.at)
            assert token is not None
            if token.lastgroup not in ("newline", "semicolon", "comment"):
                return token.lastgroup != "end"
            self.at = token.end()

    def _assign(self, name: str, span: Span, node: Node) -> None:
        wrong = mistakes.assignment(name, span, name in self.graph.statements)
        if wrong is not None:
            raise wrong
        if name in self.used:
            raise mistakes.too_early(name, Span(self.used[name], self.used[name] + len(name)))
        self.graph.assign(name, node, *span)

    def _free_name(self) -> str:
        name = "f"
        while name in self.used or name in self.graph.statements:
            name += "_"
        return name

    # -- expressions ----------------------------------------------------------------------

    def _expression(self) -> Node:
        """Read up to the end of the statement."""
        match, text = TOKEN.match, self.text
        complete = False
        while True:
            token = match(text, self.at)
            assert token is not None and token.lastgroup is not None
            kind = token.lastgroup
            start = token.start(kind)
            self.at = token.end()
            if kind == "comment" or (kind == "newline" and self.depth):
                continue
            if not complete:
                complete = self._operand(kind, start, token)
            elif kind in ("end", "newline", "semicolon"):
                self.at = start
                return self._finished()
            else:
                complete = self._operator(kind, start, token)

    def _finished(self) -> Node:
        self._reduce(COMPARISON)
        if self.pending:
            raise mistakes.unclosed(self.pending[-1][3])
        return self.operands[0]

    def _operand(self, kind: str, start: int, token: re.Match[str]) -> bool:
        """Take a token where an operand is expected; whether the operand is complete."""
        if kind == "name":
            self._push(self._name(token["name"], start, self.at), start)
        elif kind == "number":
            self._push(self._number(token["number"], start), start)
        elif kind == "open" or kind == "call":
            gate = self._function(token["call"], start) if kind == "call" else None
            self.pending.append((0, gate, len(self.operands), start))
            self.depth += 1
            return False
        elif kind == "index":
            self._push(self._element(token["base"], token["index"], token.start("base")), token.start("base"))
        elif kind == "sign" and token["sign"] in "-−+√":
            self._prefix(SPELLINGS.get(token["sign"], token["sign"]), start)
            return False
        elif kind == "other" and token["other"] not in "[.":
            raise mistakes.character(self.text, start)
        else:
            raise mistakes.operand(self.text, start, self.at, kind in ("end", "newline", "semicolon"))
        return True

    def _operator(self, kind: str, start: int, token: re.Match[str]) -> bool:
        """Take a token behind a complete operand; whether the operand is complete still."""
        if kind == "sign" and token["sign"] in "²³":
            self._reduce(ROOT)
            self._raise_to(SPELLINGS[token["sign"]], start)
            return True
        if kind == "sign" and token["sign"] != "√":
            self._binary(SPELLINGS.get(token["sign"], token["sign"]), start)
            return False
        if kind == "close":
            self._close(start)
            return True
        if kind == "comma":
            self._comma(start)
            return False
        begin = self.starts[-1]
        if kind == "equals":
            raise mistakes.equals(self.text, start, self._innermost_call())
        if kind == "open":
            raise mistakes.called(self.text, begin, start)
        if kind == "other":
            raise self._foreign(start)
        raise mistakes.word(self.text, begin, start if kind != "index" else token.start("base"), self.at)

    def _foreign(self, start: int) -> SyntaxMistake:
        if self.text[start] == "[":
            return mistakes.bracket(self.text, start)
        if self.text[start] == ".":
            return mistakes.attribute(self.text, start)
        return mistakes.character(self.text, start)

    # -- operands -------------------------------------------------------------------------

    def _push(self, node: Node, start: int) -> None:
        self.operands.append(node)
        self.starts.append(start)
        self.end = self.at

    def _name(self, name: str, start: int, end: int) -> Node:
        name = SPELLINGS.get(name, name)
        if "." in name:
            plain = name.rpartition(".")[2]
            if plain not in CONSTANTS:
                raise mistakes.module(name, start, end)
            return self.graph.constant(plain, start, end)
        if name not in self.used:
            self.used[name] = start
        return self.graph.name(name, start, end)

    def _number(self, written: str, start: int) -> Node:
        try:
            float(written)
        except ValueError:
            raise mistakes.number(self.text, start) from None
        plain = written.replace("_", "")
        if plain[0] == "0" and plain[1:2].isdigit():  # 012 is an octal number in some languages
            plain = plain.lstrip("0")
            plain = plain if plain[:1].isdigit() else "0" + plain
        return self.graph.number(plain, start, self.at)

    def _element(self, base: str, index: str, start: int) -> Node:
        numbers = [part.strip() for part in index.replace("][", ",").strip("[]").split(",")]
        if base in self.graph.statements or base in CONSTANTS or "." in base or len(numbers) > 32:
            raise mistakes.indexed(base, start, self.at, len(numbers))
        if not all(part.isdigit() and len(part) < 10 for part in numbers):
            raise mistakes.bracket(self.text, start + len(base))
        self.used.setdefault(base, start)
        return self.graph.element(base, tuple(map(int, numbers)), start, self.at)

    def _function(self, written: str, start: int) -> Gate:
        name = written.rpartition(".")[2]
        gate = gate_called(name)
        if gate is None or (written != name and name in mistakes.REDUCTIONS):
            end = start + len(written)
            assigned = re.match(r"[^()=\n]*\)[ \t]*=(?!=)", self.text[self.at : self.at + 200]) is not None
            raise mistakes.function(written, start, end, name in self.used or name in self.graph.statements, assigned)
        return gate

    # -- operators ------------------------------------------------------------------------

    def _prefix(self, sign: str, start: int) -> None:
        if sign != "+":
            binding, gate = (UNARY, GATES["neg"]) if sign == "-" else (ROOT, GATES["sqrt"])
            self.pending.append((binding, gate, 1, start))

    def _binary(self, symbol: str, start: int) -> None:
        binding = BINDING[symbol]
        self._reduce(binding + (binding in (COMPARISON, POWER)))
        if binding == COMPARISON:
            if self.pending and self.pending[-1][0] == COMPARISON:
                raise mistakes.chained(start, self.at)
            self.equal = start if symbol == "==" and not self.depth else self.equal
        gate = OPERATORS.get(symbol)
        if gate is None:
            raise mistakes.arrays(f"'{symbol}'", start, self.at)
        self.pending.append((binding, gate, 2, start))

    def _raise_to(self, digits: str, start: int) -> None:
        exponent = self.graph.number(digits, start, self.at)
        begin = self.starts[-1]
        self.operands[-1] = self.graph.apply(GATES["pow"], (self.operands[-1], exponent), begin, self.at)
        self.end = self.at

    def _reduce(self, binding: int) -> None:
        """Apply the pending operators that bind at least so tightly."""
        pending, operands, starts = self.pending, self.operands, self.starts
        while pending and pending[-1][0] >= binding:
            _, gate, count, start = pending.pop()
            assert gate is not None
            right = operands.pop()
            starts.pop()
            if count == 2:
                operands[-1] = self.graph.apply(gate, (operands[-1], right), starts[-1], self.end)
            else:
                operands.append(self.graph.apply(gate, (right,), start, self.end))
                starts.append(start)

    # -- parentheses ----------------------------------------------------------------------

    def _innermost_call(self) -> str:
        for binding, gate, _, _ in reversed(self.pending):
            if binding == 0:
                return gate.name if gate is not None else ""
        return ""

    def _comma(self, start: int) -> None:
        self._reduce(COMPARISON)
        if not self.pending or self.pending[-1][1] is None:
            raise mistakes.comma(start)

    def _close(self, start: int) -> None:
        self._reduce(COMPARISON)
        if not self.pending:
            raise mistakes.closed(start)
        _, gate, before, begin = self.pending.pop()
        self.depth -= 1
        if gate is not None:
            given = tuple(self.operands[before:])
            wanted = len(parameters(gate))
            if len(given) != wanted if not variadic(gate) else len(given) < wanted:
                raise mistakes.arity(gate, len(given), begin, self.at)
            del self.operands[before:], self.starts[before:]
            self.operands.append(self.graph.apply(gate, given, begin, self.at))
            self.starts.append(begin)
        self.starts[-1] = begin
        self.end = self.at
