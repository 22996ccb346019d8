"""Programs over arrays: values and gradients against complex steps, and what is promised of them."""

import ast
import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import array_truth
import numpy as np
import pytest
from calculation import calculate
from hypothesis import given
from hypothesis import strategies as st
from transcript import steps

from gradcli.array_evaluate import evaluate_arrays
from gradcli.array_gates import ARRAY_ROWS
from gradcli.errors import GradError, ShapeMistake
from gradcli.gates import GATES, parameters
from gradcli.shapes import shaped
from gradcli.staging import stage

ITEMS = [json.loads(line) for line in (Path(__file__).parent / "data" / "arrays.jsonl").open(encoding="utf-8")]


def close(found: Any, wanted: Any, relative: float = 1e-9) -> bool:
    """Whether two arrays agree, but for noise below the largest entry."""
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    floor = 1e-13 * max(1e-300, float(np.max(np.abs(wanted), initial=0.0)))
    return found.shape == wanted.shape and bool(np.all(np.abs(found - wanted) <= relative * np.abs(wanted) + floor))


def lists(shape: tuple[int, ...], seed: int, low: float = -2.0) -> Any:
    """The same random entries in each run, as nested lists."""
    return np.random.default_rng(seed).uniform(low, 2.0, shape).round(3).tolist()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_value_and_gradient_of_published_formulas(item):
    found = calculate(item["expr"], item["at"])
    floor = 1e-13 * max(abs(item["value"]), *(float(np.max(np.abs(slope))) for slope in item["grad"].values()))
    assert found.value == pytest.approx(item["value"], rel=1e-9, abs=floor)
    for name, slope in item["grad"].items():
        if name in found.gradient:
            assert np.asarray(found.gradient[name]) == pytest.approx(np.asarray(slope), rel=1e-9, abs=floor)


@pytest.mark.parametrize("settings", ["", ", axis=0", ", axis=-1"])
@pytest.mark.parametrize("gate", [gate for gate in ARRAY_ROWS if gate.means], ids=lambda gate: gate.name)
def test_a_gate_that_others_define_is_taken_apart(gate, settings):
    text = f"sum({gate.name}(A{settings})**2)"
    point = {"A": lists((3, 4), 1)}
    whole, apart = calculate(text, point), calculate(text, point, fuse=False)
    assert gate.name in {line.gate for line in whole.lines} - {line.gate for line in apart.lines}
    assert not {line.gate for line in apart.lines} & {row.name for row in ARRAY_ROWS if row.means}
    assert apart.value == pytest.approx(whole.value, rel=1e-13)
    assert close(apart.gradient["A"], whole.gradient["A"], 1e-12)


