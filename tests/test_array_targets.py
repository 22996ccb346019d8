"""Code over arrays in languages other than NumPy: written for every row of the table, and run where it can be."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from calculation import calculate
from hypothesis import given, settings
from test_codegen_arrays import programs, shapes_of

from gradcli.calculate import varying
from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.declared import declared_shapes
from gradcli.errors import UsageMistake
from gradcli.naming import names_of
from gradcli.program import Program
from gradcli.shapes import shaped
from gradcli.staging import stage

DATA = Path(__file__).parent / "data" / "arrays.jsonl"
ITEMS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def code(target: str, text: str, shapes: str, ties: str = "first", **options: Any) -> str:
    program = stage(text)
    return generate(shaped(program, declared_shapes(program, (shapes,))), target, Options(**options), ties)


# -- LaTeX --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "shapes", "line"),
    [
        ("D = W @ X", "W=5x10,X=10x3", r"\frac{\partial \mathcal{L}}{\partial D} X^{\top} && 5 \times 10 \tag{1} \\"),
        ("D = W @ X", "W=mxk,X=kxn", r"W^{\top} \frac{\partial \mathcal{L}}{\partial D} && k \times n \tag{1}"),
        ("sum(A * B)", "A=2x3,B=2x3", r"\mathit{AB} &= A \odot B && 2 \times 3 \tag{1} \\"),
        ("sum(c * B)", "c=(),B=2x3", r"\mathit{cB} &= c \cdot B && 2 \times 3 \tag{1} \\"),
        ("sum((A * B) @ v)", "A=2x3,B=2x3,v=3", r"\mathit{AB} v && 2 \tag{2} \\"),
        ("u @ A @ v", "u=2,A=2x3,v=3", r"\mathit{uA} &= u^{\top} A && 3 \tag{1} \\"),
        ("sum(inv(A))", "A=2x2", r"\mathit{invA} &= A^{-1} && 2 \times 2 \tag{1} \\"),
        (
            "X + b",
            "X=4x3,b=3",
            r"\sum_{\text{axis }0}\left(\frac{\partial \mathcal{L}}{\partial f}\right) && 3 \tag{1}",
        ),
        ("sum(P[i, 1:])", "P=4x3,i=2", r"\mathit{Ppicked} &= P{}_{i, 1{:}} && 2 \times 2 \tag{1} \\"),
    ],
)
def test_matrix_calculus(program, shapes, line):
    assert code("latex", program, shapes).count(line) == 1


@pytest.mark.parametrize("form", ["function", "lines", "script"])
def test_latex_is_balanced(form):
    for item in ITEMS:
        text = code("latex", item["expr"], shapes_of(item["at"]), form=form)
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        assert text.count(r"\begin") == text.count(r"\end")
        assert "None" not in text
        assert "Hole" not in text


# -- C ------------------------------------------------------------------------------------


def with_shapes(text: str, point: dict[str, Any]) -> Program:
    program = stage(text)
    return shaped(program, declared_shapes(program, (shapes_of(point),)))


class Compiled(NamedTuple):
    """A program with a point, and the gradient from above if its output is an array."""

    text: str
    point: dict[str, Any]
    ties: str = "first"

    @property
    def above(self) -> Any:
        program = with_shapes(self.text, self.point)
        shape = program.shapes[program.output]
        return np.random.default_rng(3).normal(size=shape) if any(size != 1 for size in shape) else None


def compiled(cases: list[Compiled], folder: Path) -> Any:
    """All programs in one library, with the names f0, f1, ..."""
    texts = [code("c", case.text, shapes_of(case.point), case.ties, name=f"f{n}") for n, case in enumerate(cases)]
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"f{number}.c")
        files[-1].write_text(text, encoding="utf-8")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    library = folder / "all.so"
    command = ["cc", *flags, "-shared", "-fPIC", "-o", str(library), *map(str, files), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(library))


def called(function: Any, case: Compiled) -> tuple[Any, dict[str, Any]]:
    """Value and gradient by the compiled function; arrays go in row by row."""
    program = with_shapes(case.text, case.point)
    pointer = ctypes.POINTER(ctypes.c_double)
    kept: list[Any] = []

    def passed(value: Any) -> Any:
        if np.shape(value) == ():
            return ctypes.c_double(float(value))
        kept.append(np.ascontiguousarray(value, dtype=float))
        return kept[-1].ctypes.data_as(pointer)

    arguments = [passed(case.point[name]) for name in program.variables]
    above, value = case.above, None
    if above is not None:
        value = np.full(program.shapes[program.output], np.nan)
        arguments += [passed(above), value.ctypes.data_as(pointer)]
    gradient = {name: np.full(np.shape(case.point[name]), np.nan) for name in varying(program)}
    arguments += [array.ctypes.data_as(pointer) for array in gradient.values()]
    function.restype = ctypes.c_double if above is None else None
    found = function(*arguments)
    return (found if above is None else value), gradient


def assert_follows_eval(case: Compiled, value: Any, gradient: dict[str, Any]) -> None:
    """Against `gradcli eval` at the same point."""
    program = stage(case.text)
    seed = names_of(program).gradient_of(program.output)
    above = {} if case.above is None else {seed: case.above.tolist()}
    found = calculate(case.text, {**case.point, **above}, ties=case.ties)
    np.testing.assert_allclose(np.ravel(value), np.ravel(found.value), rtol=1e-9, atol=1e-12)
    for name, array in gradient.items():
        np.testing.assert_allclose(array, found.gradient[name], rtol=1e-9, atol=1e-11)


def run_in_c(cases: list[Compiled], folder: Path) -> None:
    library = compiled(cases, folder)
    for number, case in enumerate(cases):
        assert_follows_eval(case, *called(library[f"f{number}"], case))


MATRICES = ("det", "inv", "solve", "cofactor")


def test_the_corpus_in_c(tmp_path):
    cases = [
        Compiled(item["expr"], item["at"]) for item in ITEMS if not any(f"{it}(" in item["expr"] for it in MATRICES)
    ]
    assert len(cases) > 80
    run_in_c(cases, tmp_path)


ROWS = [
    "A @ B", "u @ (2 * u)", "A @ v", "v @ A.T @ u",
    "S @ A", "S @ permute", "outer(u, v)", "A.T", "transpose(S, (2, 0, 1))",
    "reshape(A, (3, 2)) * 2", "A[1, ::-1]", "A[:, np.newaxis, 1:]", "A[y]", "A[y, z] * u", "A[:, z]",
    "concatenate([A, A * 2], axis=1)", "np.stack([u, 2 * u], axis=1)", "sum(A, axis=0)", "mean(S, axis=(0, 2))",
    "mean(A, keepdims=True)", "prod(A, axis=1)", "max(A, axis=1)", "min(A)", "var(A, axis=0)", "std(A, ddof=1)",
    "norm(A, axis=1)", "logsumexp(S, axis=(0, 1), keepdims=True)", "softmax(A, axis=0)", "log_softmax(A, axis=-1)",
    "cumsum(A, axis=1)", "cumsum(A)", "trace(A @ B)", "A / A.shape[0]", "arange(3) * v", "relu(A) + sigmoid(v[0] * v)",
    "where(A > 0, A, v)", "max(A, v, 0.1)", "(A + 1).T @ (u * 2)", "softplus(A) ** 1.5", "norm(0 * A)",
]  # fmt: skip
PLACE = {
    "A": [[0.3, -1.2, 0.7], [1.1, 0.4, -0.6]], "B": [[0.5, 0.2], [-0.4, 0.9], [1.3, -0.8]], "u": [0.6, -0.9],
    "v": [1.4, 0.2, -0.5], "S": [[[0.1, 0.8], [-0.3, 0.5]], [[1.2, -0.7], [0.4, 0.9]], [[0.2, 0.6], [-1.1, 0.3]]],
    "y": [1, 1], "z": [0, -1],
}  # fmt: skip


def rows() -> list[Compiled]:
    """A program for each row of the table, with several operands' shapes for some."""
    texts = [row.replace("permute", "transpose(S, (0, 2, 1))") for row in ROWS]
    return [Compiled(text, {name: PLACE[name] for name in stage(text).variables}) for text in texts]


