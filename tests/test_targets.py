"""Emitted code is run: every gate in every language, at kinks and beyond every domain, against what `eval` gives."""

from __future__ import annotations

import ast
import itertools
import random
from math import inf, isfinite, nan
from pathlib import Path

import languages
import pytest
from languages import Case, Result, bits, evaluated, ulps

from gradcli.backward import TIES
from gradcli.codegen import TARGETS, generate
from gradcli.codegen.target import Options
from gradcli.errors import UsageMistake
from gradcli.gates import GATES, Gate, parameters, variadic
from gradcli.staging import stage

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -1000.0, 1000.0, 1e308, 5e-324, inf, -inf, nan]
LACKING = {"javascript": {"erf", "erfc", "gelu"}, "torch": {"cbrt"}}
needs_cc = pytest.mark.skipif(languages.CC is None, reason="there is no C compiler")
needs_node = pytest.mark.skipif(languages.NODE is None, reason="there is no node")


def written(gate: Gate) -> str:
    return gate.form.replace(", ...", "")


def points(gate: Gate) -> list[dict[str, float]]:
    """Inside the domain, and all edges combined."""
    source, letters = random.Random(gate.name), list(parameters(gate))
    inside = [[source.uniform(*between) for between in gate.near] for _ in range(12)]
    apart = zip(*(_shuffled(seed) for seed in range(3)), strict=True)
    edges = itertools.product(EDGES, repeat=len(letters)) if len(letters) < 3 else apart
    return [dict(zip(letters, values, strict=True)) for values in [*inside, *edges]]


def _shuffled(seed: int) -> list[float]:
    values = EDGES * 6
    random.Random(seed).shuffle(values)
    return values


def alone(target: str) -> list[Case]:
    """Each gate the language has, as the whole program, under each rule for ties that matters to it."""
    gates = [gate for gate in GATES.values() if gate.name not in LACKING.get(target, ())]
    return [
        Case(written(gate), points(gate), ties) for gate in gates for ties in (TIES if variadic(gate) else ["first"])
    ]


def many_operands() -> list[Case]:
    """max and min of more operands, one of them twice, at points full of ties."""
    source = random.Random(7)
    choices = [0.0, -0.0, 1.0, 2.0, nan, inf, -inf]
    drawn = [{letter: source.choice(choices) for letter in "abcd"} for _ in range(60)]
    return [Case(f"{name}(a, b, c, d, b, 1)*2", drawn, ties) for name in ("max", "min") for ties in TIES]


def assert_close(found: list[list[Result]], cases: list[Case], most: float = 4) -> None:
    for case, results in zip(cases, found, strict=True):
        for values, want, got in zip(case.points, evaluated(case), results, strict=True):
            pairs = zip((got.value, *got.gradient), (want.value, *want.gradient), strict=True)
            assert all(ulps(one, other) <= most for one, other in pairs), (case.text, case.ties, values, want, got)


def assert_same_bits(cases: list[Case]) -> None:
    """Plain Python, wherever eval is finite; where it raises instead, something on the way is not finite."""
    for case, results in zip(cases, languages.python(cases), strict=True):
        for values, want, got in zip(case.points, evaluated(case), results, strict=True):
            if isinstance(got, Exception) or not all(map(isfinite, _numbers(values))):
                continue
            for one, other in zip((got.value, *got.gradient), (want.value, *want.gradient), strict=True):
                assert not isfinite(other) or bits(one) == bits(other), (case.text, case.ties, values, want, got)


def _numbers(values: languages.Values) -> list[float]:
    return [number for value in values.values() for number in languages.flat(value)]


# -- every gate in every language ---------------------------------------------------------


def test_python_gives_the_bits_of_eval():
    assert_same_bits(alone("python") + many_operands())


def test_python_raises_only_where_something_is_not_finite():
    for case, results in zip(alone("python"), languages.python(alone("python")), strict=True):
        for values, want, got in zip(case.points, evaluated(case), results, strict=True):
            if isinstance(got, Exception) and all(map(isfinite, values.values())):
                assert not all(map(isfinite, (want.value, *want.gradient))), (case.text, values, want, got)


@needs_cc
def test_c_follows_eval_everywhere(tmp_path):
    cases = alone("c") + many_operands()
    assert_close(languages.c(cases, tmp_path), cases)


@needs_node
def test_javascript_follows_eval_everywhere(tmp_path):
    cases = alone("javascript") + many_operands()
    assert_close(languages.javascript(cases, tmp_path), cases)


def test_numpy_follows_eval_everywhere():
    cases = [case._replace(points=[at for at in case.points if not _odd_root(case, at)]) for case in alone("numpy")]
    assert_close(languages.numpy(cases + many_operands()), cases + many_operands(), 8)