# One line for each gate and each way to write it: the program, and the shapes of its variables.
PROGRAMS = {
    "sum(A @ B)": {"A": (3, 4), "B": (4, 2)},
    "sum(exp(A @ x))": {"A": (3, 4), "x": (4,)},
    "sum(sin(x @ A))": {"A": (3, 4), "x": (3,)},
    "x @ y": {"x": (4,), "y": (4,)},
    "sum((A @ B)**2)": {"A": (2, 3, 4), "B": (4, 2)},
    "sum((A @ B)**3)": {"A": (5, 2, 3), "B": (5, 3, 2)},
    "sum((A @ x)**2)": {"A": (2, 3, 4), "x": (4,)},
    "sum((x @ A)**2)": {"A": (2, 3, 4), "x": (3,)},
    "sum(A.dot(B).T @ C)": {"A": (3, 4), "B": (4, 2), "C": (3, 2)},
    "sum(np.dot(A, x)**2)": {"A": (3, 4), "x": (4,)},
    "sum(outer(x, y)**2)": {"x": (3,), "y": (2,)},
    "sum((A + b) * c)": {"A": (3, 4), "b": (4,), "c": (3, 1)},
    "sum(A * s + s)": {"A": (3, 2), "s": ()},
    "sum(a / b)": {"a": (3, 1), "b": (1, 4)},
    "sum(A**2 / (1 + B**2))": {"A": (2, 3), "B": (3,)},
    "sum(sum(A, axis=0)**2)": {"A": (3, 4)},
    "sum(A.sum(axis=1, keepdims=True) * A)": {"A": (3, 4)},
    "sum(np.sum(A, (0, 2))**3)": {"A": (3, 4, 2)},
    "sum(mean(A, axis=-1)**2)": {"A": (3, 4)},
    "prod(x) + sum(prod(A, axis=1))": {"x": (4,), "A": (2, 3)},
    "sum(max(A, axis=0) * b)": {"A": (3, 4), "b": (4,)},
    "sum(np.min(A, 1)**2)": {"A": (3, 4)},
    "max(A) * min(A)": {"A": (3, 4)},
    "sum(max(A, b) * min(A, 0.5))": {"A": (3, 4), "b": (4,)},
    "sum(np.maximum(0, A)**2)": {"A": (3, 4)},
    "sum(var(A, axis=0) * b)": {"A": (3, 4), "b": (4,)},
    "var(A, ddof=1) + std(A)": {"A": (3, 4)},
    "sum(std(A, axis=1, keepdims=True) * A)": {"A": (3, 4)},
    "norm(A) + sum(norm(A, axis=1)**3)": {"A": (3, 4)},
    "logsumexp(x) * sum(logsumexp(A, axis=1))": {"x": (4,), "A": (3, 4)},
    "sum(softmax(A) * B)": {"A": (3, 4), "B": (3, 4)},
    "sum(log_softmax(A, axis=0) * B)": {"A": (3, 4), "B": (3, 4)},
    "sum(cumsum(A, axis=1)**2)": {"A": (3, 4)},
    "sum(cumsum(A)**2)": {"A": (2, 3)},
    "trace(A @ B)**2": {"A": (3, 4), "B": (4, 3)},
    "det(A) * tr(A)": {"A": (3, 3)},
    "sum(inv(A) * B)": {"A": (3, 3), "B": (3, 3)},
    "sum(solve(A, x)**2)": {"A": (3, 3), "x": (3,)},
    "sum(solve(A, B)**2)": {"A": (3, 3), "B": (3, 2)},
    "sum(reshape(A, (4, -1)) @ B)": {"A": (3, 4), "B": (3, 2)},
    "sum(transpose(A, (1, 2, 0)) * B)": {"A": (2, 3, 4), "B": (3, 4, 2)},
    "sum(A.T * B)": {"A": (2, 3, 4), "B": (4, 3, 2)},
    "x[0] * x[-1] + sum(x[1:] * x[:-1])": {"x": (5,)},
    "sum(A[1]**2) + sum(A[:, 0] * A[:, -1]) + A[0, 1]": {"A": (3, 4)},
    "sum(A[::2, 1:3]**2) + sum(A[::-1]**3)": {"A": (4, 4)},
    "sum(concatenate([A, B], axis=1)**2)": {"A": (2, 3), "B": (2, 1)},
    "sum(stack([x, y], axis=1)**3)": {"x": (3,), "y": (3,)},
    "sum(softmax([x[0], x[1], y]) * [y, x[0], 2]) + sum(x)": {"x": (3,), "y": ()},
    "h = A @ x; h[0] * sum(h[1:])": {"A": (3, 4), "x": (4,)},
    "sum(where(A > 0, A * b, exp(A)))": {"A": (3, 4), "b": (4,)},
    "sum(sigmoid(A) + relu(A) + abs(A) + hypot(A, b) + erf(A))": {"A": (3, 4), "b": (4,)},
    "N = X.shape[0]; sum(X)**2 / N": {"X": (3, 4)},
}


@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
@pytest.mark.parametrize("text", PROGRAMS)
def test_gradients_agree_with_complex_steps(text, fuse):
    point = {name: lists(shape, seed) for seed, (name, shape) in enumerate(PROGRAMS[text].items())}
    found = calculate(text, point, fuse=fuse)
    assert found.value == pytest.approx(array_truth.value(text, point), rel=1e-12)
    for name in point:
        assert close(found.gradient[name], array_truth.gradient(text, point, name)), name


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_printed_stages_are_the_same_program(text):
    point = {name: lists(shape, seed) for seed, (name, shape) in enumerate(PROGRAMS[text].items())}
    found = calculate(text, point)
    again = calculate("; ".join(f"{line.name} = {line.code}" for line in found.lines), point)
    assert again.value == found.value
    assert again.stages == found.stages
    assert all(again.gradient[name] == found.gradient[name] for name in point)


