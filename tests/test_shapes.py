"""Shapes: what NumPy would give, dimensions that are letters, and the one repair that fits.

Thirty wrong programs with their whole messages lie in samples/errors/.
"""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as some

from gradcli.array_gates import Hole, Slice
from gradcli.declared import declared_shapes
from gradcli.dimensions import Misfit, broadcast, indexed, reduced, reshaped
from gradcli.errors import ShapeMistake
from gradcli.shapes import shaped
from gradcli.sizes import minus, plus, quotient, times
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
        ("X[1:, :-1]", ("k - 1", "n - 1")),
        ("X[:2]", (2, "n")),
        ("X[-2:]", (2, "n")),
        ("X[:, ::-1]", ("k", "n")),
        ("concatenate([X, X, v.reshape(-1, 1)], axis=1)", ("k", "2*n + 1")),
        ("X.reshape(-1)", ("k*n",)),
        ("(W @ X).reshape(X.shape[1], -1)", ("n", "m")),
        ("X.reshape(X.shape[0] * X.shape[1], 1)", ("k*n", 1)),
        ("stack([v, v])", (2, "k")),
        ("arange(2*X.shape[0] - 1)", ("2*k - 1",)),
        ("M = X.shape[0]; X[arange(M), 0]", ("k",)),
    ],
)
def test_letters_go_through(text, shape):
    program = stage(text)
    program = shaped(program, {name: LETTERS[name] for name in program.variables})
    assert program.shapes[program.output] == shape


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("X @ W", "W @ X would fit (mxn)"),
        ("W @ X.T", "W @ X would fit (mxn)"),
        ("W + v * b.T", ""),
        ("W.reshape(X.shape[0], -1) + X", ""),
        ("concatenate([W, X])", ""),
        ("X.reshape(X.shape[0], 3)", ""),
        ("det(W)", ""),
    ],
)
def test_letters_that_differ_do_not_fit(text, hint):
    program = stage(text)
    with pytest.raises(ShapeMistake) as caught:
        shaped(program, {name: LETTERS[name] for name in program.variables})
    assert hint in caught.value.hint


terms = some.lists(some.tuples(some.integers(-3, 3), some.lists(some.sampled_from("abc"), max_size=2)), max_size=3)


def dimension(given):
    return plus(*(times(count, *names) for count, names in given))


def sum_of_symbols(given):
    return sympy.Add(*(count * sympy.prod(map(sympy.Symbol, names)) for count, names in given))


@given(terms, terms)
def test_arithmetic_with_sizes_is_that_of_polynomials(left, right):
    first, second = sum_of_symbols(left), sum_of_symbols(right)
    results = {plus: first + second, minus: first - second, times: first * second}
    for function, wanted in results.items():
        found = function(dimension(left), dimension(right))
        assert sympy.sympify(found) == sympy.expand(wanted)
        assert isinstance(found, int) == sympy.expand(wanted).is_number
    assert (dimension(left) == dimension(right)) == (sympy.expand(first - second) == 0)


@given(terms, terms)
def test_a_quotient_of_sizes_multiplied_gives_the_whole(left, right):
    whole, part = times(dimension(left), dimension(right)), dimension(right)
    found = quotient(whole, part)
    assert found is None or times(found, part) == whole
    if len(sympy.Add.make_args(sympy.expand(sum_of_symbols(right)))) == 1 and part != 0:
        assert found == dimension(left)


# -- shapes as they are declared ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("W=5x10", (5, 10)),
        ("W=mxk", ("m", "k")),
        ("W = 5 x 10 ", (5, 10)),
        ("W=(5, 10)", (5, 10)),
        ("W=5×10", (5, 10)),
        ("W=10", (10,)),
        ("W=(10,)", (10,)),
        ("W=n", ("n",)),
        ("W=()", ()),
        ("W=1", (1,)),
        ("W=0x3", (0, 3)),
        ("W=Nx3x32x32", ("N", 3, 32, 32)),
        ("W=(batch, max_len)", ("batch", "max_len")),
    ],
)
def test_a_shape_is_declared(text, shape):
    assert declared_shapes(stage("sum(W)*s"), (text,)) == {"W": shape, "s": ()}


