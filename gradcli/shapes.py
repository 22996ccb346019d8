"""The shape of every node, and which row of the table a gate becomes by its operands' shapes.

A program and the shapes of its variables go in; out comes the program over arrays: each written
gate is the row that fits, elements of a variable that is used whole are indices, what shapes say
(`X.shape[0]`) is known. Where operands do not fit, the dimension analysis says what would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from gradcli.array_gates import ARRAY_GATES, PRODUCTS, Hole, Setting, Slice, is_array_gate
from gradcli.dimensions import Misfit, Shape, axes_of, broadcast, indexed, reduced, reshaped, shown, written
from gradcli.errors import ShapeMistake
from gradcli.formula import formula
from gradcli.gates import GATES, INPUT, NUMBER, Gate, parameters
from gradcli.graph import Graph, Input, Node, Settings
from gradcli.program import Program
from gradcli.sizes import Dim, minus, plus, quotient, times
from gradcli.staging import cut, used_by_statements

REDUCING = ("sum", "mean", "prod", "amax", "amin", "var", "std", "norm", "logsumexp")
MOST_AXES = 32  # NumPy's limit was this for decades
CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne")
ALONG = ("softmax", "log_softmax", "cumsum")


def shaped(program: Program, shapes: Mapping[str, Shape], fuse: bool = True) -> Program:
    """The program over arrays. Raises ShapeMistake.

    shapes: of each variable, () for a number; sizes are numbers or names. fuse: as for `stage`; otherwise gates
    that others define are taken apart.
    """
    graph = _Shaping(program, shapes, fuse).run()
    return cut(program.text, graph.graph, fuse)._replace(shapes=graph.shapes)


class _Shaping:
    """The new graph so far, with the shape of each node, and the whole numbers that are known."""

    def __init__(self, program: Program, variables: Mapping[str, Shape], fuse: bool) -> None:
        self.fuse = fuse
        self.program = program
        self.variables = variables
        self.graph = Graph()
        self.shapes: dict[Node, Shape] = {}
        self.numbers: dict[Node, Dim] = {}
        self.new: dict[Node, Node] = {}
        self.whole = self._used_whole()

    def _used_whole(self) -> set[str]:
        """The variables that are used as arrays: elements of others are inputs of their own."""
        found = set()
        for leaf in self.program.inputs:
            assert isinstance(leaf.static, Input)
            base, places = leaf.static
            if not places or len(places) != len(self.variables[base]):
                found.add(base)
        return found

    def run(self) -> _Shaping:
        """Carry over all that statements need, in order."""
        old = self.program.graph
        uses = used_by_statements(old)
        for node in old.nodes:
            if uses[node.index] or node.gate is INPUT:
                self.new[node] = self._carried(node)
                if node in old.titles:
                    self._titled(node, old.titles[node])
        return self

    def _titled(self, node: Node, name: str) -> None:
        source = node.operands[0] if node.gate.name == "copy" else node
        shape = self.shapes[self.new[source]]
        carried = self.new[source]
        if source is not node and not self._just_made(carried):
            carried = self.graph.copy(carried, node.start, node.end)
        self.new[node] = self.graph.assign(name, carried, node.start, node.end)
        self.shapes[carried] = self.shapes[self.new[node]] = shape
        if self.new[source] in self.numbers:
            self.numbers[self.new[node]] = self.numbers[self.new[source]]

    def _just_made(self, node: Node) -> bool:
        """Whether a node can take a name where it stands: an element that became an index for this statement."""
        return node is self.graph.nodes[-1] and bool(node.operands) and node not in self.graph.titles

    # -- leaves ---------------------------------------------------------------------------

    def _carried(self, node: Node) -> Node:
        if node.gate is INPUT:
            return self._input(node)
        if not node.operands:
            return self._leaf(node)
        operands = tuple(self.new[operand] for operand in node.operands)
        if node.gate.name == "copy":
            return operands[0]
        try:
            return self._gate(node, operands)
        except Misfit as misfit:
            raise self._placed(misfit, node, operands) from None

    def _leaf(self, node: Node) -> Node:
        text = str(node.static)
        new = (self.graph.number if node.gate is NUMBER else self.graph.constant)(text, node.start, node.end)
        self.shapes[new] = ()
        if text.isdigit():
            self.numbers[new] = int(text)
        return new

    def _input(self, node: Node) -> Node:
        assert isinstance(node.static, Input)
        base, places = node.static
        if places and base not in self.whole:
            self._check_element(node, base, places)
            new = self.graph.element(base, places, node.start, node.end)
            self.shapes[new] = ()
            return new
        new = self.graph.name(base, node.start, node.start + len(base))
        self.shapes[new] = self.variables[base]
        if not places:
            return new
        try:
            return self._made("index", (new,), node, index=places)
        except Misfit as misfit:
            raise _no_element(node, base, misfit) from None

    def _check_element(self, node: Node, base: str, places: tuple[int, ...]) -> None:
        try:
            indexed(self.variables[base], places, ())
        except Misfit as misfit:
            raise _no_element(node, base, misfit) from None

    # -- gates ----------------------------------------------------------------------------

    def _gate(self, node: Node, operands: tuple[Node, ...]) -> Node:
        name = node.gate.name
        if not is_array_gate(node.gate):
            return self._elementwise(node, operands)
        settings = dict(node.static) if isinstance(node.static, tuple) and not isinstance(node.static, Input) else {}
        if name in ("matmul", "dot"):
            return self._product(node, operands)
        if node.gate.means and not self.fuse:
            letters = dict(zip(parameters(node.gate), operands, strict=True))
            return self._taken_apart(formula(node.gate.means), letters, settings, node)
        if name in _BECOMES:
            return _BECOMES[name](self, node, operands, **settings)
        return self._made(name, operands, node, **settings)

    def _taken_apart(
        self, rule: Node, letters: Mapping[str, Node], settings: Mapping[str, object], place: Node
    ) -> Node:
        """A definition of the table with operands in place of its letters, and its static parameters filled in."""
        if isinstance(rule.static, Input):
            return letters[rule.static.base]
        operands = tuple(self._taken_apart(operand, letters, settings, place) for operand in rule.operands)
        written = Node()
        written.gate, written.operands, written.static = rule.gate, rule.operands, rule.static
        written.start, written.end = place.start, place.end
        if operands and isinstance(rule.static, tuple):
            own = cast(Settings, rule.static)
            written.static = tuple((key, settings[one.name] if isinstance(one, Setting) else one) for key, one in own)
        return self._gate(written, operands) if operands else self._leaf(written)

    def _made(self, name: str, operands: tuple[Node, ...], node: Node, **settings: object) -> Node:
        """A row of the table on its operands, with its shape."""
        shape = _SHAPE_OF[name]([self.shapes[operand] for operand in operands], settings)
        new = self.graph.array(ARRAY_GATES[name], operands, tuple(settings.items()), node.start, node.end)
        self.shapes[new] = shape
        return new

    def _elementwise(self, node: Node, operands: tuple[Node, ...]) -> Node:
        shape = broadcast([self.shapes[operand] for operand in operands])
        new = self.graph.apply(node.gate, operands, node.start, node.end)
        self.shapes[new] = shape
        known = [self.numbers[operand] for operand in operands if operand in self.numbers]
        if len(known) == len(operands):
            self._count(new, node.gate, known)
        return new

    def _count(self, node: Node, gate: Gate, known: list[Dim]) -> None:
        """Whole numbers that are worked out from sizes: N - 1, 2*H, D/2."""
        count = _COUNTS[gate.name](known) if gate.name in _COUNTS else None
        if count is not None:
            self.numbers[node] = count

    def _product(self, node: Node, operands: tuple[Node, ...]) -> Node:
        """A written @ or dot: the row that fits the dimensions."""
        left, right = (self.shapes[operand] for operand in operands)
        if not left or not right:
            if node.gate.name == "dot":  # NumPy's dot of a number is a product
                return self._elementwise_as("mul", node, operands)
            raise Misfit("'@' multiplies arrays, and here is a number", "a product with a number is written *")
        ranks = (len(left), len(right))
        inner = right[-2] if ranks[1] > 1 else right[0]
        if left[-1] != inner:
            raise Misfit("")
        row = {(1, 1): "dot", (2, 1): "matvec", (1, 2): "vecmat", (2, 2): "matmul"}.get(ranks)
        if row is not None:
            return self._made(row, operands, node)
        if node.gate.name == "dot":
            raise Misfit("dot takes vectors and matrices", "stacks of matrices are multiplied with @")
        return self._stacks(node, operands, left, right)

    def _stacks(self, node: Node, operands: tuple[Node, ...], left: Shape, right: Shape) -> Node:
        """A product of stacks of matrices; a vector counts as a matrix of one row or column."""
        first, second = operands
        if len(left) == 1:
            first = self._made("reshape", (first,), node, shape=(1, *left))
        if len(right) == 1:
            second = self._made("reshape", (second,), node, shape=(*right, 1))
        product = self._made("bmm", (first, second), node)
        if len(left) > 1 and len(right) > 1:
            return product
        shape = self.shapes[product]
        flat = shape[:-1] if len(right) == 1 else (*shape[:-2], shape[-1])
        return self._made("reshape", (product,), node, shape=flat)

    def _elementwise_as(self, name: str, node: Node, operands: tuple[Node, ...]) -> Node:
        new = self.graph.apply(GATES[name], operands, node.start, node.end)
        self.shapes[new] = broadcast([self.shapes[operand] for operand in operands])
        return new

    def _transpose(self, node: Node, operands: tuple[Node, ...]) -> Node:
        rank = len(self.shapes[operands[0]])
        if rank < 2:
            return operands[0]
        if rank == 2:
            return self._made("transpose", operands, node)
        return self._made("permute", operands, node, axes=tuple(reversed(range(rank))))

    def _permute(self, node: Node, operands: tuple[Node, ...], axes: object) -> Node:
        if axes is None:
            return self._transpose(node, operands[:1])
        rank = len(self.shapes[operands[0]])
        if not isinstance(axes, tuple) or sorted(axes) != list(range(rank)):
            raise Misfit(f"{axes} is no order of {rank} axes", f"for example {tuple(reversed(range(rank)))}")
        if axes == (1, 0):
            return self._made("transpose", operands[:1], node)
        return self._made("permute", operands[:1], node, axes=axes)

    def _outer(self, node: Node, operands: tuple[Node, ...]) -> Node:
        flat = tuple(operand if len(self.shapes[operand]) == 1 else self._flat(operand, node) for operand in operands)
        return self._made("outer", flat, node)

    def _flat(self, operand: Node, node: Node) -> Node:
        return self._made("reshape", (operand,), node, shape=reshaped(self.shapes[operand], (-1,)))

    def _solve(self, node: Node, operands: tuple[Node, ...]) -> Node:
        right = self.shapes[operands[1]]
        return self._made("solve_vector" if len(right) == 1 else "solve", operands, node)

    def _cumsum(self, node: Node, operands: tuple[Node, ...], axis: object) -> Node:
        if axis is None and len(self.shapes[operands[0]]) != 1:
            operands = (self._flat(operands[0], node),)
        return self._made("cumsum", operands, node, axis=0 if axis is None else axis)

    def _concatenate(self, node: Node, operands: tuple[Node, ...], axis: object) -> Node:
        shapes = [self.shapes[operand] for operand in operands]
        (place,) = axes_of(axis, max(shapes, key=len))
        sizes = tuple(shape[place] if len(shape) > place else 0 for shape in shapes)
        return self._made("concatenate", operands, node, axis=place, sizes=sizes)

    # -- what shapes say ------------------------------------------------------------------

    def _size(self, node: Node, operands: tuple[Node, ...], axis: object, ddof: int) -> Node:
        """How many entries lie along the axes, less ddof: A.shape[0]*A.shape[1] - 1."""
        axes = axes_of(axis, self.shapes[operands[0]])
        factors = [self._extent(node, operands[0], one) for one in axes] or [self._number("1", node)]
        found = factors[0]
        for factor in factors[1:]:
            found = self._elementwise_as("mul", node, (found, factor))
        return self._elementwise_as("sub", node, (found, self._number(str(ddof), node))) if ddof else found

    def _number(self, digits: str, node: Node) -> Node:
        new = self.graph.number(digits, node.start, node.end)
        self.shapes[new] = ()
        return new

    def _reshape(self, node: Node, operands: tuple[Node, ...], shape: object) -> Node:
        wanted = shape if isinstance(shape, tuple) else (shape,)
        sizes = tuple(self._filled(entry, operands, node) for entry in wanted)
        return self._made("reshape", operands[:1], node, shape=reshaped(self.shapes[operands[0]], sizes))

    def _filled(self, entry: object, operands: tuple[Node, ...], node: Node) -> object:
        """A dimension or bound, which may be an operand that is a known whole number."""
        if not isinstance(entry, Hole):
            return entry
        known = self.numbers.get(operands[entry.place])
        if known is None:
            raise Misfit("a size is a whole number, or worked out from X.shape[0]")
        return known

    def _arange(self, node: Node, operands: tuple[Node, ...]) -> Node:
        count = self.numbers.get(operands[0])
        if count is None:
            raise Misfit("arange takes a whole number, or one worked out from X.shape[0]", "write arange(X.shape[0])")
        new = self.graph.array(ARRAY_GATES["arange"], operands, (), node.start, node.end)
        self.shapes[new] = (count,)
        new.constant = True
        return new

    def _index(self, node: Node, operands: tuple[Node, ...], index: tuple[object, ...]) -> Node:
        owner, picked = operands[0], []
        if owner.gate.name == "shape" and len(index) == 1 and isinstance(index[0], int):
            return self._extent(node, owner.operands[0], index[0])
        filled: list[object] = []
        for entry in self._all_axes(index, len(self.shapes[owner])):
            if isinstance(entry, Slice):
                filled.append(Slice(*(self._filled(bound, operands, node) for bound in entry)))
            elif isinstance(entry, Hole) and operands[entry.place] not in self.numbers:
                picked.append(self._picking(operands[entry.place]))
                filled.append(Hole(len(picked)))
            else:
                filled.append(self._filled(entry, operands, node))
        if not self.shapes[owner]:
            raise Misfit("a number has no elements")
        if len(picked) > 2:
            raise Misfit("rows can be picked along two axes at most")
        name = ("index", "pick", "pick2")[len(picked)]
        return self._made(name, (owner, *picked), node, index=tuple(filled))

    def _picking(self, node: Node) -> Node:
        """An operand that picks rows, which no condition does: how many rows there were would depend on values."""
        source = node
        while source.gate.name == "copy":
            source = source.operands[0]
        if source.gate.name in CONDITIONS:
            raise Misfit("a condition does not pick entries", "keep the shape: where(X > 0, X, 0), or X * (X > 0)")
        return node

    def _all_axes(self, index: tuple[object, ...], rank: int) -> tuple[object, ...]:
        """An index with ... written out."""
        if index.count(Ellipsis) > 1:
            raise Misfit("... stands once in an index")
        if Ellipsis not in index:
            return index
        place = index.index(Ellipsis)
        left_out = rank - sum(entry not in (None, Ellipsis) for entry in index)
        return (*index[:place], *[Slice(None, None, None)] * left_out, *index[place + 1 :])

    def _extent(self, node: Node, owner: Node, axis: int) -> Node:
        shape = self.shapes[owner]
        (place,) = axes_of(axis, shape)
        new = self.graph.array(ARRAY_GATES["extent"], (owner,), (("axis", axis),), node.start, node.end)
        self.shapes[new] = ()
        self.numbers[new] = shape[place]
        new.constant = True  # no gradient goes through a size
        return new

    # -- what is wrong --------------------------------------------------------------------

    def _placed(self, misfit: Misfit, node: Node, operands: tuple[Node, ...]) -> ShapeMistake:
        from gradcli.misfits import product, repaired, stretched

        shapes = [self.shapes[operand] for operand in operands]
        titles = self.program.graph.titles
        given = [_written_operand(operand) for operand in node.operands]
        sources = [self._text(operand) for operand in given]
        texts = [titles.get(operand, source) for operand, source in zip(given, sources, strict=True)]
        if misfit.message:
            settings = dict(cast(Settings, node.static or ()))
            hint = misfit.hint or repaired(node.gate.name, texts, shapes, settings)
            return ShapeMistake(misfit.message, node.span, hint)
        explain = product if node.gate.name in PRODUCTS else stretched
        message, hint = explain(self._text(node), texts, shapes, sources)
        return ShapeMistake(message, node.span, hint)

    def _text(self, node: Node) -> str:
        """A node in the user's words, shortened."""
        text = self.program.text[node.start : node.end].strip()
        return text if len(text) <= 40 else text[:37] + "..."