def test_rows_that_are_picked_twice_receive_both_gradients():
    found = calculate(
        "sum(P[i, y] * w)", {"P": [[1.0, 2.0], [3.0, 4.0]], "i": [0, 0, 1], "y": [1, 1, 0], "w": [1, 2, 3]}
    )
    assert found.value == 2 + 4 + 9
    assert found.gradient["P"] == [[0.0, 3.0], [3.0, 0.0]]
    assert found.gradient["w"] == [2.0, 2.0, 3.0]


def test_the_note_two_layer_net_as_it_is_pasted():
    text = """
N = X.shape[0]
hidden = np.maximum(0, np.dot(X, W) + b)
scores = hidden.dot(W2) + b2
s = scores - np.max(scores, axis=1, keepdims=True)
probs = np.exp(s) / np.sum(np.exp(s), axis=1, keepdims=True)
loss = np.sum(-np.log(probs[np.arange(N), y])) / N + 0.5*reg*np.sum(W*W)
"""
    point = {"X": lists((5, 2), 1), "W": lists((2, 4), 2), "b": lists((4,), 3), "W2": lists((4, 3), 4)}
    point |= {"b2": lists((3,), 5), "y": [0, 2, 1, 1, 0], "reg": 1e-3}
    found = calculate(text, point)
    assert found.value == pytest.approx(array_truth.value(text, point), rel=1e-12)
    for name in ("X", "W", "b", "W2", "b2", "reg"):
        assert close(found.gradient[name], array_truth.gradient(text, point, name)), name


SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "arrays").glob("*.grad"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_agree_with_complex_steps(path):
    text = path.read_text(encoding="utf-8")
    command = shlex.split(next(steps(path.with_suffix(".console").read_text(encoding="utf-8"))).command)
    given = [value for option, value in itertools.pairwise(command) if option == "--at"]
    found = re.findall(r"(\w+)=(\[.*?\](?=,\w|$)|[^,\[]+)", ",".join(given))
    point = {name: ast.literal_eval(written) for name, written in found}
    result = calculate(text, point)
    for name in set(point) - {"y", "dD"}:
        output = text if "dD" not in point else text + "sum(D * dD)"
        assert close(result.gradient[name], array_truth.gradient(output, point, name)), name


# -- kinks and edges ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ties", "slopes"),
    [("first", [0.0, 1.0, 0.0]), ("last", [0.0, 0.0, 1.0]), ("split", [0.0, 0.5, 0.5]), ("both", [0.0, 1.0, 1.0])],
)
def test_a_tie_of_the_largest_entry_follows_the_rule(ties, slopes):
    found = calculate("max(v)", {"v": [1.0, 5.0, 5.0]}, ties=ties)
    assert found.gradient["v"] == slopes
    assert [finding.kind for finding in found.warnings] == ["tie"]


@pytest.mark.parametrize(
    ("ties", "slopes"), [("first", [0.0, 1.0]), ("last", [0.0, 0.0]), ("split", [0.0, 0.5]), ("both", [0.0, 1.0])]
)
def test_a_tie_with_a_number_follows_the_rule_in_each_entry(ties, slopes):
    assert calculate("sum(max(v, 0))", {"v": [-1.0, 0.0]}, ties=ties).gradient["v"] == slopes


@pytest.mark.parametrize("text", ["norm(v)", "sum(abs(v))", "sum(relu(v))", "std(v)", "sum(hypot(v, v))"])
def test_at_the_origin_slopes_are_zero_with_a_warning(text):
    found = calculate(text, {"v": [0.0, 0.0, 0.0]})
    assert found.gradient["v"] == [0.0, 0.0, 0.0]
    assert [finding.kind for finding in found.warnings] == ["kink"]


def test_stable_gates_neither_overflow_nor_warn():
    at = {"v": [1000.0, 999.0, -1000.0]}
    for text in ("logsumexp(v)", "softmax(v)[0]", "-log_softmax(v)[2] / 1000", "norm(1e200*v) / 1e200"):
        found = calculate(text, at)
        assert np.isfinite(found.value) and np.isfinite(found.gradient["v"]).all()
        assert found.warnings == []


