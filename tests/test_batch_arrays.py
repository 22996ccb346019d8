"""Tables for programs over arrays: rows that equal NumPy formulas written by hand, formats, bad rows, shapes."""

import json

import numpy as np
import pytest
from test_batch import gradcli, mistake, table

from gradcli.batch import arrays
from gradcli.batch.jsonl import Lines
from gradcli.batch.source import Chunk
from gradcli.point import Point
from gradcli.shapes import shaped
from gradcli.staging import stage

SQUARES = "sum((X @ w)**2) * y"
ROWS = [
    {"X": [[1, 2], [3, 4]], "y": 3, "id": "a"},
    {"X": [[0.5, -1], [2, 0], [1e-3, 7]], "y": -2.5, "id": "b"},
    {"X": [[1, 1], [4, 9]], "y": 0.25, "id": "c"},
]


def lines_of(*objects: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


def by_hand(x: np.ndarray, w: np.ndarray, y: float) -> dict[str, object]:
    """The backward pass of SQUARES."""
    s = x @ w
    return {"f": s @ s * y, "dX": 2 * y * np.outer(s, w), "dw": 2 * y * (x.T @ s), "dy": s @ s}


def assert_rows(found: list[dict[str, object]], wanted: list[dict[str, object]]) -> None:
    assert len(found) == len(wanted)
    for row, right in zip(found, wanted, strict=True):
        assert list(row)[-len(right) :] == list(right)
        for name, value in right.items():
            assert np.shape(row[name]) == np.shape(value)
            np.testing.assert_allclose(row[name], value, rtol=1e-14)


def test_a_row_of_arrays_has_its_value_and_gradients():
    found = [json.loads(line) for line in table(SQUARES, lines_of(*ROWS), "--at", "w=[1,-2]").splitlines()]
    assert_rows(found, [by_hand(np.array(row["X"]), np.array([1, -2]), row["y"]) for row in ROWS])
    assert [row["id"] for row in found] == ["a", "b", "c"]


def test_a_matrix_from_a_file_is_fixed_for_all_rows(tmp_path):
    w = np.random.default_rng(1).normal(size=(2, 3))
    np.save(tmp_path / "W.npy", w)
    text = table("sum(tanh(X @ W))", lines_of(*ROWS), "--at", f"W=@{tmp_path / 'W.npy'}", "--only=dX")
    for line, row in zip(text.splitlines(), ROWS, strict=True):
        np.testing.assert_allclose(json.loads(line)["dX"], (1 - np.tanh(np.array(row["X"]) @ w) ** 2) @ w.T, rtol=1e-12)


@pytest.mark.parametrize("to", ["csv", "tsv"])
def test_lists_are_json_in_the_cells_of_csv_and_can_be_read_again(to, tmp_path):
    first = table(SQUARES, lines_of(*ROWS), "--at", "w=[1,-2]", "--to", to)
    assert first.splitlines()[0].split({"csv": ",", "tsv": "\t"}[to]) == ["X", "y", "id", "f", "dX", "dw", "dy"]
    again = table("sum(dX * dX) + sum(dw)", first, "--from", to, "--to", "jsonl", "--only=f,ddw")
    wanted = [by_hand(np.array(row["X"]), np.array([1, -2]), row["y"]) for row in ROWS]
    assert_rows(
        [json.loads(line) for line in again.splitlines()],
        [{"f": np.sum(row["dX"] ** 2) + np.sum(row["dw"]), "ddw": np.ones(2)} for row in wanted],
    )


def test_columns_of_entries_are_a_vector_and_a_matrix():
    data = 'w[0],w[1],"A[0,0]","A[0,1]"\n1,2,3,4\n-1,.5,0,2e1\n'
    found = [json.loads(line) for line in table("sum(A @ w)", data, "--to", "jsonl").splitlines()]
    wanted = [{"f": 11.0, "dA": [[1, 2]], "dw": [3, 4]}, {"f": 10.0, "dA": [[-1, 0.5]], "dw": [0, 20]}]
    assert_rows(found, wanted)


def test_a_gradient_from_above_is_a_column():
    x, w = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[1.0, 0], [2, -1]])
    above = np.array([[1.0, 2], [0, 1], [3, 3]])
    data = lines_of({"X": x.tolist(), "dD": above.tolist()}, {"X": x.tolist(), "dD": [1, 2]})
    found = gradcli("D = X @ W", "--data", "-", "--at", "W=[[1,0],[2,-1]]", data=data)
    assert found.stderr == "error: line 2: 'dD' has the shape (2,), and D has (3, 2)\n"
    row, bad = map(json.loads, found.stdout.splitlines())
    assert_rows([row], [{"D": x @ w, "dX": above @ w.T, "dW": x.T @ above}])
    assert bad["D"] is bad["dX"] is bad["dW"] is None


def test_what_picks_rows_has_no_gradient():
    text = "z = S - max(S, axis=1, keepdims=True); sum(logsumexp(z, axis=1) - z[arange(S.shape[0]), y])"
    data = lines_of({"S": [[1, 2, 0.5], [0, 0, 3]], "y": [1, 0]})
    (row,) = map(json.loads, table(text, data).splitlines())
    assert set(row) == {"S", "y", "f", "dS"}
    raised = np.exp([[1, 2, 0.5], [0, 0, 3]])
    soft = raised / raised.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(row["dS"], soft - [[0, 1, 0], [1, 0, 0]], rtol=1e-12)


