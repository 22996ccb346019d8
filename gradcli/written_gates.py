"""Which row of the table a written gate becomes by the shapes of its operands, and what sizes in it are.

`@` is a product of vectors, matrices or stacks of them, max of one array reduces, an index may pick rows. Each
function takes the graph under construction, the written gate and its operands there, and its static parameters.
"""

from __future__ import annotations

from collections.abc import Callable

from gradcli.array_gates import ARRAY_GATES, Hole, Slice
from gradcli.dimensions import Misfit, Shape, axes_of, reshaped
from gradcli.gates import GATES
from gradcli.graph import Node
from gradcli.shaping import Shaping

CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _product(shaping: Shaping, node: Node, operands: tuple[Node, ...]) -> Node:
    """A written @ or dot: the row that fits the dimensions."""
    left, right = (shaping.shapes[operand] for operand in operands)
    if not left or not right:
        if node.gate.name == "dot":  # NumPy's dot of a number is a product
            return shaping.elementwise(GATES["mul"], operands, node)
        raise Misfit("'@' multiplies arrays, and here is a number", "a product with a number is written *")
    ranks = (len(left), len(right))
    inner = right[-2] if ranks[1] > 1 else right[0]
    if left[-1] != inner:
        raise Misfit("")
    row = {(1, 1): "dot", (2, 1): "matvec", (1, 2): "vecmat", (2, 2): "matmul"}.get(ranks)
    if row is not None:
        return shaping.made(row, operands, node)
    if node.gate.name == "dot":
        raise Misfit("dot takes vectors and matrices", "stacks of matrices are multiplied with @")
    return _stacks(shaping, node, operands, left, right)


def _stacks(shaping: Shaping, node: Node, operands: tuple[Node, ...], left: Shape, right: Shape) -> Node:
    """A product of stacks of matrices; a vector counts as a matrix of one row or column."""
    first, second = operands
    if len(left) == 1:
        first = shaping.made("reshape", (first,), node, shape=(1, *left))
    if len(right) == 1:
        second = shaping.made("reshape", (second,), node, shape=(*right, 1))
    product = shaping.made("bmm", (first, second), node)
    if len(left) > 1 and len(right) > 1:
        return product
    shape = shaping.shapes[product]
    flat = shape[:-1] if len(right) == 1 else (*shape[:-2], shape[-1])
    return shaping.made("reshape", (product,), node, shape=flat)


def _transpose(shaping: Shaping, node: Node, operands: tuple[Node, ...]) -> Node:
    rank = len(shaping.shapes[operands[0]])
    if rank < 2:
        return operands[0]
    if rank == 2:
        return shaping.made("transpose", operands, node)
    return shaping.made("permute", operands, node, axes=tuple(reversed(range(rank))))


def _permute(shaping: Shaping, node: Node, operands: tuple[Node, ...], axes: object) -> Node:
    if axes is None:
        return _transpose(shaping, node, operands[:1])
    rank = len(shaping.shapes[operands[0]])
    if not isinstance(axes, tuple) or sorted(axes) != list(range(rank)):
        raise Misfit(f"{axes} is no order of {rank} axes", f"for example {tuple(reversed(range(rank)))}")
    if axes == (1, 0):
        return shaping.made("transpose", operands[:1], node)
    return shaping.made("permute", operands[:1], node, axes=axes)


def _outer(shaping: Shaping, node: Node, operands: tuple[Node, ...]) -> Node:
    rank = {operand: len(shaping.shapes[operand]) for operand in operands}
    flat = tuple(operand if rank[operand] == 1 else _flat(shaping, operand, node) for operand in operands)
    return shaping.made("outer", flat, node)


def _flat(shaping: Shaping, operand: Node, node: Node) -> Node:
    return shaping.made("reshape", (operand,), node, shape=reshaped(shaping.shapes[operand], (-1,)))


def _solve(shaping: Shaping, node: Node, operands: tuple[Node, ...]) -> Node:
    right = shaping.shapes[operands[1]]
    return shaping.made("solve_vector" if len(right) == 1 else "solve", operands, node)


def _cumsum(shaping: Shaping, node: Node, operands: tuple[Node, ...], axis: object) -> Node:
    if axis is None and len(shaping.shapes[operands[0]]) != 1:
        operands = (_flat(shaping, operands[0], node),)
    return shaping.made("cumsum", operands, node, axis=0 if axis is None else axis)


def _concatenate(shaping: Shaping, node: Node, operands: tuple[Node, ...], axis: object) -> Node:
    shapes = [shaping.shapes[operand] for operand in operands]
    (place,) = axes_of(axis, max(shapes, key=len))
    sizes = tuple(shape[place] if len(shape) > place else 0 for shape in shapes)
    return shaping.made("concatenate", operands, node, axis=place, sizes=sizes)


