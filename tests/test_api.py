"""gradcli from Python: what is called gives the bits of `evaluate`, at numbers and at arrays of points."""

from __future__ import annotations

import doctest
import importlib
import itertools
import json
import math
import random
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calculation import calculate

import gradcli
from gradcli.backward import TIES
from gradcli.errors import Span
from gradcli.gates import GATES, Gate, parameters, variadic

NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1000.0, -1000.0, 1e308, 5e-324, math.inf, -math.inf, math.nan]
CORPUS = [json.loads(line) for line in (Path(__file__).parent / "data" / "corpus.jsonl").open(encoding="utf-8")]
DOCUMENTED = ("gradcli", "gradcli.api.compiled")


def bits(number: float) -> bytes:
    """A float's own bits; every nan is the same."""
    return struct.pack("<d", number) if number == number else b"nan"


def leaves(value: Any) -> list[float]:
    return [number for part in value for number in leaves(part)] if isinstance(value, list) else [value]


def same(found: tuple[Any, dict[str, Any]], text: str, point: dict[str, Any], ties: str = "first") -> bool:
    """Whether a call gave what `evaluate` gives, line by line, bit for bit."""
    wanted = calculate(text, point, ties)
    ours = {f"{name}{place}": x for name, part in found[1].items() for place, x in enumerate(leaves(part))}
    theirs = {name: wanted.gradient.get(name, 0.0) for name in point if not isinstance(point[name], list)}
    theirs |= {
        f"{name}[{place}]": wanted.gradient.get(f"{name}[{place}]", 0.0)
        for name, part in point.items()
        if isinstance(part, list)
        for place in range(len(part))
    }
    return bits(found[0]) == bits(wanted.value) and list(map(bits, ours.values())) == list(map(bits, theirs.values()))


@pytest.mark.parametrize("module", DOCUMENTED)
def test_what_the_documentation_shows(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed


def test_what_the_readme_shows() -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    sessions = "".join(re.findall(r"^```python\n(>>> .*?)^```$", text, re.MULTILINE | re.DOTALL))
    found = doctest.DocTestParser().get_doctest(sessions, {}, "README", "README.md", 0)
    assert len(found.examples) > 5 and not doctest.DocTestRunner().run(found).failed


# -- numbers ------------------------------------------------------------------------------


def written(gate: Gate) -> str:
    return gate.form.replace(", ...", "")


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_gate_gives_the_bits_of_evaluate_inside_its_domain_and_at_all_edges(gate: Gate) -> None:
    letters, text = parameters(gate), written(gate)
    source = random.Random(gate.name)
    edges = (
        itertools.product(EDGES, repeat=len(letters))
        if len(letters) < 3
        else zip(EDGES, EDGES[3:], EDGES[5:], strict=False)
    )
    points = [tuple(source.uniform(*between) for between in gate.near) for _ in range(20)] + list(edges)
    for ties in TIES if variadic(gate) else ("first",):
        f = gradcli.compile(text, ties=ties)
        for numbers in points:
            point = {letter: value for letter, value in zip(letters, numbers, strict=True) if letter in f.variables}
            assert same(f(**point), text, point, ties), (ties, point)


@pytest.mark.parametrize("ties", TIES)
def test_many_operands_at_ties_and_nans(ties: str) -> None:
    text, source = "max(a, b, c, d, b, 1)*2 - min(a, b, c)", random.Random(1)
    f = gradcli.compile(text, ties=ties)
    for _ in range(200):
        point = {letter: source.choice([0.0, -0.0, 1.0, 2.0, math.nan, math.inf, -math.inf]) for letter in "abcd"}
        assert same(f(**point), text, point, ties), point


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item["id"])
def test_formulas_of_the_corpus(item: dict[str, Any]) -> None:
    f = gradcli.compile(item["expr"])
    point = {name: item["at"][name] for name in f.variables}
    point = json.loads(json.dumps(point), parse_int=float)
    assert same(f(point), item["expr"], point)


def test_the_first_call_and_the_next_by_position_by_name_and_by_mapping() -> None:
    f = gradcli.compile(NOTE)
    wanted = calculate(NOTE, "x=3,y=-4")
    for found in (f(3.0, -4.0), f(3, -4), f(x=3.0, y=-4), f(3.0, y=-4.0), f({"x": 3, "y": -4.0}), f(np.float32(3), -4)):
        assert found == (wanted.value, wanted.gradient)
        assert type(found[0]) is float and all(type(slope) is float for slope in found[1].values())


def test_names_that_python_has_other_uses_for() -> None:
    assert gradcli.gradient("lambda*exp + f*_exp", {"lambda": 2, "exp": 3}, f=5, _exp=7) == {
        "lambda": 3.0, "exp": 2.0, "f": 7.0, "_exp": 5.0,
    }  # fmt: skip
    f = gradcli.compile("lambda**2 * type + self*args")
    assert f(lambda_=3.0, type=2.0, self=1.0, args=4.0) == f(3.0, 2.0, 1.0, 4.0)
    assert f.gradient(**{"lambda": 3, "type": 2, "self": 1, "args": 4})["lambda"] == 12.0


def test_options() -> None:
    assert gradcli.compile("x*y", wrt="y")(3.0, -4.0) == (-12.0, {"y": 3.0})
    assert gradcli.compile("max(x, y)", ties="split")(1.0, 1.0)[1] == {"x": 0.5, "y": 0.5}
    assert [stage.gate for stage in gradcli.compile("1/(1 + exp(-x))", fuse=False).stages()] == [
        "neg", "exp", "add", "div",
    ]  # fmt: skip