def test_the_product_of_the_others_is_right_at_zeros():
    assert calculate("prod(v)", {"v": [2.0, 0.0, 3.0]}).gradient["v"] == [0.0, 6.0, 0.0]
    assert calculate("prod(v)", {"v": [0.0, 0.0, 3.0]}).gradient["v"] == [0.0, 0.0, 0.0]


def test_the_cofactors_are_right_where_the_determinant_is_zero():
    found = calculate("det(A)", {"A": [[1.0, 2.0], [2.0, 4.0]]})
    assert np.asarray(found.gradient["A"]) == pytest.approx(np.array([[4.0, -2.0], [-2.0, 1.0]]))


def test_what_is_not_chosen_receives_zero_where_the_gradient_from_above_is_infinite():
    assert calculate("sum(sqrt(relu(v)))", {"v": [-1.0, 4.0]}).gradient["v"] == [0.0, 0.25]


def test_where_a_nan_is_born_is_said_with_the_entry():
    (first, *_) = calculate("sum(log(v))", {"v": [1.0, -1.0]}).warnings
    assert (first.kind, first.stage) == ("nonfinite", "logv")
    assert "nan in 1 of 2 entries, first [1]" in first.message


def test_values_are_worked_out_without_warnings_of_numpy(recwarn):
    calculate("sum(1/v) + sum(log(v)) + sum(exp(1000*v))", {"v": [0.0, -1.0, 1.0]})
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


# -- an output that is an array ----------------------------------------------------------


def test_an_array_output_takes_the_gradient_from_above():
    text, at = "D = W.dot(X)", {"W": lists((5, 10), 1), "X": lists((10, 3), 2), "dD": lists((5, 3), 3)}
    found = calculate(text, at)
    assert np.asarray(found.gradient["W"]) == pytest.approx(np.array(at["dD"]) @ np.array(at["X"]).T)
    assert np.asarray(found.gradient["X"]) == pytest.approx(np.array(at["W"]).T @ np.array(at["dD"]))


def test_without_it_the_error_proposes_a_sum():
    with pytest.raises(GradError) as caught:
        calculate("D = W.dot(X)", {"W": [[1.0, 2.0]], "X": [[1.0, 2.0], [3.0, 4.0]]})
    assert "(1, 2)" in caught.value.message
    assert "sum(D)" in caught.value.hint and "--at dD=" in caught.value.hint


def test_an_array_of_one_entry_is_a_number():
    assert calculate("W @ x", {"W": [[1.0, 2.0]], "x": [3.0, 4.0]}).gradient["x"] == [1.0, 2.0]


# -- memory -------------------------------------------------------------------------------


def test_no_two_gradients_share_what_is_accumulated():
    found = calculate("a = x + y; sum(a*a) + sum(x*3) + sum(y)", {"x": [1.0, 2.0], "y": [3.0, 4.0]})
    assert found.gradient["x"] == [11.0, 15.0]
    assert found.gradient["y"] == [9.0, 13.0]
    assert found.named["a"].gradient == [8.0, 12.0]


# -- numbers and arrays agree ------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["x*y + x/y", "(x + y)**2 - x*x*y", "max(x, y)*min(x, 2) + abs(x - y)", "sqrt(x*x + y*y)"]
)
def test_each_entry_has_the_bits_of_the_program_of_numbers(text):
    xs, ys = lists((7,), 1), lists((7,), 2)
    over_arrays = calculate(f"sum({text})", {"x": xs, "y": ys})
    for place, (x, y) in enumerate(zip(xs, ys, strict=True)):
        alone = calculate(text, {"x": x, "y": y})
        assert over_arrays.gradient["x"][place] == alone.gradient["x"]
        assert over_arrays.gradient["y"][place] == alone.gradient["y"]


@pytest.mark.parametrize(
    "text",
    [
        "sum(outer(v, v))",
        "sum(v[:, None, None] * v[:, None] * v)",
        "v[0] * sum(arange(10000000000000))",
        "sum(concatenate([v[:, None] + v, v[:, None] + v]))",
    ],
)
def test_an_array_that_no_memory_holds_is_refused_before_it_is_made(text):
    with pytest.raises(ShapeMistake) as caught:
        calculate(text, {"v": [1.0] * 100_000})
    assert "at most 1,000,000,000 entries" in caught.value.hint