def _no_element(node: Node, base: str, misfit: Misfit) -> ShapeMistake:
    return ShapeMistake(f"'{base}' has no element {node.static}: {misfit.message}", node.span, misfit.hint)


def _written_operand(node: Node) -> Node:
    """An operand as the user wrote it: a quotient is staged as num * (1/den), and nobody wrote 1/den."""
    inverse = node.gate.name == "div" and node.operands[0].start == node.operands[0].end
    return node.operands[1] if inverse else node


_COUNTS: dict[str, Callable[[list[Dim]], Dim | None]] = {
    "add": lambda sizes: plus(*sizes),
    "sub": lambda sizes: minus(*sizes),
    "mul": lambda sizes: times(*sizes),
    "neg": lambda sizes: times(-1, *sizes),
    "div": lambda sizes: quotient(*sizes) if sizes[1] != 0 else None,
}

_BECOMES: dict[str, Callable[..., Node]] = {
    "transpose": _Shaping._transpose,
    "permute": _Shaping._permute,
    "outer": _Shaping._outer,
    "solve": _Shaping._solve,
    "cumsum": _Shaping._cumsum,
    "concatenate": _Shaping._concatenate,
    "reshape": _Shaping._reshape,
    "size": _Shaping._size,
    "arange": _Shaping._arange,
    "index": _Shaping._index,
}


