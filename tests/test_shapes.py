"""Shapes: what NumPy would give, dimensions that are letters, and the one repair that fits.

Thirty wrong programs with their whole messages lie in samples/errors/.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from gradcli.array_gates import Hole, Slice
from gradcli.dimensions import Misfit, broadcast, indexed, reduced, reshaped
from gradcli.errors import ShapeMistake
from gradcli.shapes import shaped
from gradcli.staging import stage

sizes = some.integers(0, 4)
shapes = some.lists(sizes, max_size=4).map(tuple)


@given(shapes, shapes)
def test_broadcasting_is_that_of_numpy(left, right):
    try:
        wanted = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(Misfit):
            broadcast([left, right])
    else:
        assert broadcast([left, right]) == wanted


@given(shapes.filter(len), some.one_of(some.none(), some.integers(-4, 3)), some.booleans())
def test_reductions_are_those_of_numpy(shape, axis, keepdims):
    try:
        wanted = np.sum(np.zeros(shape), axis=axis, keepdims=keepdims).shape
    except np.exceptions.AxisError:
        with pytest.raises(Misfit):
            reduced(shape, axis, keepdims)
    else:
        assert reduced(shape, axis, keepdims) == wanted


@given(shapes, some.lists(some.integers(-1, 6), min_size=1, max_size=3).map(tuple))
def test_reshaping_is_that_of_numpy(shape, wanted):
    try:
        result = np.zeros(shape).reshape(wanted).shape
    except ValueError:
        with pytest.raises(Misfit):
            reshaped(shape, wanted)
    else:
        assert reshaped(shape, wanted) == result


bounds = some.one_of(some.none(), some.integers(-5, 5))
steps = some.one_of(some.none(), some.sampled_from([-2, -1, 1, 2]))
entries = some.one_of(some.integers(-5, 5), some.builds(Slice, bounds, bounds, steps), some.just(Hole(1)))


@given(shapes, some.lists(entries, min_size=1, max_size=4).map(tuple))
def test_indexing_is_that_of_numpy(shape, index):
    rows = np.zeros(3, dtype=int)
    key = tuple(slice(*entry) if isinstance(entry, Slice) else rows if entry == Hole(1) else entry for entry in index)
    picked = [(3,) for entry in index if entry == Hole(1)]
    try:
        wanted = np.zeros(shape)[key].shape
    except IndexError:
        if not picked or 0 not in shape:  # whether rows exist is known only with their values
            with pytest.raises(Misfit):
                indexed(shape, index, picked)
    else:
        assert indexed(shape, index, picked) == wanted


# -- dimensions that are letters ----------------------------------------------------------

LETTERS = {"W": ("m", "k"), "X": ("k", "n"), "v": ("k",), "b": ("m", 1), "y": ("n",)}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("W @ X", ("m", "n")),
        ("(W @ X).T", ("n", "m")),
        ("W @ v", ("m",)),
        ("v @ X", ("n",)),
        ("W @ X + b", ("m", "n")),
        ("W @ X * y", ("m", "n")),
        ("sum(W @ X, axis=1)", ("m",)),
        ("sum(W, axis=0, keepdims=True)", (1, "k")),
        ("softmax(W @ X, axis=1)", ("m", "n")),
        ("outer(v, y)", ("k", "n")),
        ("X[0]", ("n",)),
        ("X[:, 0]", ("k",)),
        ("X[arange(X.shape[0]), 0]", ("k",)),
        ("X.shape[1] * v", ("k",)),
    ],
)
def test_letters_go_through(text, shape):
    program = stage(text)
    program = shaped(program, {name: LETTERS[name] for name in program.variables})
    assert program.shapes[program.output] == shape


@pytest.mark.parametrize(
    ("text", "hint"),
    [("X @ W", "W @ X would fit (mxn)"), ("W @ X.T", "W @ X would fit (mxn)"), ("W + v * b.T", "")],
)
def test_letters_that_differ_do_not_fit(text, hint):
    program = stage(text)
    with pytest.raises(ShapeMistake) as caught:
        shaped(program, {name: LETTERS[name] for name in program.variables})
    assert hint in caught.value.hint


# -- which row a written gate becomes -----------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "gate"),
    [
        ((3,), (3,), "dot"),
        ((2, 3), (3,), "matvec"),
        ((3,), (3, 2), "vecmat"),
        ((2, 3), (3, 4), "matmul"),
        ((5, 2, 3), (3, 4), "bmm"),
    ],
)
def test_a_product_becomes_the_row_that_fits(left, right, gate):
    for text in ("A @ B", "matmul(A, B)"):
        program = shaped(stage(text), {"A": left, "B": right})
        assert program.output.gate.name == gate


def test_elements_of_a_variable_that_is_used_whole_are_indices():
    whole = shaped(stage("sum(x) * x[0]"), {"x": (3,)})
    assert [str(leaf.static) for leaf in whole.inputs] == ["x"]
    single = shaped(stage("sum(y) * x[0] * x[1]"), {"x": (2,), "y": (3,)})
    assert [str(leaf.static) for leaf in single.inputs] == ["y", "x[0]", "x[1]"]


def test_static_parameters_tell_nodes_apart():
    program = shaped(
        stage("sum(sum(X, axis=1)) + sum(sum(X, axis=1, keepdims=True)) + X[0, 0] + X[1, 0]"), {"X": (2, 2)}
    )
    assert len({node for node in program.order if node.gate.name in ("sum", "index")}) == 6
