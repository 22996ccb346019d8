"""The shape of each row of the table: from the shapes of its operands and its static parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradcli.dimensions import Misfit, Shape, axes_of, broadcast, indexed, reduced, reshaped, shown, written
from gradcli.sizes import plus

REDUCING = ("sum", "mean", "prod", "amax", "amin", "var", "std", "norm", "logsumexp")
ALONG = ("softmax", "log_softmax", "cumsum")
MOST_AXES = 32  # NumPy's limit was this for decades


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


SHAPE_OF: dict[str, Callable[[list[Shape], Mapping[str, object]], Shape]] = {
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
