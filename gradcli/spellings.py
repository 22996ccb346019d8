"""What the spelling of an operand or a call stands for in one program; each is looked up once."""

from __future__ import annotations

import re

from gradcli import mistakes
from gradcli.gates import Gate, gate_called
from gradcli.graph import CONSTANTS, NEW_AXIS, Graph, Node
from gradcli.tokens import MODULES, MOST_INDICES, SPELLINGS, foreign


class Spellings:
    """What has been met so far.

    known, functions: what operands and calls stand for; bases: where elements of an input were met.
    receivers: for calls of array gates, the operand that a method belongs to: "X.T" for `X.T.dot`, else "".
    rule: whether the text is a rule of the table, which may use helper gates and pass on static parameters.
    """

    def __init__(self, text: str, graph: Graph, rule: bool = False) -> None:
        self.text = text
        self.graph = graph
        self.rule = rule
        self.receivers: dict[str, str] = {}
        self.known = graph.leaves
        self.functions: dict[str, Gate] = {}
        self.bases: dict[str, int] = {}

    def operand(self, written: str, start: int) -> Node:
        """What a name, an element or a number stands for, met for the first time."""
        end = start + len(written)
        if not written.isascii():
            self.check(written, start)
        if written.isidentifier():
            node = self.graph.name(SPELLINGS.get(written, written), start, end)
        elif written[0].isdigit() or written[0] == ".":
            node = self._number(written, start, end)
        elif written[-1] == "]":
            base, _, index = written.partition("[")
            node = self._element(base, index, start, end)
        else:
            node = self._dotted(written, start, end)
        self.known[written] = node
        return node

    def used(self, name: str) -> int:
        """Where a variable was met first, or -1."""
        leaf = self.known.get(name)
        return leaf.start if leaf is not None and not leaf.constant else self.bases.get(name, -1)

    def check(self, name: str, start: int) -> None:
        """Refuse letters that the language does not have."""
        place = foreign(name)
        if place >= 0:
            raise mistakes.character(self.text, start + place)

    def _number(self, written: str, start: int, end: int) -> Node:
        plain = written.replace("−", "-")
        try:
            float(plain)
        except ValueError:
            raise mistakes.number(self.text, start) from None
        plain = plain.replace("_", "")
        if plain[0] == "0" and plain[1:2].isdigit():  # 012 is an octal number in some languages
            plain = plain.lstrip("0")
            plain = plain if plain[:1].isdigit() else "0" + plain
        return self.graph.number(plain, start, end)

    def _dotted(self, written: str, start: int, end: int) -> Node:
        """np.pi, or an attribute: X.T."""
        module, _, name = written.rpartition(".")
        if module not in MODULES:
            base, *names = written.split(".")
            node, at = self.known.get(base) or self.operand(base, start), start + len(base)
            for name in names:
                at += len(name) + 1
                node = attribute(self.text, self.graph, node, name, start, at)
            return node
        if name == "newaxis":
            return self.graph.constant(NEW_AXIS, start, end)
        if name not in CONSTANTS:
            raise mistakes.module(written, start, end)
        return self.graph.constant(name, start, end)

    def _element(self, base: str, index: str, start: int, end: int) -> Node:
        numbers = [part.strip() for part in index.replace("][", ",")[:-1].split(",")]
        if base in CONSTANTS or len(numbers) > MOST_INDICES:
            raise mistakes.indexed(base, start, end, len(numbers))
        if not all(part.isdigit() and len(part) < 10 for part in numbers):
            raise mistakes.bracket(self.text, start + len(base))
        if base in self.graph.statements or "." in base:
            owner = self.known.get(base) or self.operand(base, start)
            return indexed(self.graph, owner, tuple(map(int, numbers)), start, end)
        self.bases.setdefault(base, start)
        return self.graph.element(base, tuple(map(int, numbers)), start, end)

    def function(self, written: str, start: int, end: int) -> Gate:
        gate = self.functions.get(written)
        if gate is None:
            gate = self.functions[written] = self._function_called(written, start, end)
        return gate

    def _function_called(self, written: str, start: int, end: int) -> Gate:
        module, _, name = written.rpartition(".")
        qualified = module in MODULES
        gate = gate_called(name) if not module or qualified else None
        if gate is None or (qualified and name in mistakes.REDUCTIONS):
            gate = array_gate_called(name, self.rule)
            self.receivers[written] = "" if qualified else module
        if gate is None and module and not qualified:
            from gradcli import array_mistakes

            raise array_mistakes.attribute(self.text, start + written.rindex("."))
        if gate is None:
            assigned = re.match(r"[^()=\n]*\)[ \t]*=(?!=)", self.text[end : end + 200]) is not None
            is_variable = self.used(name) >= 0 or name in self.graph.statements
            raise mistakes.function(written, start, start + len(written), is_variable, assigned)
        return gate


def array_gate_called(name: str, rule: bool = False) -> Gate | None:
    """The gate of arrays of that name, or None; its table is loaded only where a text asks for it."""
    from gradcli import array_gates

    return array_gates.array_gate_called(name, rule)


def attribute(text: str, graph: Graph, owner: Node, name: str, start: int, end: int) -> Node:
    """X.T or X.shape. Raises SyntaxMistake for anything else; `end` is where the attribute ends."""
    from gradcli import array_mistakes
    from gradcli.array_gates import ARRAY_GATES

    gate = {"T": ARRAY_GATES["transpose"], "shape": ARRAY_GATES["shape"]}.get(name)
    if gate is None:
        raise array_mistakes.attribute(text, end - len(name) - 1)
    return graph.array(gate, (owner,), (), start, end)


def indexed(
    graph: Graph, owner: Node, index: tuple[object, ...], start: int, end: int, picked: tuple[Node, ...] = ()
) -> Node:
    """An entry, a slice or rows of an array. picked: the operands that the Holes of the index stand for."""
    from gradcli.array_gates import ARRAY_GATES

    return graph.array(ARRAY_GATES["index"], (owner, *picked), (("index", index),), start, end)