def _odd_root(case: Case, values: languages.Values) -> bool:
    """(-inf)**0.5 is inf in IEEE 754; NumPy takes the square root, which is nan."""
    return case.text == "a ** b" and values["a"] == -inf and values["b"] == 0.5


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("gate", GATES.values(), ids=lambda gate: gate.name)
def test_a_gate_is_written_or_named_in_an_error(gate, target):
    if gate.name in LACKING.get(target, ()):
        with pytest.raises(UsageMistake) as raised:
            generate(stage(written(gate)), target, Options())
        assert target in raised.value.message
        return
    for ties in TIES if variadic(gate) else ["first"]:
        text = generate(
            stage(f"3*{written(gate)} + 1" if "<" not in gate.form else written(gate)), target, Options(), ties
        )
        if target in ("python", "numpy", "torch", "jax"):
            ast.parse(text)


@pytest.mark.parametrize("package", ["torch", "jax"])
def test_tensors_follow_eval(package):
    pytest.importorskip(package)
    cases = [case._replace(points=case.points[:12]) for case in alone(package)]
    assert_close(languages.tensors(cases, package), cases, 1000)
    ties = [case._replace(points=[at for at in case.points if -inf < min(at.values())]) for case in many_operands()]
    assert_close(languages.tensors(ties, package), ties)


# -- whole programs -----------------------------------------------------------------------


def programs(count: int, seed: int = 1) -> list[Case]:
    """Random programs of shared stages whose values stay moderate, each with a point and a rule for ties."""
    source = random.Random(seed)
    return [_program(source, list(TIES)[number % 4]) for number in range(count)]


def _program(source: random.Random, ties: str) -> Case:
    names = ["x", "y", "z", "w[0]", "w[1]"]
    lines = []
    for number in range(source.randint(2, 9)):
        a, b, c = (source.choice(names[-6:]) for _ in range(3))
        shape = source.choice(SHAPES)
        lines.append(f"t{number} = {shape.format(a=a, b=b, c=c)}")
        names.append(f"t{number}")
    lines.append(" + ".join(dict.fromkeys(source.choices(names, k=4))))
    grid = [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]  # few numbers, so that there are ties
    values = {"x": source.choice(grid), "y": source.choice(grid), "z": source.uniform(-2, 2), "w": [0.5, -1.0, 3.0]}
    program = stage("; ".join(lines))
    return Case("; ".join(lines), [{name: values[name] for name in program.variables}], ties)


SHAPES = [
    "{a} + {b}", "{a} - {b}*{c}", "{a}*{b}", "{a}/(2 + {b}**2)", "sin({a})", "exp(-{a}**2)", "sigmoid({a})",
    "tanh({a})", "max({a}, {b})", "min({a}, {b}, {c})", "max({a}, 0)", "relu({a})", "abs({a})", "softplus({a})",
    "where({a} > {b}, {b}, {c})", "log(1 + {a}**2)", "sqrt(1 + {a}**2)", "hypot({a}, {b})", "atan2({a}, 3 + {b}**2)",
    "{a}*{b} + {c}*{a} - 2*{b}", "2**sin({a})", "cos({a})*2*pi", "-({a} - {b})", "leaky_relu({a})", "{a}/4", "{a}**2",
]  # fmt: skip


def assert_near(found: list[list[Result]], cases: list[Case]) -> None:
    """A few units in the last place of the largest number; rounding differs by library and is passed on."""
    for case, (got,) in zip(cases, found, strict=True):
        (want,) = evaluated(case)
        scale = max(map(abs, (want.value, *want.gradient)))
        for one, other in zip((got.value, *got.gradient), (want.value, *want.gradient), strict=True):
            assert abs(one - other) <= 1e-12 * (abs(other) + 0.01 * scale), (case.text, case.points, want, got)


def test_random_programs_in_python_have_the_bits_of_eval():
    cases = programs(1000)
    assert not any(isinstance(result, Exception) for (result,) in languages.python(cases))
    assert_same_bits(cases)


@needs_cc
def test_random_programs_in_c(tmp_path):
    cases = programs(1000)
    assert_near(languages.c(cases, tmp_path), cases)


@needs_node
def test_random_programs_in_javascript(tmp_path):
    cases = programs(1000)
    assert_near(languages.javascript(cases, tmp_path), cases)


def test_random_programs_in_numpy():
    cases = programs(1000)
    assert_near(languages.numpy(cases), cases)


CORPUS = Path(__file__).parent / "data" / "corpus.jsonl"


def corpus() -> list[Case]:
    """Formulas from the literature, each at its point."""
    import json

    rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    return [Case(row["expr"], [{name: _floats(value) for name, value in row["at"].items()}]) for row in rows]


def _floats(value: object) -> object:
    return [_floats(part) for part in value] if isinstance(value, list) else float(value)  # type: ignore[arg-type]


def test_corpus_in_python_has_the_bits_of_eval():
    assert_same_bits(corpus())


@needs_cc
def test_corpus_in_c(tmp_path):
    cases = corpus()
    assert_near(languages.c(cases, tmp_path), cases)