BAD = lines_of(
    ROWS[0],
    {"X": [[1, 2], [3]], "y": 1},
    {"X": [1, 2, 3], "y": 1},
    {"X": "a", "y": 1},
    {"y": 1},
    {"X": [[1, "x"]], "y": 1},
    {"X": [[1, None]], "y": 1},
    {"X": [[1, 2]], "y": [1, [2]]},
    ROWS[1],
)
SAID = [
    "line 2, column 'X': the rows of the list differ in length",
    "line 3: X @ w with X a vector of 3 and w a vector of 2: inner dimensions 3 and 2 differ;",
    "line 4, column 'X': 'a' is no number",
    "line 5, column 'X': is missing",
    "line 6, column 'X': 'x' is no number",
    "line 7, column 'X': null is no number",
    "line 8, column 'y': the rows of the list differ in length",
]


@pytest.mark.parametrize("errors", ["keep", "skip", "stop"])
def test_a_bad_row_is_named_and_the_others_are_computed(errors):
    found = gradcli(SQUARES, "--data", "-", "--at", "w=[1,-2]", "--errors", errors, data=BAD)
    said = [line.removeprefix("error: ") for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert found.returncode == 2
    for sentence, start in zip(said, SAID[:1] if errors == "stop" else SAID, strict=True):
        assert sentence.startswith(start)
    values = [json.loads(line)["f"] for line in found.stdout.splitlines()]
    first, last = (by_hand(np.array(row["X"]), np.array([1, -2]), row["y"])["f"] for row in ROWS[:2])
    wanted = {"keep": [first, *[None] * 7, last], "skip": [first, last], "stop": [first]}[errors]
    assert [value is None for value in values] == [value is None for value in wanted]
    np.testing.assert_allclose(np.array(values, dtype=float), np.array(wanted, dtype=float), rtol=1e-14)


def test_ties_and_numbers_that_are_not_finite_are_counted_by_stage():
    data = lines_of({"x": [1, 1]}, {"x": [1, 2]}, {"x": ["Infinity", 3]})
    found = gradcli("m = max(x); f = m - 1", "--data", "-", "--ties", "split", data=data)
    assert "m is at a tie in 1 row: " in found.stderr and "x is nan or inf in 1 row" in found.stderr
    first, second, third = map(json.loads, found.stdout.splitlines())
    assert (first["dx"], second["dx"], third["f"]) == ([0.5, 0.5], [0, 1], "Infinity")
    strict = gradcli("max(x)", "--data", "-", "--strict", data=data)
    assert strict.returncode == 2 and "error: f is at a tie" in strict.stderr


def test_what_does_not_bind_is_said_before_anything_is_written():
    data = lines_of(*ROWS)
    assert "the data have no column 'w'" in mistake(SQUARES, data)
    assert "given twice: 'X'" in mistake(SQUARES, data, "--at", "X=[[1,2]],w=[1,2]")
    assert "the program has no input 'v'" in mistake(SQUARES, data, "--at", "w=[1,2],v=3")
    assert "given twice: 'w'" in mistake("sum(w)", "w,w[0]\n[1],1\n")
    assert "no value for 'w[1]'" in mistake("sum(w)", "w[0],w[2]\n1,1\n")
    assert "two columns are called 'w[1]'" in mistake("sum(w)", "w[0],w[1],w[1]\n1,1,1\n")
    assert "--only: there is no 'dz'" in mistake(SQUARES, data, "--at", "w=[1,2]", "--only=dz")


def test_an_output_that_is_an_array_wants_the_gradient_from_above():
    found = gradcli("X @ w", "--data", "-", "--at", "w=[1,2]", data=lines_of(ROWS[0]))
    assert "line 1: f is an array of shape (2,), and a gradient is that of a number; write sum(X @ w)" in found.stderr


def test_rows_of_the_same_shapes_are_shaped_once(monkeypatch):
    seen = []

    def counted(program, shapes, fuse):
        seen.append(tuple(shapes.values()))
        return shaped(program, shapes, fuse)

    monkeypatch.setattr(arrays, "shaped", counted)
    program = stage(SQUARES)
    reader = Lines(iter([Chunk(lines_of(*ROWS, {"X": [[1, 2, 3]], "y": 1}) * 5)]))
    found = arrays.sources(program, reader.columns, Point({"w": [1.0, -2.0]}, frozenset()))
    work = arrays.Arrays(program, found, program.variables, "first", True)
    done = [work.computed(block) for block in reader.blocks()]
    assert sum(len(each.results["f"]) for each in done) == 15 and len(done[0].faults) == 5
    assert sorted(seen) == [((1, 3), (2,), ()), ((2, 2), (2,), ()), ((3, 2), (2,), ())]


def test_empty_arrays_have_gradients_too():
    data = lines_of({"x": []}, {"x": [2]})
    first, second = map(json.loads, table("sum(x * x)", data).splitlines())
    assert (first["f"], first["dx"], second["dx"]) == (0, [], [4])


def test_what_is_not_for_arrays_is_refused():
    data = lines_of(*ROWS)
    assert "--kernel c is for programs of numbers" in mistake(SQUARES, data, "--at", "w=[1,2]", "--kernel", "c")
    assert "--to jsonl writes them as lists" in mistake(SQUARES, data, "--at", "w=[1,2]", "--to", "parquet")


def test_a_name_behind_only_is_written_with_an_equals_sign():
    assert "\n  --only=dx\n" in gradcli("x*y", "--only", "dx", "--data", "-", data="x,y\n1,2\n").stderr