def test_a_program_too_large_for_a_function_is_computed_as_well() -> None:
    found = gradcli.compile("x" + " + sin(x)" * 3 + "*x" * 6000)(1.0)
    assert found[1]["x"] == pytest.approx(1 + 3 * math.cos(1) + 6000 * math.sin(1), rel=1e-12)


# -- arrays -------------------------------------------------------------------------------


def test_many_points_are_those_of_single_calls_bit_for_bit() -> None:
    f, source = gradcli.compile(NOTE), np.random.default_rng(0)
    x, y = source.normal(size=9000), source.normal(size=9000)
    value, gradient = f(x, y)
    assert value.shape == gradient["x"].shape == (9000,)
    for place in range(0, 9000, 97):
        single = f(float(x[place]), float(y[place]))
        assert (value[place], {name: part[place] for name, part in gradient.items()}) == single


def test_points_are_broadcast_and_elements_stay_behind() -> None:
    f = gradcli.compile("w[0]*x + w[2]")
    value, gradient = f(w=[[2.0, 0, 1], [3.0, 0, -1]], x=5)
    assert value.tolist() == [11.0, 14.0]
    assert gradient["w"].tolist() == [[5, 0, 1], [5, 0, 1]] and gradient["x"].tolist() == [2, 3]
    grid, slopes = gradcli.compile("x*y")(np.arange(3.0)[:, None], np.arange(2.0))
    assert grid.shape == slopes["x"].shape == slopes["y"].shape == (3, 2)
    assert gradcli.compile("x*y")([], 2.0)[0].shape == (0,)


def test_a_program_over_arrays() -> None:
    source = np.random.default_rng(0)
    w, x = source.normal(size=(2, 3)), source.normal(size=3)
    value, gradient = gradcli.compile("sum((W @ x)**2)")(w, x)
    assert value == pytest.approx(np.sum((w @ x) ** 2), rel=1e-15)
    assert gradient["x"] == pytest.approx(2 * w.T @ (w @ x), rel=1e-14)
    assert gradient["W"] == pytest.approx(2 * np.outer(w @ x, x), rel=1e-14)


# -- mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (lambda f: f(3.0), "no value for 'y'", "give it"),
        (lambda f: f(3.0, z=1.0), "no value for 'y'; the program has no input 'z'", ""),
        (lambda f: f({"x": 1.0, "y": 2.0}, y=1.0), "given twice: 'y'", "once"),
        (lambda f: gradcli.gradient("x*y", {"x": 1.0}, x=2.0, y=1.0), "given twice: 'x'", "once"),
        (lambda f: f("3", 1.0), "the value of 'x' is no number: '3'", "a number"),
        (lambda f: f(3.0, object()), "the value of 'y' is no number: of type object", "a number"),
        (lambda f: f(1j, 1.0), "the value of 'x' is no number", "a number"),
        (lambda f: f(10**400, 1.0), "the value of 'x' is too large", ""),
        (lambda f: f(np.zeros(3), np.zeros(2)), "the shapes of the points do not fit", ""),
        (lambda f: f.at(1, 2, 3), "3 values for 2 inputs", "x, y"),
        (lambda f: f.code("pyton"), "target cannot be 'pyton'", "did you mean 'python'"),
        (lambda f: gradcli.compile("x", ties="frist"), "ties cannot be 'frist'", "first"),
        (lambda f: gradcli.compile("x", wrt="z"), "wrt: the program has no input 'z'", ""),
        (lambda f: gradcli.compile(3), "a program is a text", ""),
    ],
)
def test_a_mistake_is_one_error_of_gradcli(call: Any, message: str, hint: str) -> None:
    with pytest.raises(gradcli.GradError) as caught:
        call(gradcli.compile("x*y"))
    assert caught.value.message.startswith(message) and hint in caught.value.hint


def test_an_error_knows_its_place() -> None:
    with pytest.raises(gradcli.GradError) as caught:
        gradcli.compile("x + sigmod(y)")
    assert (caught.value.span, caught.value.source) == (Span(4, 10), "x + sigmod(y)")


# -- notebooks ----------------------------------------------------------------------------


def test_tables_in_notebooks_escape_what_users_write() -> None:
    shown = gradcli.compile("x < y*2 # <script>alert(1)</script>").at(x=1, y=2)._repr_html_()
    assert "<script" not in shown and "&lt;" in shown and shown.startswith("<table>")
    assert "1.54564" in gradcli.compile(NOTE).at(x=3, y=-4)._repr_html_()


def test_a_program_shows_its_circuit_in_notebooks() -> None:
    circuit = ET.fromstring(gradcli.compile("x < y*2 # <script>alert(1)</script>")._repr_svg_())
    assert [text.text for text in circuit.iter("{http://www.w3.org/2000/svg}text")][::2] == ["x", "*2", "<"]
    assert len(gradcli.compile("*".join(f"x{place}" for place in range(500)))._repr_svg_()) < 100_000


# -- the package --------------------------------------------------------------------------


def test_every_public_name_is_there_and_typed() -> None:
    assert all(getattr(gradcli, name) is not None for name in gradcli.__all__)
    assert set(gradcli.__all__) <= set(dir(gradcli))
    assert (Path(gradcli.__file__).parent / "py.typed").exists()
    with pytest.raises(AttributeError):
        gradcli.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("import gradcli", {"numpy", "sympy", "rich", "click", "gradcli.api", "gradcli.errors"}),
        ("import gradcli; gradcli.compile('x*y')(3.0, -4.0)", {"numpy", "sympy", "rich", "click"}),
    ],
)  # fmt: skip
def test_what_is_not_loaded(code: str, lacking: set[str]) -> None:
    code += "; import sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    loaded = set(done.stdout.split())
    assert "gradcli" in loaded and not loaded & lacking
