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
WORD = rf"[{LETTER}][{LETTER}0-9]*"
NAME = rf"{WORD}(?:\.{WORD})*"  # np.exp is one token
DIGITS = r"[0-9][0-9_]*"
NUMBER = rf"(?:{DIGITS}(?:\.[0-9_]*)?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?"
ELEMENT = r"(?:\[[0-9, \t]+\])+"
TOKEN = re.compile(
    rf"""[ \t\r]* (?:
      (?P<operand> {NAME} (?! [ \t]*\( | [{LETTER}0-9.] ) (?: {ELEMENT} )? | {NUMBER} )
    | (?P<operator> \*\* | [<>=!]= | [-+*/^@<>·×÷−√] )
    | (?P<close> \) )
    | (?P<open> \( )
    | (?P<call> {NAME} ) [ \t]* \(
    | (?P<comma> , )
    | (?P<newline> \n )
    | (?P<semicolon> ; )
    | (?P<superscript> [²³] )
    | (?P<equals> = )
    | (?P<comment> \#[^\n]* )
    | (?P<other> . )
    | (?P<end> \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
OPERAND, OPERATOR = TOKEN.groupindex["operand"], TOKEN.groupindex["operator"]
TARGET = re.compile(rf"[ \t\r]*({WORD})[ \t]*=(?!=)")

SPELLINGS = {"^": "**", "·": "*", "×": "*", "÷": "/", "−": "-", "²": "2", "³": "3", "π": "pi"}
COMPARISON, UNARY, POWER, ROOT = 1, 4, 5, 6
BINDING = {"+": 2, "-": 2, "*": 3, "/": 3, "**": POWER}
BINDING |= dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), COMPARISON)
MOST_INDICES = 32
MODULES = ("math", "np", "numpy", "np.linalg", "numpy.linalg")


def _operators() -> dict[str, tuple[int, int, Gate]]:
    """For each operator: how tightly it binds, what binds tighter to its left, its gate."""
    found = {}
    for gate in GATES.values():
        symbol = operator_of(gate)
        if symbol:
            binding = BINDING[symbol]
            found[symbol] = (binding, binding + (binding in (COMPARISON, POWER)), gate)
    return found | {sign: found[symbol] for sign, symbol in SPELLINGS.items() if symbol in found}


_ALL = _operators()
COMPARISONS = {symbol: entry for symbol, entry in _ALL.items() if entry[0] == COMPARISON}
OPERATORS = {symbol: entry for symbol, entry in _ALL.items() if entry[0] != COMPARISON}
PREFIXES = {"-": (UNARY, "neg"), "−": (UNARY, "neg"), "+": (UNARY, ""), "√": (ROOT, "sqrt")}


def parse(text: str, graph: Graph) -> Graph:
    """Read a program into `graph` and return it.

    text: statements `name = expression`, separated by newlines or `;`; the last may be bare.
    Raises SyntaxMistake or NameMistake with a span in `text`.
    """
    _Parser(text, graph).program()
    return graph


class _Parser:
    """The state between two tokens.

    at: where the next statement begins; end: where the last operand ends.
    operands: finished nodes; starts: where each begins.
    pending: operators that wait for their right operand, as (binding, gate, 1 or 2 operands, place),
    and opened parentheses, as (0, gate of a call or None, operands before it, place).
    known, functions: what operands and calls met before stand for, by their spelling.
    used: the variables met and where.
    depth: how many parentheses are open; equal: where the statement has an == outside them, or -1.
    """

    __slots__ = (
        "at",
        "depth",
        "end",
        "equal",
        "functions",
        "graph",
        "known",
        "operands",
        "pending",
        "starts",
        "text",
        "used",
    )

    def __init__(self, text: str, graph: Graph) -> None:
        self.text = text
        self.graph = graph
        self.known: dict[str, Node] = {}
        self.used: dict[str, int] = {}
        self.functions: dict[str, Gate] = {}
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
        for token in TOKEN.finditer(self.text, self.at):
            if token.lastgroup not in ("newline", "semicolon", "comment"):
                self.at = token.start()
                return token.lastgroup != "end"
        return False

    def _assign(self, name: str, span: Span, node: Node) -> None:
        wrong = mistakes.assignment(name, span, name in self.graph.statements)
        if wrong is not None:
            raise wrong
        if name in self.used:
            raise mistakes.too_early(name, Span(self.used[name], self.used[name] + len(name)))
        self.known[name] = self.graph.assign(name, node, *span)

    def _free_name(self) -> str:
        name = "f"
        while name in self.used or name in self.graph.statements:
            name += "_"
        return name

    # -- expressions ----------------------------------------------------------------------

    def _expression(self) -> Node:
        """Read up to the end of the statement."""
        known, operands, starts, pending = self.known, self.operands, self.starts, self.pending
        complete = False  # whether an operand has just ended
        for token in TOKEN.finditer(self.text, self.at):
            kind = token.lastgroup
            if kind == "operand" and not complete:
                written = token[OPERAND]
                start = token.start(OPERAND)
                operands.append(known.get(written) or self._leaf(written, start))
                starts.append(start)
                self.end = token.end()
                complete = True
            elif kind == "operator" and complete:
                symbol = token[OPERATOR]
                start = token.start(OPERATOR)
                binding, tighter, gate = OPERATORS.get(symbol) or self._operator(symbol, start)
                if pending and pending[-1][0] >= tighter:
                    self._reduce(tighter)
                pending.append((binding, gate, 2, start))
                complete = False
            elif complete and kind in ("end", "newline", "semicolon") and not (self.depth and kind == "newline"):
                self.at = token.start()
                return self._finished()
            elif not (kind == "comment" or (kind == "newline" and (complete or self.depth))):
                start = token.start(kind or 0)
                complete = (self._complete if complete else self._incomplete)(kind, start, token.end())
        raise AssertionError("the last token of every text is its end")

    def _finished(self) -> Node:
        self._reduce(COMPARISON)
        if self.pending:
            raise mistakes.unclosed(self.text, self.pending[-1][3])
        return self.operands[0]

    def _incomplete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token where an operand is expected; whether the operand is complete then."""
        sign = self.text[start:end]
        if kind in ("open", "call"):
            gate = self._function(sign[:-1].rstrip(), start, end) if kind == "call" else None
            self.pending.append((0, gate, len(self.operands), start))
            self.depth += 1
        elif kind == "operator" and sign in PREFIXES:
            binding, name = PREFIXES[sign]
            if name:
                self.pending.append((binding, GATES[name], 1, start))
        elif kind == "other" and sign not in "[.":
            raise mistakes.character(self.text, start)
        else:
            raise mistakes.operand(self.text, start, end, kind in ("end", "newline", "semicolon"))
        return False

    def _complete(self, kind: str | None, start: int, end: int) -> bool:
        """Take a token behind a complete operand; whether the operand is complete still."""
        if kind == "close":
            self._close(start)
        elif kind == "superscript":
            self._reduce(ROOT)
            exponent = self.graph.number(SPELLINGS[self.text[start]], start, end)
            base = self.operands.pop()
            self.operands.append(self.graph.apply(GATES["pow"], (base, exponent), self.starts[-1], end))
            self.end = end
        elif kind == "comma":
            self._reduce(COMPARISON)
            if not self.pending or self.pending[-1][1] is None:
                raise mistakes.comma(start)
        else:
            raise self._misplaced(kind, start, end)
        return kind != "comma"

    def _misplaced(self, kind: str | None, start: int, end: int) -> SyntaxMistake:
        """What is wrong with a token that cannot follow an operand."""
        sign = self.text[start]
        if kind == "equals":
            return mistakes.equals(start, self._innermost_call())
        if kind == "open":
            return mistakes.called(self.text, self.starts[-1], start)
        if kind == "other":
            found = {"[": mistakes.bracket, ".": mistakes.attribute}.get(sign, mistakes.character)
            return found(self.text, start)
        return mistakes.word(self.text, self.starts[-1], start, end)

    def _innermost_call(self) -> str:
        """The name of the call whose operands are being read, or nothing."""
        for binding, gate, _, _ in reversed(self.pending):
            if binding == 0:
                return gate.name if gate is not None else ""
        return ""

    # -- operands -------------------------------------------------------------------------

    def _leaf(self, written: str, start: int) -> Node:
        """What a name, an element or a number stands for, met for the first time."""
        end = start + len(written)
        if written[0].isdigit() or written[0] == ".":
            node = self._number(written, start, end)
        elif written[-1] == "]":
            base, _, index = written.partition("[")
            node = self._element(base, index, start, end)
        else:
            node = self._name(written, start, end)
        self.known[written] = node
        return node

    def _number(self, written: str, start: int, end: int) -> Node:
        try:
            float(written)
        except ValueError:
            raise mistakes.number(self.text, start) from None
        plain = written.replace("_", "")
        if plain[0] == "0" and plain[1:2].isdigit():  # 012 is an octal number in some languages
            plain = plain.lstrip("0")
            plain = plain if plain[:1].isdigit() else "0" + plain
        return self.graph.number(plain, start, end)

    def _name(self, written: str, start: int, end: int) -> Node:
        name = SPELLINGS.get(written, written)
        if "." in name:
            module, _, plain = name.rpartition(".")
            if module not in MODULES:
                raise mistakes.attribute(self.text, start + name.index("."))
            if plain not in CONSTANTS:
                raise mistakes.module(name, start, end)
            return self.graph.constant(plain, start, end)
        self.used.setdefault(name, start)
        return self.graph.name(name, start, end)

    def _element(self, base: str, index: str, start: int, end: int) -> Node:
        numbers = [part.strip() for part in index.replace("][", ",")[:-1].split(",")]
        if base in self.graph.statements or base in CONSTANTS or "." in base or len(numbers) > MOST_INDICES:
            raise mistakes.indexed(base, start, end, len(numbers))
        if not all(part.isdigit() and len(part) < 10 for part in numbers):
            raise mistakes.bracket(self.text, start + len(base))
        self.used.setdefault(base, start)
        return self.graph.element(base, tuple(map(int, numbers)), start, end)

    def _function(self, written: str, start: int, end: int) -> Gate:
        gate = self.functions.get(written)
        if gate is None:
            gate = self.functions[written] = self._function_called(written, start, end)
        return gate

    def _function_called(self, written: str, start: int, end: int) -> Gate:
        module, _, name = written.rpartition(".")
        if module and module not in MODULES:
            raise mistakes.attribute(self.text, start + written.index("."))
        gate = gate_called(name)
        if gate is None or (module and name in mistakes.REDUCTIONS):
            assigned = re.match(r"[^()=\n]*\)[ \t]*=(?!=)", self.text[end : end + 200]) is not None
            is_variable = name in self.used or name in self.graph.statements
            raise mistakes.function(written, start, start + len(written), is_variable, assigned)
        return gate

    # -- operators ------------------------------------------------------------------------

    def _operator(self, symbol: str, start: int) -> tuple[int, int, Gate]:
        """An operator that is rare or cannot stand here: a comparison, or an error."""
        if symbol not in COMPARISONS:
            raise (
                mistakes.arrays(f"'{symbol}'", start, start + len(symbol))
                if symbol == "@"
                else mistakes.operand(self.text, start, start + len(symbol), False)
            )
        self._reduce(COMPARISON + 1)
        if self.pending and self.pending[-1][0] == COMPARISON:
            raise mistakes.chained(start, start + len(symbol))
        self.equal = start if symbol == "==" and not self.depth else self.equal
        return COMPARISONS[symbol]

    def _reduce(self, binding: int) -> None:
        """Apply the pending operators that bind at least so tightly."""
        pending, operands, starts = self.pending, self.operands, self.starts
        while pending and pending[-1][0] >= binding:
            _, gate, count, start = pending.pop()
            assert gate is not None
            right = operands.pop()
            if count == 2:
                starts.pop()
                operands[-1] = self.graph.apply(gate, (operands[-1], right), starts[-1], self.end)
            else:
                starts[-1] = start
                operands.append(self.graph.apply(gate, (right,), start, self.end))

    def _close(self, start: int) -> None:
        """A closing parenthesis: of a call, whose gate is applied, or of a group."""
        self._reduce(COMPARISON)
        if not self.pending:
            raise mistakes.closed(start)
        _, gate, before, begin = self.pending.pop()
        self.depth -= 1
        self.end = start + 1
        if gate is not None:
            given = tuple(self.operands[before:])
            wanted = len(parameters(gate))
            if len(given) != wanted if not variadic(gate) else len(given) < wanted:
                raise mistakes.arity(gate, len(given), begin, self.end)
            del self.operands[before:], self.starts[before:]
            self.operands.append(self.graph.apply(gate, given, begin, self.end))
            self.starts.append(begin)
        self.starts[-1] = begin
