"""Generated NumPy over arrays: run, and held against trusted values, complex steps and the course's formulas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import array_truth
import numpy as np
import pytest
from calculation import calculate
from hypothesis import given
from hypothesis import strategies as st

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.declared import declared_shapes
from gradcli.errors import GradError, UsageMistake
from gradcli.shapes import shaped
from gradcli.staging import stage

DATA = Path(__file__).parent / "data" / "arrays.jsonl"
ITEMS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
NET = (Path(__file__).parents[1] / "samples" / "arrays" / "two_layer_net.grad").read_text(encoding="utf-8")
NET_SHAPES = "X=NxD,W1=DxH,b1=H,W2=HxK,b2=K,y=N"


def code(text: str, shapes: str, wrt: list[str] | None = None, ties: str = "first", **options: Any) -> str:
    program = stage(text)
    return generate(shaped(program, declared_shapes(program, (shapes,))), "numpy", Options(**options), ties, wrt)


def run(text: str, *arguments: Any) -> tuple[Any, dict[str, Any]]:
    """The function of a text, called with arrays that nobody may change."""
    scope: dict[str, Any] = {}
    exec(compile(text, "<generated>", "exec"), scope)
    given_arrays = [np.array(value) for value in arguments]
    for array in given_arrays:
        array.flags.writeable = False
    found: tuple[Any, dict[str, Any]] = scope["value_and_gradient"](*given_arrays)
    return found


def shapes_of(point: dict[str, Any]) -> str:
    return ",".join(f"{name}={'x'.join(map(str, np.shape(value))) or '()'}" for name, value in point.items())


# -- what is written ----------------------------------------------------------------------


def test_the_note_s_product_of_matrices():
    text = code("D = W.dot(X)", "W=5x10,X=10x3")
    assert "    D = W @ X  # (5, 3)\n" in text
    assert "    dW = dD @ X.T\n    dX = W.T @ dD\n" in text
    assert "def value_and_gradient(W, X, dD):" in text


@pytest.mark.parametrize(
    ("program", "shapes", "line"),
    [
        ("X + b", "X=4x3,b=3", "db = np.sum(df, axis=0)"),
        ("X + b", "X=4x3,b=4x1", "db = np.sum(df, axis=1, keepdims=True)"),
        ("X + b", "X=4x3,b=()", "db = np.sum(df)"),
        ("X + b", "X=4x3,b=4x3", "db = np.copy(df)"),
        ("X * b", "X=4x3,b=3", "db = np.sum(X * df, axis=0)"),
        ("A.T @ B", "A=4x3,B=4x2", "dA = np.copy(dAT.T)"),
        ("sum(W*W)", "W=4x3", "dW = 2 * W"),
        ("sum(X + b)", "X=4x3,b=3", "db = np.full_like(b, 4.0)"),
        ("mean(X, axis=0) @ w", "X=4x3,w=3", "dX = np.full_like(X, w / 4)"),
        ("mean(X, axis=0) @ w", "X=nx3,w=3", "dX = np.full_like(X, w / X.shape[0])"),
        ("softmax(s, axis=1)", "s=4x3", "ds = f * (df - np.sum(df * f, axis=1, keepdims=True))"),
        ("P[arange(4), y]", "P=4x3,y=4", "dP[np.arange(4), y] = df"),
        ("P[i]", "P=4x3,i=2", "np.add.at(dP, i, df)"),
        ("relu(x)", "x=4", "dx = np.where(x > 0, df, 0.0)"),
    ],
)
def test_the_shortest_code(program, shapes, line):
    assert f"    {line}\n" in code(program, shapes)


def test_wrt_leaves_out_what_leads_elsewhere():
    text = code(NET, NET_SHAPES, ["W1"])
    assert "dX " not in text
    assert "db2" not in text
    assert '{"W1": dW1}' in text


def test_the_same_bytes_in_any_process():
    command = [sys.executable, "-m", "gradcli", "codegen", "--target", "numpy", "--shape", NET_SHAPES, NET]
    texts = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("0", "1", "7")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("target", ["python", "javascript", "torch"])
def test_a_language_without_arrays_says_so(target):
    program = stage("sum(X)")
    with pytest.raises(UsageMistake, match=f"code for {target} is written for programs of numbers"):
        generate(shaped(program, {"X": (2, 3)}), target, Options())


def test_shapes_are_asked_for():
    done = subprocess.run(
        [sys.executable, "-m", "gradcli", "codegen", "--target", "numpy", "W @ X"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--shape W=...,X=..." in done.stderr
    assert not done.stdout


def test_a_point_gives_the_shapes_too():
    command = [sys.executable, "-m", "gradcli", "codegen", "--target", "numpy", "W @ x"]
    given_point = subprocess.run([*command, "--at", "W=[[1,2],[3,4],[5,6]],x=[1,2]"], capture_output=True, text=True)
    declared = subprocess.run([*command, "--shape", "W=3x2,x=2"], capture_output=True, text=True)
    assert given_point.stdout == declared.stdout != ""
    missing = subprocess.run([*command, "--at", "W=[[1,2],[3,4]]"], capture_output=True, text=True)
    assert missing.returncode == 2
    assert "no value for 'x'" in missing.stderr


def test_ruff_has_nothing_to_say(tmp_path):
    for number, item in enumerate(ITEMS):
        text = code(item["expr"], shapes_of(item["at"]))
        (tmp_path / f"item{number}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore", "E741", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:2000]


# -- what it computes ---------------------------------------------------------------------


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_the_corpus(item):
    names = stage(item["expr"]).variables
    value, gradient = run(code(item["expr"], shapes_of(item["at"])), *(item["at"][name] for name in names))
    np.testing.assert_allclose(np.ravel(value), item["value"], rtol=1e-9, atol=1e-12)
    for name, wanted in item["grad"].items():
        if name in gradient:
            assert np.shape(gradient[name]) == np.shape(wanted)
            np.testing.assert_allclose(gradient[name], wanted, rtol=1e-7, atol=1e-10)
        else:
            assert not np.any(wanted), "only whole numbers that pick rows have no gradient"


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_in_place_the_corpus_has_the_numbers_of_the_readable_code(item):
    names, shapes = stage(item["expr"]).variables, shapes_of(item["at"])
    given_values = [item["at"][name] for name in names]
    value, gradient = run(code(item["expr"], shapes), *given_values)
    scope: dict[str, Any] = {}
    exec(code(item["expr"], shapes, inplace=True), scope)
    for factor in (1.5, 1.0):  # the second call writes over what the first one has left
        arrays = [np.array(given_value) for given_value in given_values]
        arrays = [array if array.dtype.kind == "i" else np.asarray(factor * array) for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        with np.errstate(all="ignore"):
            found = scope["value_and_gradient"](*arrays)
    np.testing.assert_allclose(found[0], value, rtol=1e-12)
    assert found[1].keys() == gradient.keys()
    for name, wanted in gradient.items():
        assert np.shape(found[1][name]) == np.shape(wanted)
        np.testing.assert_allclose(found[1][name], wanted, rtol=1e-11, atol=1e-14)
        assert not any(np.shares_memory(found[1][name], array) for array in arrays)


def test_in_place_nothing_is_made_but_at_the_first_call():
    text = code("h = max(0, X @ W + b); sum(exp(-h))", "X=nxd,W=dxk,b=k", inplace=True)
    assert "h = np.maximum(XWpb, 0.0, out=buffer0)" in text
    scope: dict[str, Any] = {}
    exec(text, scope)
    first = scope["value_and_gradient"](np.ones((4, 3)), np.ones((3, 2)), np.ones(2))[1]
    second = scope["value_and_gradient"](np.ones((4, 3)), np.ones((3, 2)), np.zeros(2))[1]
    assert all(np.shares_memory(first[name], second[name]) for name in first)
    other = scope["value_and_gradient"](np.ones((5, 3)), np.ones((3, 2)), np.zeros(2))[1]
    assert other["X"].shape == (5, 3)


def test_in_place_what_is_not_chosen_receives_0_also_from_inf_and_nan():
    text = code("sum(w * max(0, x * y))", "w=4,x=4,y=4", inplace=True)
    scope: dict[str, Any] = {}
    exec(text, scope)
    w, x = np.array([np.inf, np.nan, np.inf, 2.0]), np.array([-1.0, -2.0, 3.0, 4.0])
    with np.errstate(all="ignore"):
        _, gradient = scope["value_and_gradient"](w, x, np.ones(4))
    assert gradient["x"].tolist() == [0.0, 0.0, np.inf, 2.0]


def test_in_place_names_of_its_own_are_free_for_variables():
    text = code("sum(exp(memory) * shapes * buffer0 * t1)", "memory=2,shapes=2,buffer0=2,t1=2", inplace=True)
    _, gradient = run(text, [0.0, 0.0], [1.0, 2.0], [1.0, 3.0], [5.0, 1.0])
    assert gradient["memory"].tolist() == [5.0, 6.0]
    assert gradient["t1"].tolist() == [1.0, 6.0]


def test_in_place_is_for_numpy_over_arrays():
    with pytest.raises(UsageMistake, match="--inplace is for NumPy over arrays"):
        generate(stage("x*y"), "numpy", Options(inplace=True))
    with pytest.raises(UsageMistake, match="--inplace has no --form lines"):
        code("sum(x)", "x=3", inplace=True, form="lines")


SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (4, 2, 3), (4, 1, 1)]
STEPS = [
    "{a} + {b}", "{a} * {b}", "{a} - {b}", "{a} / ({b}*{b} + 1)", "sin({a})", "exp(-{a}*{a})", "sum({a})",
    "max({a}, {b})",
    "mean({a})", "where({a} > 0, {a}, {b})", "tanh({a}) * {b} + {a}", "relu({a}) + {b}*{a}", "sum({a} * {b})", "-{a}",
    "{a} + {b} + {a}*{b} - {b}", "var({a}) * {b}", "logsumexp({a}) + {b}", "min({a}, {b}, 0.3)",
]  # fmt: skip


@st.composite
def programs(draw: Any) -> tuple[str, dict[str, Any]]:
    """A program over broadcast shapes, and a point without ties."""
    names = ["x", "y", "z"]
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    point = {name: random.normal(size=draw(st.sampled_from(SHAPES))) for name in names}
    lines = []
    for number in range(draw(st.integers(1, 6))):
        a, b = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        lines.append(f"q{number} = {draw(st.sampled_from(STEPS)).format(a=a, b=b)}")
        names.append(f"q{number}")
    lines.append(f"sum({names[-1]} * x) + sum(y * z)")
    return "\n".join(lines), point


@given(programs())
def test_random_programs_agree_with_complex_steps(drawn):
    text, point = drawn
    program = stage(text)
    arguments = [point[name] for name in program.variables]
    value, gradient = run(code(text, shapes_of(point)), *arguments)
    inplace, others = run(code(text, shapes_of(point), inplace=True), *arguments)
    assert inplace == pytest.approx(value, rel=1e-11, abs=1e-13)
    assert value == pytest.approx(array_truth.value(text, point), rel=1e-9, abs=1e-12)
    for name in program.variables:
        wanted = array_truth.gradient(text, point, name)
        assert np.shape(gradient[name]) == np.shape(point[name])
        np.testing.assert_allclose(gradient[name], wanted, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(others[name], wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
@pytest.mark.parametrize("text", ["sum(w * max(X, axis=1))", "sum(w * min(X, axis=1))", "max(X) * sum(w)"])
def test_ties_along_axes_go_where_eval_sends_them(text, ties):
    point = {"w": [2.0, 3.0], "X": [[1.0, 1.0, 0.0], [5.0, 5.0, 5.0]]}
    program = stage(text)
    found = calculate(text, point, ties=ties)
    _, gradient = run(code(text, shapes_of(point), ties=ties), *(point[name] for name in program.variables))
    for name in point:
        np.testing.assert_allclose(gradient[name], found.gradient[name], rtol=1e-15)


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
def test_ties_of_many_operands_go_where_eval_sends_them(ties):
    text = "sum(v * max(x, y, z))"
    point = {"v": [1.0, 2.0, 3.0], "x": [1.0, 1.0, 0.0], "y": [1.0, 2.0, 0.0], "z": [1.0, 2.0, 0.0]}
    found = calculate(text, point, ties=ties)
    _, gradient = run(code(text, shapes_of(point), ties=ties), *(point[name] for name in ("v", "x", "y", "z")))
    for name in point:
        np.testing.assert_allclose(gradient[name], found.gradient[name], rtol=1e-15)


def test_no_two_gradients_share_their_memory():
    _, gradient = run(code("x + y + z.T.T", "x=3x3,y=3x3,z=3x3"), *[np.ones((3, 3))] * 4)
    arrays = list(gradient.values())
    assert not any(np.shares_memory(a, b) for a in arrays for b in arrays if a is not b)


def test_a_gradient_that_was_stretched_can_be_changed():
    _, gradient = run(code("sum(reshape(X.T, (6,))) + sum(X.T * Y.T)", "X=2x3,Y=2x3"), np.ones((2, 3)), np.ones((2, 3)))
    assert gradient["X"].tolist() == [[2.0] * 3] * 2
    assert all(array.flags.writeable for array in gradient.values())


def test_names_of_functions_are_free_for_variables():
    text = code("sum(softmax * softmax(first, axis=0)) + prod(np) + norm(others)", "softmax=2,first=2,np=2,others=2")
    _, gradient = run(text, [1.0, 2.0], [0.5, 0.1], [3.0, 0.0], [3.0, 4.0])
    assert gradient["np"].tolist() == [0.0, 3.0]
    assert gradient["others"].tolist() == pytest.approx([0.6, 0.8])


def test_the_net_learns_the_spiral():
    random = np.random.default_rng(0)
    points, classes = 100, 3
    radius = np.linspace(0, 1, points)
    data = np.vstack(
        [_arm(radius, 4 * arm + np.linspace(0, 4, points) + 0.2 * random.normal(size=points)) for arm in range(3)]
    )
    y = np.repeat(np.arange(classes), points)
    net = {"W1": 0.01 * random.normal(size=(2, 100)), "b1": np.zeros(100)}
    net |= {"W2": 0.01 * random.normal(size=(100, classes)), "b2": np.zeros(classes)}
    scope: dict[str, Any] = {}
    exec(code(NET, NET_SHAPES, list(net)), scope)
    for _ in range(3000):
        named = {**net, "X": data, "y": y, "reg": 1e-3}
        _, gradient = scope["value_and_gradient"](*(named[name] for name in stage(NET).variables))
        net = {name: value - gradient[name] for name, value in net.items()}
    scores = np.maximum(0, data @ net["W1"] + net["b1"]) @ net["W2"] + net["b2"]
    assert np.mean(scores.argmax(axis=1) == y) >= 0.9


def _arm(radius: Any, angle: Any) -> Any:
    return np.c_[radius * np.sin(angle), radius * np.cos(angle)]


def test_what_has_no_numbers_for_its_sizes_is_an_error():
    with pytest.raises(GradError):
        code("reshape(X, (2, 3)) @ w", "X=mxn,w=3")
