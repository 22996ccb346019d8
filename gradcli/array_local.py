"""The formulas of lines and flows over arrays, as code writes them: local.py where shapes are known.

Rules of the table with their letters replaced, made shorter by the shapes: a sum over exactly the axes that were
broadcast, none where shapes agree; what NumPy stretches by itself is not stretched first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from gradcli.array_gates import ARRAY_GATES, HELPERS, Setting, Slice, is_array_gate
from gradcli.backward import contribution
from gradcli.dimensions import Shape, axes_of, broadcast, reduced
from gradcli.errors import UsageMistake
from gradcli.exact import exact
from gradcli.formula import formula
from gradcli.gates import GATES, INPUT, NUMBER, Gate, parameters
from gradcli.graph import Graph, Input, Node, Settings
from gradcli.local import PAIRS, Expression
from gradcli.program import Program
from gradcli.sizes import Dim

ALL = Slice(None, None, None)
VIEWS = ("transpose", "permute", "reshape_as", "index")  # whose results share the memory of their operand
POSITIVE = ("exp", "sigmoid", "softmax")
KEEPS_SIGN = ("index", "pick", "pick2", "reshape", "transpose", "permute", "copy", "sum", "mean", "sqrt")
WHOLE = Gate("whole", "whole(x)", "the same numbers as whole ones")


class Term(NamedTuple):
    """An expression, and the shape that it stands for; its own may be smaller, where NumPy stretches it."""

    node: Node
    shape: Shape


class Entry(NamedTuple):
    """Where a gradient is added: the entries of an index, and the arrays that pick rows in it.

    repeated: whether an entry may be picked twice.
    """

    places: tuple[object, ...]
    picks: list[Expression]
    repeated: bool


def settings_of(node: Node) -> dict[str, Any]:
    """The static parameters of a gate, by name."""
    return dict(cast(Settings, node.static)) if node.operands and node.static is not None else {}


def _in_numbers(node: Node) -> Settings:
    """The static parameters of a gate, for code: the one size of a new shape that has a name is what is left, -1."""
    settings = cast(Settings, node.static)
    if node.gate.name != "reshape":
        return settings
    shape = dict(settings)["shape"]
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if sum(isinstance(size, str) for size in sizes) > 1:
        raise UsageMistake("reshape to several sizes that have names", hint="declare all of them but one as numbers")
    return (("shape", tuple(-1 if isinstance(size, str) else size for size in sizes)),)


class ArrayFormulas:
    """The formulas of one program. ties: a key of backward.TIES. whole: the variables that are whole numbers."""

    def __init__(self, program: Program, ties: str, whole: set[str]) -> None:
        self.program = program
        self.ties = ties
        self.whole = whole
        self.graph = Graph(exact())
        self.written = Graph()
        self.letters: list[Node] = []
        self.numbers: dict[Node, int] = {}
        self.own: dict[Node, Shape] = {}  # the shapes that NumPy gives expressions
        self.inlined: set[Node] = set()  # lines that are written inside the line that uses them

    # -- lines ----------------------------------------------------------------------------

    def line(self, node: Node) -> Expression:
        """What a line computes, as the user wrote it."""
        return Expression(self._written(node), self.letters)

    def _written(self, node: Node) -> Node:
        operands = [self._operand(operand) for operand in node.operands]
        if node.gate.name in ("pick", "pick2"):
            operands[1:] = [self._picking(operand) for operand in node.operands[1:]]
        if node.static is None:
            while node.gate.routes and len(operands) > 2:  # NumPy's maximum takes two
                two = [tuple(operands[place : place + 2]) for place in range(0, len(operands), 2)]
                operands = [self.written.apply(node.gate, pair) if len(pair) == 2 else pair[0] for pair in two]
            return self.written.apply(node.gate, tuple(operands))
        return self.written.array(node.gate, tuple(operands), _in_numbers(node))

    def _operand(self, node: Node) -> Node:
        if node.operands and (self.program.inside[node.index] or node in self.inlined):
            return self._written(node)
        if node.constant and not node.operands:
            return self._leaf(self.written, node)
        return self.written.element(str(self._number(node)), ())

    def _picking(self, node: Node) -> Node:
        """An operand that picks rows, as whole numbers."""
        made = self._operand(node)
        source = node.operands[0] if node.gate.name == "copy" else node
        plain = source.gate.name == "arange" and not source.operands[0].operands
        sized = source.gate.name == "arange" and source.operands[0].gate.name in ("extent", "copy")
        known = isinstance(node.static, Input) and node.static.base in self.whole
        return made if plain or sized or known else self.written.apply(WHOLE, (made,))

    def _leaf(self, graph: Graph, node: Node) -> Node:
        return (graph.number if node.gate is NUMBER else graph.constant)(str(node.static))

    def _number(self, node: Node) -> int:
        if node not in self.numbers:
            self.numbers[node] = len(self.letters)
            self.letters.append(node)
        return self.numbers[node]

    # -- terms ----------------------------------------------------------------------------

    def letter(self, node: Node, shape: Shape, own: Shape | None = None) -> Term:
        """A variable of the code. own: its shape there, if it is smaller."""
        made = self.graph.element(str(self._number(node)), ())
        self.own[made] = shape if own is None else own
        return Term(made, shape)

    def letters_in(self, rule: Node) -> Iterator[Node]:
        """The variables that a formula reads, as often as it does."""
        waiting = [rule]
        while waiting:
            node = waiting.pop()
            if isinstance(node.static, Input):
                yield self.letters[int(node.static.base)]
            waiting.extend(node.operands)

    def expression(self, term: Term) -> Expression:
        """A term, to be spelled."""
        return Expression(term.node, self.letters)

    def number(self, text: str, shape: Shape = ()) -> Term:
        """A number, standing for an array of a shape."""
        node = self.graph.number(text)
        self.own[node] = ()
        return Term(node, shape)

    def value(self, node: Node) -> Term:
        """The value of a node of the program."""
        if node.constant and not node.operands:
            made = self._leaf(self.graph, node)
            self.own[made] = ()
            return Term(made, ())
        if node.operands and self.program.inside[node.index]:
            return self.work_of(node)
        return self.letter(node, self.program.shapes[node])

    def work_of(self, node: Node) -> Term:
        """The value of a node without a name."""
        operands = tuple(self.value(operand).node for operand in node.operands)
        if node.static is None:
            made = self.graph.apply(node.gate, operands)
        else:
            made = self.graph.array(node.gate, operands, _in_numbers(node))
        self.own[made] = self.program.shapes[node]
        return Term(made, self.program.shapes[node])

    def is_view(self, node: Node) -> bool:
        """Whether the value of an expression may be another variable's memory."""
        while node.gate.name in VIEWS:
            node = node.operands[0]
        return node.gate is INPUT or node.gate.name == "spread_to"

    def _made(self, gate: Gate, terms: tuple[Term, ...], shape: Shape, **settings: object) -> Term:
        """A gate of arrays on terms in their full shapes."""
        operands = tuple(self.full(term).node for term in terms)
        node = self.graph.array(gate, operands, tuple(settings.items()))
        self.own[node] = shape
        return Term(node, shape)

    def full(self, term: Term) -> Term:
        """The term in the shape that it stands for."""
        if self.own[term.node] == term.shape:
            return term
        node = self.graph.array(HELPERS["spread_to"], (term.node, self._like(term.shape)), ())
        self.own[node] = term.shape
        return Term(node, term.shape)

    def _like(self, shape: Shape) -> Node:
        """A variable of the code that has a shape."""
        for node in (*self.program.inputs, *self.program.lines):
            if self.program.shapes.get(node) == shape and not node.constant:
                return self.letter(node, shape).node
        raise UsageMistake(f"no stage has the shape {shape}, which a gradient needs", hint="name the sum that has it")

    def elementwise(self, gate: Gate, terms: tuple[Term, ...]) -> Term:
        """A gate entry by entry; numbers are multiplied before arrays are."""
        if gate.name == "mul":
            terms = self._numbers_first(*terms)
        node = self.graph.apply(gate, tuple(term.node for term in terms))
        self.own.setdefault(node, broadcast([self.own[term.node] for term in terms]))
        return Term(node, broadcast([term.shape for term in terms]))

    def _numbers_first(self, left: Term, right: Term) -> tuple[Term, Term]:
        """The factors, of a number times an array times a number those two numbers as one."""
        number, array = (left, right) if not self.own[left.node] else (right, left)
        inner = array.node.operands
        if self.own[number.node] or not self.own[array.node] or array.node.gate.name != "mul":
            return left, right
        if self.own[inner[0]]:
            return left, right
        return self.elementwise(GATES["mul"], (Term(inner[0], ()), number)), Term(inner[1], array.shape)

    def times(self, left: Term, right: Term) -> Term:
        """A product."""
        return self.elementwise(GATES["mul"], (left, right))

    def doubled(self, term: Term, count: int) -> Term:
        """The same contribution several times; what is smaller is multiplied first."""
        number = self.number(str(count))
        if term.node.gate.name != "mul":
            return self.times(number, term)
        small, large = (Term(operand, self.own[operand]) for operand in term.node.operands)
        if len(self.own[small.node]) > len(self.own[large.node]):
            small, large = large, small
        return Term(self.times(self.times(number, small), large).node, term.shape)

    # -- sums over axes -------------------------------------------------------------------

    def summed(self, term: Term, axes: tuple[int, ...], keepdims: bool) -> Term:
        """The sum along axes; where the term has one entry for many, it is multiplied by how many."""
        shape, own = term.shape, self.own[term.node]
        missing = len(shape) - len(own)
        repeated = [shape[axis] for axis in axes if axis < missing or own[axis - missing] != shape[axis]]
        present = tuple(axis - missing for axis in axes if axis >= missing)
        result = term.node
        if present and (not keepdims or any(own[axis] != 1 for axis in present)):
            every = present if len(present) < len(own) or keepdims else None
            axis = every[0] if every and len(every) == 1 else every
            result = self.graph.array(ARRAY_GATES["sum"], (result,), (("axis", axis), ("keepdims", keepdims)))
            self.own[result] = reduced(own, present, keepdims)
        found = Term(result, reduced(shape, axes, keepdims))
        for size in repeated:
            found = Term(self.times(self.size((size,)), found).node, found.shape)
        return found

    def sum_to(self, term: Term, shape: Shape) -> Term:
        """The sum over the axes along which `shape` was stretched."""
        extra = len(term.shape) - len(shape)
        if extra > 0:
            term = self.summed(term, tuple(range(extra)), False)
        stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 != term.shape[axis]) if shape else ()
        return self.summed(term, stretched, True) if stretched else term

    def size(self, sizes: tuple[Dim, ...], less: int = 0) -> Term:
        """How many entries there are along axes."""
        count = 1
        found: Term | None = None
        for size in sizes:
            if isinstance(size, int):
                count *= size
            else:
                extent = self._extent(size)
                found = extent if found is None else self.times(found, extent)
        if found is None:
            return self.number(str(count - less))
        found = found if count == 1 else self.times(self.number(str(count)), found)
        return self.elementwise(GATES["sub"], (found, self.number(str(less)))) if less else found

    def _extent(self, size: str) -> Term:
        """A size that has a name: A.shape[0] of the first variable or stage that has it."""
        for node in (*self.program.inputs, *self.program.lines):
            shape = self.program.shapes.get(node, ())
            if size in shape and not node.constant:
                made = self.graph.array(
                    ARRAY_GATES["extent"], (self.letter(node, shape).node,), (("axis", shape.index(size)),)
                )
                self.own[made] = ()
                return Term(made, ())
        raise UsageMistake(f"no stage has a side of the size {size}, which a gradient needs")

    # -- flows ----------------------------------------------------------------------------

    def share(self, node: Node, place: int, dout: Term) -> Term | Entry:
        """What the operand at `place` of a node receives, in its shape; or where it is added."""
        if node.gate.name in ("index", "pick", "pick2"):
            return self._entry(node)
        operand = node.operands[place]
        return self.sum_to(self._share(node, place, dout), self.program.shapes[operand])

    def _share(self, node: Node, place: int, dout: Term) -> Term:
        gate, out = node.gate, self.letter(node, self.program.shapes[node])
        values = [self.value(operand) for operand in node.operands]
        if gate.name in ("max", "min"):
            return self._routed(node, place, values, out, dout)
        settings = {**settings_of(node), "ties": self.ties, "place": place}
        if "..." in gate.pullback:
            return self._work(formula(gate.pullback["..."]), {"dout": dout}, settings)
        guarded = bool(gate.partials) and not (gate.name.startswith("log") and self._positive(node.operands[0]))
        rule = contribution(gate, place, guarded)
        assert rule is not None, "only operands that receive something have flows"
        letters = {**dict(zip(parameters(gate), values, strict=True)), "out": out, "dout": dout}
        if gate.name == "relu" and self._passing(node.operands[0]):
            rule = formula("where(out <= 0, 0, dout)")  # out is positive where x is
        return self._work(rule, letters, settings)

    def _passing(self, node: Node) -> bool:
        """Whether a value has no name but one that gradcli made."""
        return bool(node.operands) and node not in self.program.graph.titles

    def _positive(self, node: Node) -> bool:
        """Whether a value is positive or nan, by its gate and those under it."""
        name = node.gate.name
        if name in POSITIVE or (node.gate is NUMBER and float(str(node.static)) > 0):
            return True
        if name in ("mul", "div", "add"):
            return all(map(self._positive, node.operands))
        return name in KEEPS_SIGN and self._positive(node.operands[0])

    def _routed(self, node: Node, place: int, values: list[Term], out: Term, dout: Term) -> Term:
        """What an operand of max or min receives."""
        turned = {"gt": "lt", "ge": "le"} if node.gate.name == "min" else {}
        if len(values) == 2:
            letters = {"a": values[place], "b": values[1 - place], "dout": dout}
            if PAIRS[self.ties][place].startswith("where(b") and self._passing(node.operands[place]):
                letters["a"] = out  # b >= a where b >= max(a, b), and nobody needs to keep a
            return self._work(_turned(formula(PAIRS[self.ties][place]), turned), letters, {})
        equal = [self.elementwise(GATES["eq"], (value, out)) for value in values]
        one, zero = self.number("1"), self.number("0")
        before = equal[:place] if self.ties == "first" else equal[place + 1 :] if self.ties == "last" else []
        share = dout
        if self.ties == "split":
            counts = [self.elementwise(GATES["where"], (mask, one, zero)) for mask in equal]
            total = counts[0]
            for count in counts[1:]:
                total = self.elementwise(GATES["add"], (total, count))
            share = self.elementwise(GATES["div"], (dout, total))
        found = self.elementwise(GATES["where"], (equal[place], share, zero))
        for mask in before:
            found = self.elementwise(GATES["where"], (mask, zero, found))
        return found

    def _entry(self, node: Node) -> Entry:
        picks = [Expression(self._picking(operand), self.letters) for operand in node.operands[1:]]
        once = any(operand.gate.name == "arange" for operand in node.operands[1:])
        return Entry(settings_of(node)["index"], picks, bool(picks) and not once)

    def _work(self, rule: Node, letters: Mapping[str, Term], settings: Mapping[str, Any]) -> Term:
        """A rule of the table with terms for its letters."""
        if isinstance(rule.static, Input):
            return letters[rule.static.base]
        if not rule.operands:
            made = self._leaf(self.graph, rule)
            self.own[made] = ()
            return Term(made, ())
        terms = tuple(self._work(operand, letters, settings) for operand in rule.operands)
        given = {
            name: settings[one.name] if isinstance(one, Setting) else one for name, one in settings_of(rule).items()
        }
        if not is_array_gate(rule.gate):
            return self.elementwise(rule.gate, terms)
        maker = getattr(self, f"_rule_{rule.gate.name}", None)
        return maker(*terms, **given) if maker else self._made(rule.gate, terms, terms[0].shape, **given)

    # -- what rules are made of -----------------------------------------------------------

    def _rule_matmul(self, a: Term, b: Term) -> Term:
        if len(a.shape) > 2 or len(b.shape) > 2:
            rest = broadcast([a.shape[:-2], b.shape[:-2]])
            return self._made(ARRAY_GATES["matmul"], (a, b), (*rest, a.shape[-2], b.shape[-1]))
        last = b.shape[1:] if len(b.shape) == 2 else ()
        return self._made(ARRAY_GATES["matmul"], (a, b), (*a.shape[:-1], *last))

    def _rule_transpose(self, a: Term) -> Term:
        if len(a.shape) < 2 or not self.own[a.node]:
            return Term(a.node, a.shape[::-1])
        if a.node.gate.name == "transpose":
            return Term(a.node.operands[0], a.shape[::-1])
        return self._made(ARRAY_GATES["transpose"], (a,), a.shape[::-1])

    def _rule_mT(self, a: Term) -> Term:  # noqa: N802  named like the row of the table
        return self._made(HELPERS["mT"], (a,), (*a.shape[:-2], a.shape[-1], a.shape[-2]))

    def _rule_outer(self, a: Term, b: Term) -> Term:
        return self._made(ARRAY_GATES["outer"], (a, b), (*a.shape, *b.shape))

    def _rule_solve(self, a: Term, b: Term) -> Term:
        return self._made(ARRAY_GATES["solve"], (a, b), b.shape)

    def _rule_unpermute(self, a: Term, axes: tuple[int, ...]) -> Term:
        inverse = tuple(sorted(range(len(axes)), key=lambda place: axes[place]))
        shape = tuple(a.shape[axis] for axis in inverse)
        return self._made(ARRAY_GATES["permute"], (a,), shape, axes=inverse)

    def _rule_reshape_as(self, g: Term, a: Term) -> Term:
        if not self.own[g.node]:
            return Term(g.node, a.shape)
        return self._made(HELPERS["reshape_as"], (g, a), a.shape)

    def _rule_spread(self, g: Term, a: Term, axis: object, keepdims: object) -> Term:
        """What was reduced, so that NumPy stretches it along the axes again."""
        axes = sorted(axes_of(axis, a.shape))
        if keepdims or not self.own[g.node] or axes == list(range(len(axes))):
            return Term(g.node, a.shape)
        index = tuple(None if place in axes else ALL for place in range(len(a.shape)))
        node = self.graph.array(ARRAY_GATES["index"], (self.full(g).node,), (("index", index),))
        self.own[node] = reduced(a.shape, axis, True)
        return Term(node, a.shape)

    def _rule_size(self, a: Term, axis: object, ddof: int) -> Term:
        return self.size(tuple(a.shape[one] for one in axes_of(axis, a.shape)), ddof)

    def _rule_sum(self, a: Term, axis: object, keepdims: bool) -> Term:
        return self.summed(a, axes_of(axis, a.shape), keepdims)

    def _rule_mean(self, a: Term, axis: object, keepdims: bool) -> Term:
        return self._made(ARRAY_GATES["mean"], (a,), reduced(a.shape, axis, keepdims), axis=axis, keepdims=keepdims)

    def _rule_part(self, g: Term, axis: int, sizes: tuple[Any, ...], place: int) -> Term:
        begin = sum(sizes[:place])
        index = (*[ALL] * axis, Slice(begin, begin + sizes[place], None))
        shape = (*g.shape[:axis], sizes[place], *g.shape[axis + 1 :])
        return self._made(ARRAY_GATES["index"], (g,), shape, index=index)

    def _rule_slot(self, g: Term, axis: int, place: int) -> Term:
        axis %= len(g.shape)
        return self._made(
            ARRAY_GATES["index"], (g,), (*g.shape[:axis], *g.shape[axis + 1 :]), index=(*[ALL] * axis, place)
        )

    def _rule_on_diagonal(self, g: Term, a: Term) -> Term:
        node = self.graph.array(HELPERS["on_diagonal"], (g.node, a.node), ())
        self.own[node] = a.shape
        return Term(node, a.shape)

    def _rule_route(self, g: Term, chosen: Term, out: Term, axis: object, ties: str) -> Term:
        """The gradient where an entry is chosen."""
        one, zero = self.number("1"), self.number("0")
        if ties == "split":
            ones = self.elementwise(GATES["where"], (chosen, one, zero))
            count = self.summed(ones, axes_of(axis, chosen.shape), True)
            g = self.elementwise(GATES["div"], (g, count))
        if ties in ("first", "last"):
            sides = tuple(Term(operand, self.own[operand]) for operand in chosen.node.operands)
            same = self.elementwise(SAME, sides)
            alone = self._made(ALONE[ties], (same,), chosen.shape, axis=axis)
            return self.elementwise(CHOOSE, (alone, g, zero))
        return self.elementwise(GATES["where"], (chosen, g, zero))


SAME = Gate("same", "a == b", "which entries are equal, as truth values")
CHOOSE = Gate("choose", "choose(chosen, a, b)", "where of truth values")
ALONE = {
    "first": Gate("first", "first(A, axis=None)", "of the true entries along axes the first"),
    "last": Gate("last", "last(A, axis=None)", "of the true entries along axes the last"),
}


def _turned(rule: Node, names: Mapping[str, str]) -> Node:
    """A rule of max, turned round for min."""
    if not names or not rule.operands:
        return rule
    gate = GATES[names.get(rule.gate.name, rule.gate.name)]
    return Graph().apply(gate, tuple(_turned(operand, names) for operand in rule.operands))