def test_what_is_not_declared_is_a_number_or_as_long_as_its_elements():
    program = stage("W @ X * s + w[2] * V[1, 0]")
    assert declared_shapes(program, ("W=5x10", "X=10x3")) == {
        "W": (5, 10), "X": (10, 3), "s": (), "w": (3,), "V": (2, 1)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "message", "place"),
    [
        (("W=5x10,W=3x3",), "'W' is declared twice", "W"),
        (("W=5x10", "W=5x10"), "'W' is declared twice", "W"),
        (("V=5x10",), "the program has no input 'V'", "V"),
        (("W=5x10,Q=1,R=2",), "the program has no input 'Q', 'R'", "Q"),
        (("pi=3",), "'pi' is a constant", "pi"),
        (("H=3",), "'H' is assigned in the program", "H"),
        (("W=5x",), "'5x' is no shape: a size is missing", "5x"),
        (("W=",), "'' is no shape", "W="),
        (("W=5x-1",), "'-1' is no size", "5x-1"),
        (("W=5.5",), "'5.5' is no size", "5.5"),
        (("W",), "'W' is no name=shape", "W"),
        (("X=3x3, W:5x10",), "'W:5x10' is no name=shape", "W:5x10"),
        (("W=" + "x".join(["2"] * 33),), "an array has at most 32 axes", "2x"),
        (("W=" + "9" * 400,), "is no size", "99"),
    ],
)
def test_a_shape_that_cannot_be_declared(texts, message, place):
    with pytest.raises(ShapeMistake) as caught:
        declared_shapes(stage("H = W @ X; sum(H)"), texts)
    assert message in caught.value.message
    assert caught.value.title == "--shape" and caught.value.source == texts[-1]
    assert caught.value.source[caught.value.span.start : caught.value.span.end].startswith(place)


# -- repairs ------------------------------------------------------------------------------

SIZES = {"W": (5, 10), "X": (3, 10), "Y": (10, 3), "A": (3, 3), "u": (3,), "v": (10,), "w": (4,)}


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("W @ X", "W @ X", "W @ X.T"),
        ("Y @ W", "Y @ W", "W @ Y"),
        ("W.T @ X", "W.T @ X", "X @ W.T"),
        ("(W * 2) @ X", "(W * 2) @ X", "(W * 2) @ X.T"),
        ("X @ u", "X @ u", "X.T @ u"),
        ("u @ w", "u @ w", "outer(u, w)"),
        ("X + Y", "Y", "Y.T"),
        ("X * u", "u", "u[:, None]"),
        ("X - X.max(axis=1)", "X.max(axis=1)", "X.max(axis=1, keepdims=True)"),
        ("X / np.sum(X, axis=1)", "np.sum(X, axis=1)", "np.sum(X, axis=1, keepdims=True)"),
        ("X.reshape(5, 5)", "", ""),
        ("X.reshape(3, 11)", "(3, 11)", "(3, -1)"),
        ("X.reshape(4, 10)", "(4, 10)", "(-1, 10)"),
        ("concatenate([W, X], axis=1)", "axis=1", "axis=0"),
        ("concatenate([X, u], axis=1)", "u]", "u[:, None]]"),
        ("concatenate([X, v])", "v]", "v[None]]"),
        ("concatenate([X, Y])", "", ""),
        ("[u, v]", "[u, v]", "concatenate([u, v])"),
        ("solve(A, Y)", "Y)", "Y.T)"),
        ("sum(u, axis=1)", "axis=1", "axis=0"),
        ("u * w", "", ""),
        ("det(X)", "", ""),
    ],
)
def test_a_repair_is_proposed_where_there_is_one_and_it_fits(text, wrong, right):
    def with_shapes(text):
        program = stage(text)
        return shaped(program, {name: SIZES[name] for name in program.variables})

    with pytest.raises(ShapeMistake) as caught:
        with_shapes(text)
    if not right:
        assert "would fit" not in caught.value.hint
        return
    assert right.rstrip("])") in caught.value.hint
    with_shapes(text.replace(wrong, right))


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