def test_none_is_an_axis_in_an_index_and_a_name_elsewhere() -> None:
    found = calculate("sum(X[None, :] * X[:, None]) * None", "X=[1,2],None=3")
    assert list(found.gradient) == ["X", "None"]
    assert found.value == 3 * (1 + 2) ** 2


# -- numbers and arrays of them -----------------------------------------------------------

ENTRIES = st.floats(-4, 4).map(lambda x: round(x, 2))
OPERATORS = ["+", "-", "*", "/"]
CALLS = ["max({}, {})", "min({}, {})", "where({} > 0, {}, 1)", "relu({}) * {}", "abs({}) - {}", "sqrt(abs({})) + {}"]


def larger(inner: Any) -> Any:
    """An expression of two others, without a function that NumPy may round otherwise than Python."""
    pairs = st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda three: "({} {} {})".format(*three))
    calls = st.tuples(st.sampled_from(CALLS), inner, inner).map(lambda three: three[0].format(*three[1:]))
    return st.one_of(pairs, calls)


EXPRESSIONS = st.recursive(st.sampled_from(["x", "y", "2", "0.5"]), larger, max_leaves=8).map(lambda f: f"{f} + 0*x*y")


def over_arrays(text: str, point: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Value and gradient by the way of arrays, also where all shapes are ()."""
    arrays = {name: np.asarray(value, dtype=float) for name, value in point.items()}
    program = shaped(stage(text), {name: array.shape for name, array in arrays.items()})
    leaves = {leaf: arrays[leaf.static.base] for leaf in program.inputs}
    found = evaluate_arrays(program, leaves, seed=np.ones(program.shapes[program.output]))
    slopes = {leaf.static.base: found.gradients[leaf.index] for leaf in program.inputs}
    return found.values[program.output.index], slopes


def assert_entry_by_entry(text: str, points: list[dict[str, float]], relative: float) -> None:
    """The program of numbers at each point is the program over arrays of shape () and (n,)."""
    whole, slopes = over_arrays(text, {name: [point[name] for point in points] for name in points[0]})
    for place, point in enumerate(points):
        single, (alone, own) = calculate(text, point), over_arrays(text, point)
        pairs = [(single.value, whole[place]), (single.value, alone)]
        for name, slope in single.gradient.items():
            pairs += [(slope, found) for found in (slopes[name], own[name]) if found is None and slope]
            if slopes[name] is not None:
                pairs += [(slope, slopes[name][place]), (slope, own[name])]
        for wanted, found in pairs:
            assert wanted == pytest.approx(float(found), rel=relative, abs=0, nan_ok=True)


@given(EXPRESSIONS, st.lists(st.tuples(ENTRIES, ENTRIES), min_size=1, max_size=4))
def test_a_program_over_arrays_is_that_of_numbers_bit_for_bit(text, pairs):
    assert_entry_by_entry(text, [dict(zip("xy", pair, strict=True)) for pair in pairs], 0)


@pytest.mark.parametrize("gate", list(GATES.values()), ids=list(GATES))
def test_a_gate_over_arrays_is_that_of_numbers_up_to_the_rounding_of_numpy(gate):
    source = np.random.default_rng(len(gate.form))
    letters = parameters(gate)
    points = [
        {letter: float(source.uniform(*between)) for letter, between in zip(letters, gate.near, strict=True)}
        for _ in range(8)
    ]
    assert_entry_by_entry(gate.form.replace(", ...", ""), points, 1e-13)


# -- nothing in them ----------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["prod", "max", "min", "sum", "norm"])
@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_an_array_without_entries_has_a_gradient_without_entries(gate, shape):
    program = shaped(
        stage(f"sum({gate}(A, axis={1 if gate in ('prod', 'sum', 'norm') else int(shape[0] == 0)})) + s"),
        {"A": shape, "s": ()},
    )
    found = evaluate_arrays(program, {leaf: np.zeros(program.shapes[leaf]) for leaf in program.inputs})
    gradients = {leaf.static.base: found.gradients[leaf.index] for leaf in program.inputs}
    assert np.shape(gradients["A"]) == shape and gradients["s"] == 1


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
def test_a_product_of_comparisons_of_nothing_is_one(ties):
    assert calculate("norm(prod(y1 == x0, axis=0))", {"y1": [], "x0": []}, ties).value == 1
