"""Expressions over arrays of known shapes as loops in C.

What only rearranges entries (a transpose, an index, a broadcast) is arithmetic with indices, what works entry by
entry is part of the loop that it stands in, and everything else has loops of its own and a local array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count
from math import prod
from typing import NamedTuple

from gradcli.array_gates import Hole, Slice
from gradcli.array_local import settings_of
from gradcli.codegen import braces
from gradcli.codegen.c import DIALECT as SCALARS
from gradcli.codegen.c_functions import CHANGES, REDUCTIONS
from gradcli.dimensions import Shape, axes_of, broadcast
from gradcli.errors import UsageMistake
from gradcli.gates import GATES
from gradcli.graph import Input, Node
from gradcli.printer import operand_text

PRODUCTS = ("matmul", "bmm", "matvec", "vecmat", "dot")
VIEWS = ("transpose", "mT", "permute", "index", "pick", "pick2", "spread_to", "reshape", "reshape_as", "copy", "whole")
LOOPED = (*PRODUCTS, "sum", "mean", "trace", *REDUCTIONS, *CHANGES)
DIALECT = SCALARS._replace(forms={**SCALARS.forms, "choose": "(chosen ? a : b)", "same": "(a == b ? 1.0 : 0.0)"})
Index = list[str]  # an expression for each axis


class Letter(NamedTuple):
    """A variable of the code: its name, and its shape there."""

    name: str
    shape: Shape


class Loops:
    """Spells expressions of one program.

    letter: what a leaf of an expression stands for. own: the shapes of expressions, where they are known.
    taken: names that are in use; used: the functions that are called.
    """

    def __init__(self, letter: Callable[[Node], Letter], own: dict[Node, Shape], taken: Iterable[str]) -> None:
        self.letter = letter
        self.own = own
        self.taken = set(taken)
        self.used: dict[str, None] = {}
        self.before: list[str] = []
        self.kept: dict[Node, Letter] = {}  # local arrays of what is read in a statement

    def free(self, stem: str) -> str:
        """A name that nothing has yet."""
        numbered = (f"{stem}{number}" for number in count(1))
        name = next(name for name in chain([stem], numbered) if name not in self.taken)
        self.taken.add(name)
        return name

    # -- statements -----------------------------------------------------------------------

    def assign(self, to: Letter, node: Node, sign: str = "=", shape: Shape | None = None) -> list[str]:
        """`to = node`, or += : what it needs first, and its loops. shape: of the node, if it is not known itself."""
        if shape is not None:
            self.own.setdefault(node, shape)
        self.before, self.kept = [], {}
        lines = self._statement(to, node, sign)
        return [*self.before, *lines]

    def add(self, to: Letter, index: Callable[[Index], Index], shape: Shape, node: Node) -> list[str]:
        """The entries of a node of a shape added at places of `to`."""
        self.before, self.kept = [], {}
        lines = self._each(shape, lambda at: [f"{entry(to, index(at))} += {self.element(node, at)};"])
        return [*self.before, *lines]

    def _statement(self, to: Letter, node: Node, sign: str) -> list[str]:
        gate = node.gate.name
        own = self.shape(node)
        if gate not in LOOPED:
            return self._each(to.shape, lambda at: [f"{entry(to, at)} {sign} {self.element(node, at)};"])
        if own != to.shape:
            held = self.held(node)
            return self._each(to.shape, lambda at: [f"{entry(to, at)} {sign} {entry(held, at)};"])
        if gate in PRODUCTS:
            return self._product(to, node, sign)
        if gate == "trace":
            return self._trace(to, node, sign)
        return self._lanes(to, node, sign) if gate in CHANGES else self._reduction(to, node, sign)

    def _product(self, to: Letter, node: Node, sign: str) -> list[str]:
        """A product of matrices or vectors: a sum over the inner axis."""
        left, right = (self._cheap(operand) for operand in node.operands)
        tall, wide = len(self.shape(left)) > 1, len(self.shape(right)) > 1
        inner, total = self.free("k"), self.free("total")

        def body(at: Index) -> list[str]:
            rows = at[: len(at) - wide]
            batch = at[: max(len(at) - tall - wide, 0)]
            a = [*(rows if tall else batch), inner]
            b = [*batch, inner, at[-1]] if wide else [inner]
            term = f"{self.element(left, a)} * {self.element(right, b)}"
            size = self.shape(left)[-1]
            return [
                f"double {total} = 0.0;",
                f"for (int {inner} = 0; {inner} < {size}; {inner}++) {total} += {term};",
                f"{entry(to, at)} {sign} {total};",
            ]

        lines = self._each(to.shape, body, scoped=True)
        self.taken -= {inner, total}
        return lines

    def _trace(self, to: Letter, node: Node, sign: str) -> list[str]:
        """The sum of a diagonal."""
        total, i = self.free("total"), self.free("i")
        size = min(_numbers(self.shape(node.operands[0])))
        term = self.element(node.operands[0], [i, i])
        self.taken -= {total, i}
        loop = f"for (int {i} = 0; {i} < {size}; {i}++) {total} += {term};"
        return ["{", *braces.indented([f"double {total} = 0.0;", loop, f"{to.name} {sign} {total};"]), "}"]

    def _reduction(self, to: Letter, node: Node, sign: str) -> list[str]:
        """A function of the entries along axes."""
        operand, settings, gate = node.operands[0], settings_of(node), node.gate.name
        shape, total, filled = self.shape(operand), self.free("total"), self.free("n")
        axes = axes_of(settings["axis"], shape)
        size = prod(_numbers(shape[axis] for axis in axes))

        def body(at: Index) -> list[str]:
            outer = iter(at)
            full = ["" if axis in axes else next(outer) for axis in range(len(shape))]
            if settings["keepdims"]:
                full = ["" if axis in axes else at[axis] for axis in range(len(shape))]
            if gate in ("sum", "mean"):
                share = f" / {size}.0" if gate == "mean" else ""
                loops = self._inner(shape, axes, full, lambda i: f"{total} += {self.element(operand, i)};")
                return [f"double {total} = 0.0;", *loops, f"{entry(to, at)} {sign} {total}{share};"]
            self.used[gate] = None
            loops = self._inner(shape, axes, full, lambda i: f"{total}[{filled}++] = {self.element(operand, i)};")
            more = f", {settings['ddof']}" if "ddof" in settings else ""
            head = [f"double {total}[{size}];", f"int {filled} = 0;"]
            return [*head, *loops, f"{entry(to, at)} {sign} {gate}({total}, {filled}{more});"]

        lines = self._each(to.shape, body, scoped=True)
        self.taken -= {total, filled}
        return lines

    def _lanes(self, to: Letter, node: Node, sign: str) -> list[str]:
        """A function that gives as many entries along axes as it takes."""
        operand, gate = node.operands[0], node.gate.name
        shape, lane, filled = self.shape(operand), self.free("lane"), self.free("n")
        axes = axes_of(settings_of(node)["axis"], shape)
        size = prod(_numbers(shape[axis] for axis in axes))
        flat = len(to.shape) != len(shape)  # cumsum of all entries
        self.used[gate] = None

        def body(at: Index) -> list[str]:
            outer = iter(at)
            full = ["" if axis in axes else next(outer) for axis in range(len(shape))]
            begin = self._inner(shape, axes, full, lambda i: f"{lane}[{filled}++] = {self.element(operand, i)};")
            put = f"{lane}[{filled}++];"
            end = [] if flat else self._inner(shape, axes, full, lambda i: f"{entry(to, i)} {sign} {put}")
            if flat:
                end = [
                    f"for ({filled} = 0; {filled} < {size}; {filled}++) {to.name}[{filled}] {sign} {lane}[{filled}];"
                ]
            head = [f"double {lane}[{size}];", f"int {filled} = 0;"]
            return [*head, *begin, f"{gate}({lane}, {filled});", f"{filled} = 0;", *end]

        kept = tuple(size for axis, size in enumerate(shape) if axis not in axes)
        lines = self._each(kept, body, scoped=True)
        self.taken -= {lane, filled}
        return lines

    def _each(self, shape: Shape, body: Callable[[Index], list[str]], scoped: bool = False) -> list[str]:
        """Loops over the entries of a shape around what is done for one. scoped: whether that declares variables."""
        names = [self.free("ijklmpqr"[min(axis, 7)]) if size != 1 else "0" for axis, size in enumerate(shape)]
        inside = body(names)
        lines = nested([(name, size) for name, size in zip(names, shape, strict=True) if name != "0"], inside)
        self.taken -= set(names)
        return lines if len(lines) != len(inside) or not scoped else ["{", *braces.indented(inside), "}"]

    def _inner(self, shape: Shape, axes: tuple[int, ...], full: Index, body: Callable[[Index], str]) -> list[str]:
        """Loops along axes."""
        names = {axis: self.free("ijklmpqr"[min(axis, 7)]) if shape[axis] != 1 else "0" for axis in axes}
        inside = body([names.get(axis, full[axis]) for axis in range(len(shape))])
        order = [(names[axis], shape[axis]) for axis in sorted(axes) if names[axis] != "0"]
        self.taken -= set(names.values())
        return nested(order, [inside])

    # -- entries --------------------------------------------------------------------------

    def shape(self, node: Node) -> Shape:
        """The shape of an expression."""
        if node in self.own:
            return self.own[node]
        if isinstance(node.static, Input):
            return self.letter(node).shape
        if not node.operands or node.gate.name in ("extent", "size"):
            return ()
        if node.gate.name == "arange":
            return (int(str(node.operands[0].static)),)
        if _by_entry(node) or node.gate.name in ("whole", "copy"):
            return broadcast([self.shape(operand) for operand in node.operands])
        raise _lacking(node)

    def element(self, node: Node, at: Index) -> str:
        """One entry of an expression, at an index of an array that it is stretched to; closed in itself or by entry."""
        if isinstance(node.static, Input):
            return entry(self.letter(node), at)

        def name(inner: Node) -> str | None:
            inline = _by_entry(inner) and inner not in self.kept
            leaf = not inner.operands and not isinstance(inner.static, Input)
            return None if inline or leaf else self._closed(inner, at)

        if (_by_entry(node) and node not in self.kept) or not node.operands:
            for inner in _gates_of(node):
                self.used[inner] = None
            return operand_text(node, name, DIALECT)
        return self._closed(node, at)

    def _closed(self, node: Node, at: Index) -> str:
        """An entry of what is no gate of numbers, as text that binds tightly."""
        gate = node.gate.name
        own = self.shape(node)
        at = at[len(at) - len(own) :] if own else []
        at = ["0" if size == 1 else one for size, one in zip(own, at, strict=True)]
        if isinstance(node.static, Input):
            return entry(self.letter(node), at)
        if node in self.kept:
            return entry(self.kept[node], at)
        if _by_entry(node) or not node.operands:
            return f"({self.element(node, at)})" if node.operands else self.element(node, at)
        if gate == "arange":
            return f"(double)({at[0]})"
        if gate == "extent":
            return f"{self.shape(node.operands[0])[settings_of(node)['axis']]}.0"
        if gate == "outer":
            a, b = node.operands
            split = len(self.shape(a))
            return f"({self._closed(a, at[:split])} * {self._closed(b, at[split:])})"
        if gate == "on_diagonal":
            return f"({at[0]} == {at[1]} ? {self._closed(node.operands[0], [])} : 0.0)"
        if gate in ("concatenate", "stack"):
            return self._joined(node, at)
        if gate in VIEWS:
            return self._closed(node.operands[0], self._moved(node, at))
        if gate not in LOOPED:
            raise _lacking(node)
        return entry(self.held(node), at)

    def _joined(self, node: Node, at: Index) -> str:
        """An entry of one of several arrays, chosen by the index along an axis."""
        settings = settings_of(node)
        axis = settings["axis"] % len(self.shape(node))
        begin, text, closing = 0, "", ""
        for place, operand in enumerate(node.operands):
            size = 1 if node.gate.name == "stack" else int(self.shape(operand)[axis])
            local = [at[axis] if begin == 0 else f"({at[axis]} - {begin})"] if node.gate.name != "stack" else []
            value = self._closed(operand, [*at[:axis], *local, *at[axis + 1 :]])
            begin += size
            last = place == len(node.operands) - 1
            text += value if last else f"({at[axis]} < {begin} ? {value} : "
            closing += "" if last else ")"
        return text + closing

    def _moved(self, node: Node, at: Index) -> Index:
        """The index in the operand of what rearranges entries."""
        gate, shape = node.gate.name, self.shape(node.operands[0])
        if gate == "transpose":
            return at[::-1]
        if gate == "mT":
            return [*at[:-2], at[-1], at[-2]]
        if gate == "permute":
            axes = settings_of(node)["axes"] or tuple(reversed(range(len(shape))))
            return [at[axes.index(axis)] for axis in range(len(shape))]
        if gate in ("reshape", "reshape_as"):
            return unravelled(entry(Letter("", self.shape(node)), at)[1:-1] if at else "0", shape)
        if gate in ("index", "pick", "pick2"):
            return self.places(settings_of(node)["index"], list(node.operands[1:]), shape)(at)
        return at

    def places(self, index: tuple[object, ...], picks: list[Node], shape: Shape) -> Callable[[Index], Index]:
        """The index in an array of a shape of an entry of A[index]."""
        picked = broadcast([self.shape(pick) for pick in picks]) if picks else ()
        plain = [part for part in index if part is not None]
        holes = [axis for axis, part in enumerate(index) if isinstance(part, Hole | int) and not isinstance(part, bool)]
        apart = bool(picks) and holes != list(range(holes[0], holes[-1] + 1))
        if Ellipsis in index:
            raise UsageMistake("c has no index with ...", hint="write the axes out")

        def moved(at: Index) -> Index:
            rest = list(at)
            rows = [rest.pop(0) for _ in picked] if apart else []
            found: Index = []
            for part in index:
                if part is None:
                    rest.pop(0)
                elif isinstance(part, Slice):
                    size = int(shape[len(found)])
                    begin, _, step = slice(*part).indices(size)
                    one = rest.pop(0)
                    found.append(_linear(begin, step, one))
                else:
                    if picks and not apart and not rows:
                        rows = [rest.pop(0) for _ in picked]
                    found.append(self._picked(part, picks, rows, int(shape[len(found)])))
            return [*found, *rest]

        assert len(plain) <= len(shape)
        return moved

    def _picked(self, part: object, picks: list[Node], rows: Index, size: int) -> str:
        """An index that is a number, or an entry of an array of whole numbers."""
        if isinstance(part, int):
            return str(part % size)
        assert isinstance(part, Hole)
        pick = picks[part.place - 1]
        while pick.gate.name in ("whole", "copy"):
            pick = pick.operands[0]
        if pick.gate.name == "arange":
            return rows[-1] if rows else "0"
        self.used["place"] = None
        return f"place({self.element(pick, rows)}, {size})"

    def held(self, node: Node) -> Letter:
        """A local array that holds the entries of an expression."""
        letter = Letter(self.free("t"), self.shape(node))
        kept, self.before = self.before, []
        lines = self._statement(letter, node, "=")
        size = prod(_numbers(letter.shape))
        declared = f"double {letter.name}[{size}];" if letter.shape else f"double {letter.name};"
        self.before = [*kept, *self.before, declared, *lines]
        self.kept[node] = letter
        return letter

    def _cheap(self, node: Node) -> Node:
        """An operand that is read many times: worked out first, if that is more than arithmetic with indices."""
        inner = node
        while inner.gate.name in VIEWS and inner.operands:
            inner = inner.operands[0]
        if not isinstance(inner.static, Input):
            self.held(node)
        return node


def entry(letter: Letter, at: Index) -> str:
    """An entry of an array that lies row by row; `at` may have further axes in front."""
    if not letter.shape:
        return letter.name
    at = at[len(at) - len(letter.shape) :]
    terms, stride = [], 1
    for size, one in reversed(list(zip(letter.shape, at, strict=True))):
        if size != 1 and one != "0":
            closed = one if one.isalnum() or (one.endswith(")") and one.startswith(("(", "place("))) else f"({one})"
            terms.append(f"{closed} * {stride}" if stride != 1 else one)
        stride *= int(size)
    return f"{letter.name}[{' + '.join(reversed(terms)) or '0'}]"


def unravelled(flat: str, shape: Shape) -> Index:
    """The index along each axis of an entry that is counted row by row."""
    found, stride = [], 1
    for place, size in enumerate(reversed(shape)):
        one = f"({flat})" if stride == 1 else f"(({flat}) / {stride})"
        found.append("0" if size == 1 else one if place == len(shape) - 1 else f"({one} % {size})")
        stride *= int(size)
    return found[::-1]


def nested(loops: Sequence[tuple[str, object]], inside: list[str]) -> list[str]:
    """Loops around lines, with braces where there are several."""
    lines = inside
    several = len(inside) > 1
    for name, size in reversed(loops):
        head = f"for (int {name} = 0; {name} < {size}; {name}++)"
        lines = [f"{head} {{" if several else head, *braces.indented(lines), *(["}"] if several else [])]
    return lines


def _linear(begin: int, step: int, one: str) -> str:
    """begin + step * one."""
    if step == 1:
        return one if begin == 0 else f"({one} + {begin})"
    return f"({begin} + {step} * {one})" if step > 0 else f"({begin} - {-step} * {one})"


def _numbers(sizes: Iterable[object]) -> Iterator[int]:
    """Sizes that are numbers."""
    for size in sizes:
        assert isinstance(size, int)
        yield size


def _by_entry(node: Node) -> bool:
    """Whether a gate is one of numbers, used entry by entry."""
    return bool(node.operands) and (GATES.get(node.gate.name) is node.gate or node.gate.name in ("choose", "same"))


def _gates_of(node: Node) -> Iterator[str]:
    """The gates of numbers of an expression."""
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if _by_entry(inner):
            yield inner.gate.name
            waiting.extend(inner.operands)


def _lacking(node: Node) -> UsageMistake:
    return UsageMistake(f"c has no {node.gate.name}", hint="numpy has: --target numpy")