def test_every_gate_in_c(tmp_path):
    run_in_c(rows(), tmp_path)


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
def test_ties_in_c(ties, tmp_path):
    point = {"w": [2.0, 3.0], "X": [[1.0, 1.0, 0.0], [5.0, 5.0, 5.0]]}
    texts = ["sum(w * max(X, axis=1))", "min(X) * sum(w)", "sum(w * max(w, 2, 2 * w - 2))", "max(X, axis=(0, 1)) * w"]
    cases = [Compiled(text, {name: point[name] for name in stage(text).variables}, ties) for text in texts]
    run_in_c(cases, tmp_path)


def test_random_programs_in_c(tmp_path):
    drawn: list[Compiled] = []

    @settings(max_examples=40, database=None, derandomize=True)
    @given(programs())
    def draw(program: tuple[str, dict[str, Any]]) -> None:
        drawn.append(Compiled(program[0], {name: array.tolist() for name, array in program[1].items()}))

    draw()
    run_in_c(drawn, tmp_path)


@pytest.mark.parametrize("gate", ["det(A)", "sum(inv(A))", "sum(solve(A, A))"])
def test_what_has_no_loops_in_c_is_named(gate):
    with pytest.raises(UsageMistake, match=rf"^c has no {gate.removeprefix('sum(').partition('(')[0]}$"):
        code("c", gate, "A=2x2")


def test_c_asks_for_numbers():
    with pytest.raises(UsageMistake, match="c takes shapes of numbers, and W has the shape \\(m, k\\)"):
        code("c", "W @ X", "W=mxk,X=kxn")


def test_names_in_c_are_free():
    text = code(
        "c", "sum(total * i @ t) + norm(lane) + sum(softmax(n)) * place", "total=2x2,i=2x2,t=2,lane=3,n=3,place=()"
    )
    assert "const double *total, const double *i, const double *t" in text


# -- JAX ----------------------------------------------------------------------------------


def test_jax_is_written_for_every_gate(tmp_path):
    for number, case in enumerate([*rows(), *(Compiled(item["expr"], item["at"]) for item in ITEMS)]):
        text = code("jax", case.text, shapes_of(case.point), name="value")
        compile(text, "<generated>", "exec")
        (tmp_path / f"f{number}.py").write_text(text, encoding="utf-8")
        assert not re.search(r"(?<!j)np\.", text)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore", "E741", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:2000]


def test_jax_follows_eval_where_it_is_installed():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    for case in rows():
        scope: dict[str, Any] = {}
        exec(compile(code("jax", case.text, shapes_of(case.point), name="value"), "<generated>", "exec"), scope)
        program = with_shapes(case.text, case.point)
        given_arrays = [
            np.array(case.point[name], dtype=float if name in varying(program) else int) for name in program.variables
        ]
        value, back = jax.vjp(scope["value"], *given_arrays)
        above = np.ones(np.shape(value)) if case.above is None else case.above
        found = dict(zip(program.variables, back(jax.numpy.asarray(above)), strict=True))
        assert_follows_eval(case, value, {name: np.asarray(found[name]) for name in varying(program)})