def _size(shaping: Shaping, node: Node, operands: tuple[Node, ...], axis: object, ddof: int) -> Node:
    """How many entries lie along the axes, less ddof: A.shape[0]*A.shape[1] - 1."""
    axes = axes_of(axis, shaping.shapes[operands[0]])
    factors = [_extent(shaping, node, operands[0], one) for one in axes] or [shaping.number("1", node)]
    found = factors[0]
    for factor in factors[1:]:
        found = shaping.elementwise(GATES["mul"], (found, factor), node)
    return shaping.elementwise(GATES["sub"], (found, shaping.number(str(ddof), node)), node) if ddof else found


def _reshape(shaping: Shaping, node: Node, operands: tuple[Node, ...], shape: object) -> Node:
    wanted = shape if isinstance(shape, tuple) else (shape,)
    if len(operands) == 2 and len(wanted) == 1 and operands[1].gate.name == "shape":  # X.reshape(A.shape)
        wanted = shaping.shapes[operands[1].operands[0]]
    sizes = tuple(_filled(shaping, entry, operands, node) for entry in wanted)
    return shaping.made("reshape", operands[:1], node, shape=reshaped(shaping.shapes[operands[0]], sizes))


def _filled(shaping: Shaping, entry: object, operands: tuple[Node, ...], node: Node) -> object:
    """A dimension or bound, which may be an operand that is a known whole number."""
    if not isinstance(entry, Hole):
        return entry
    known = shaping.numbers.get(operands[entry.place])
    if known is None:
        raise Misfit("a size is a whole number, or worked out from X.shape[0]")
    return known


def _arange(shaping: Shaping, node: Node, operands: tuple[Node, ...]) -> Node:
    count = shaping.numbers.get(operands[0])
    if count is None:
        raise Misfit("arange takes a whole number, or one worked out from X.shape[0]", "write arange(X.shape[0])")
    new = shaping.graph.array(ARRAY_GATES["arange"], operands, (), node.start, node.end)
    shaping.shapes[new] = (count,)
    new.constant = True
    return new


def _index(shaping: Shaping, node: Node, operands: tuple[Node, ...], index: tuple[object, ...]) -> Node:
    owner, picked = operands[0], []
    if owner.gate.name == "shape" and len(index) == 1 and isinstance(index[0], int):
        return _extent(shaping, node, owner.operands[0], index[0])
    filled: list[object] = []
    for entry in _all_axes(index, len(shaping.shapes[owner])):
        if isinstance(entry, Slice):
            filled.append(Slice(*(_filled(shaping, bound, operands, node) for bound in entry)))
        elif isinstance(entry, Hole) and operands[entry.place] not in shaping.numbers:
            picked.append(_picking(operands[entry.place]))
            filled.append(Hole(len(picked)))
        else:
            filled.append(_filled(shaping, entry, operands, node))
    if not shaping.shapes[owner]:
        raise Misfit("a number has no elements")
    if len(picked) > 2:
        raise Misfit("rows can be picked along two axes at most")
    name = ("index", "pick", "pick2")[len(picked)]
    return shaping.made(name, (owner, *picked), node, index=tuple(filled))


def _picking(node: Node) -> Node:
    """An operand that picks rows, which no condition does: how many rows there were would depend on values."""
    source = node
    while source.gate.name == "copy":
        source = source.operands[0]
    if source.gate.name in CONDITIONS:
        raise Misfit("a condition does not pick entries", "keep the shape: where(X > 0, X, 0), or X * (X > 0)")
    return node


def _all_axes(index: tuple[object, ...], rank: int) -> tuple[object, ...]:
    """An index with ... written out."""
    if index.count(Ellipsis) > 1:
        raise Misfit("... stands once in an index")
    if Ellipsis not in index:
        return index
    place = index.index(Ellipsis)
    left_out = rank - sum(entry not in (None, Ellipsis) for entry in index)
    return (*index[:place], *[Slice(None, None, None)] * left_out, *index[place + 1 :])


def _extent(shaping: Shaping, node: Node, owner: Node, axis: int) -> Node:
    shape = shaping.shapes[owner]
    (place,) = axes_of(axis, shape)
    new = shaping.graph.array(ARRAY_GATES["extent"], (owner,), (("axis", axis),), node.start, node.end)
    shaping.shapes[new] = ()
    shaping.numbers[new] = shape[place]
    new.constant = True  # no gradient goes through a size
    return new


BECOMES: dict[str, Callable[..., Node]] = {
    "matmul": _product,
    "dot": _product,
    "transpose": _transpose,
    "permute": _permute,
    "outer": _outer,
    "solve": _solve,
    "cumsum": _cumsum,
    "concatenate": _concatenate,
    "reshape": _reshape,
    "size": _size,
    "arange": _arange,
    "index": _index,
}