# -- the shapes of rows -------------------------------------------------------------------


def _square(shapes: list[Shape], what: str) -> Shape:
    shape = shapes[0]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise Misfit(f"{what} takes a square matrix, and here is {shown(shape)}")
    return shape


def _solved(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    size = _square(shapes[:1], "solve")[0]
    if not shapes[1] or len(shapes[1]) > 2 or shapes[1][0] != size:
        raise Misfit(f"solve(A, b) with A {shown(shapes[0])} and b {shown(shapes[1])}: rows differ")
    return shapes[1]


def _joined(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    place, sizes = settings["axis"], settings["sizes"]
    assert isinstance(place, int) and isinstance(sizes, tuple)
    others = {(*shape[:place], *shape[place + 1 :]) for shape in shapes}
    if len(others) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise Misfit(f"arrays of shapes {', '.join(map(written, shapes))} do not join along axis {place}")
    first = shapes[0]
    return (*first[:place], plus(*sizes), *first[place + 1 :])


def _stacked(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    if len(set(shapes)) > 1:
        raise Misfit(f"the entries of the list differ in shape: {', '.join(map(shown, dict.fromkeys(shapes)))}")
    (place,) = axes_of(settings["axis"], (*shapes[0], 1))
    if len(shapes[0]) >= MOST_AXES:
        raise Misfit(f"an array has at most {MOST_AXES} axes")
    return (*shapes[0][:place], len(shapes), *shapes[0][place:])


def _traced(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    if len(shapes[0]) != 2:
        raise Misfit(f"trace takes a matrix, and here is {shown(shapes[0])}")
    return ()


def _routed(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    axes = axes_of(settings["axis"], shapes[0])
    if any(shapes[0][axis] == 0 for axis in axes):
        raise Misfit("an empty array has no largest or smallest entry")
    return reduced(shapes[0], settings["axis"], settings["keepdims"])


def _along(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    if any(shapes[0][axis] == 0 for axis in axes_of(settings["axis"], shapes[0])):
        raise Misfit("there is no entry along the axis")
    return shapes[0]


def _permuted(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    axes = settings["axes"]
    assert isinstance(axes, tuple)
    return tuple(shapes[0][axis] for axis in axes)


def _of_index(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    index = settings["index"]
    assert isinstance(index, tuple)
    return indexed(shapes[0], index, shapes[1:])


def _of_reshape(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    wanted = settings["shape"]
    assert isinstance(wanted, tuple)
    return reshaped(shapes[0], wanted)


def _reducing(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    return reduced(shapes[0], settings["axis"], settings["keepdims"])


def _scalar_of(shapes: list[Shape], settings: Mapping[str, object]) -> Shape:
    _square(shapes, "det")
    return ()


_SHAPE_OF: dict[str, Callable[[list[Shape], Mapping[str, object]], Shape]] = {
    "dot": lambda shapes, settings: (),
    "matvec": lambda shapes, settings: shapes[0][:1],
    "vecmat": lambda shapes, settings: shapes[1][1:],
    "matmul": lambda shapes, settings: (shapes[0][0], shapes[1][1]),
    "bmm": lambda shapes, settings: (*broadcast([s[:-2] for s in shapes]), shapes[0][-2], shapes[1][-1]),
    "outer": lambda shapes, settings: (*shapes[0], *shapes[1]),
    "transpose": lambda shapes, settings: shapes[0][::-1],
    "permute": _permuted,
    "reshape": _of_reshape,
    "index": _of_index,
    "pick": _of_index,
    "pick2": _of_index,
    "concatenate": _joined,
    "stack": _stacked,
    **dict.fromkeys(REDUCING, _reducing),
    "logsumexp": _routed,
    "amax": _routed,
    "amin": _routed,
    **dict.fromkeys(ALONG, _along),
    "trace": _traced,
    "det": _scalar_of,
    "inv": lambda shapes, settings: _square(shapes, "inv"),
    "solve": _solved,
    "solve_vector": _solved,
    "shape": lambda shapes, settings: (len(shapes[0]),),
}
