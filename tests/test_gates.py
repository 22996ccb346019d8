"""Properties that every row of the table of gates has; a new row is held to them without a new test."""

import random
import sys
from math import inf, isnan

import mpmath
import pytest
from calculation import calculate
from click.testing import CliRunner
from truth import as_float, error_in_ulps, gradient, number, slope

from gradcli import gates
from gradcli.backward import TIES
from gradcli.cli.gates_command import command as listing
from gradcli.formula import formula
from gradcli.gates import GATES, Gate, callable_as, gate_called, parameters, variadic
from gradcli.graph import Graph, Input
from gradcli.parser import parse
from gradcli.printer import text_of

EPS = sys.float_info.epsilon
EVERY_GATE = pytest.mark.parametrize("gate", list(GATES.values()), ids=list(GATES))
CUBE = Gate(
    "cube",
    "cube(x)",
    "a cube multiplies the gradient by three times the square of its input",
    {"x": "3 * x ** 2"},
    means="x ** 3",
    stem="{x}cubed",
)
# The note's (1 - out) * out is promised to the letter, although its first factor cancels where out is near 1.
SLOPE_OF_THE_NOTE = ("sigmoid",)
# Every power of ten that matters, both signs, and what lies between.
WIDE = sorted({sign * digits * 10.0**power for sign in (-1, 1) for digits in (1, 2.5, 7) for power in range(-12, 3)})
WIDE += [-745.5, -709.9, -40.25, -37.6, -6.5, -0.55, 0.55, 6.5, 37.6, 709.9, 745.5]


def written(gate: Gate) -> str:
    """The gate as a program of its own parameters."""
    return gate.form.replace(", ...", "")


def points(gate: Gate, count: int = 12) -> list[dict[str, float]]:
    """Random points of the gate's own range; always the same ones."""
    source = random.Random(gate.name)
    return [
        {letter: source.uniform(*between) for letter, between in zip(parameters(gate), gate.near, strict=True)}
        for _ in range(count)
    ]


def close(got: float, want: mpmath.mpf) -> bool:
    """To a few units in the last place of the larger of the truth and 1."""
    return abs(got - want) <= 16 * EPS * max(1, abs(want))


# -- properties of one gate ---------------------------------------------------------------


def assert_true_value_and_slopes(gate: Gate) -> None:
    for point in points(gate):
        found = calculate(written(gate), point)
        assert close(found.value, number(written(gate), point)), point
        for letter, want in gradient(written(gate), point).items():
            assert close(found.gradient[letter], want), (letter, point)


def assert_defined_by_others(gate: Gate) -> None:
    for point in points(gate):
        whole, apart = calculate(written(gate), point), calculate(written(gate), point, fuse=False)
        assert gate.name not in {line.gate for line in apart.lines}
        assert apart.value == pytest.approx(whole.value, rel=1e-13, abs=1e-15), point
        assert apart.gradient == pytest.approx(whole.gradient, rel=1e-13, abs=1e-15), point


def assert_as_good_as_written_out(gate: Gate) -> None:
    (letter,) = parameters(gate)
    for x in WIDE:
        point = {letter: x}
        whole, apart = calculate(written(gate), point), calculate(written(gate), point, fuse=False)
        value, rate = number(written(gate), point, 700), slope(written(gate), point, letter, 700)
        assert_not_worse(whole.value, apart.value, value, point)
        if gate.name in SLOPE_OF_THE_NOTE:
            assert abs(whole.gradient[letter] - rate) <= EPS, point
        else:
            assert_not_worse(whole.gradient[letter], apart.gradient[letter], rate, point)


def assert_accurate_over_the_whole_range(gate: Gate) -> None:
    """To four units in the last place, times what an error of one in the operand does anyway."""
    (letter,) = parameters(gate)
    for x in WIDE:
        point = {letter: x}
        want, rate = number(written(gate), point, 700), slope(written(gate), point, letter, 700)
        allowed = 4 * EPS * (abs(want) + abs(x * rate)) + 2.0**-1073
        assert abs(calculate(written(gate), point).value - want) <= allowed, point


def assert_not_worse(whole: float, apart: float, want: mpmath.mpf, point: dict[str, float]) -> None:
    """At most two units in the last place further from the truth; and never nan."""
    assert not isnan(whole), point
    if mpmath.isfinite(apart):
        with mpmath.mp.workdps(60):
            assert error_in_ulps(whole, want) <= error_in_ulps(apart, want) + 2, (point, whole, apart, as_float(want))


def assert_nan_outside_its_domain(gate: Gate) -> None:
    letters = parameters(gate)
    for first in (-1e3, -8.0, -2.0, -1.5, -0.5, 0.5, 1.5, 2.0, 1e3):
        point = {letter: first if letter == letters[0] else 0.3 for letter in letters}
        if isnan(as_float(number(written(gate), point))):
            found = calculate(written(gate), point)
            assert isnan(found.value), point
            assert all(isnan(rate) for rate in found.gradient.values()), point


def assert_parses_to_itself(gate: Gate) -> None:
    graph = parse(written(gate), Graph())
    node = graph.statements[graph.output]
    assert node.gate is gate
    assert [str(operand.static) for operand in node.operands] == list(parameters(gate))
    assert text_of(node, lambda operand: None) == written(gate)


def assert_is_a_complete_row(gate: Gate) -> None:
    letters = set(parameters(gate))
    assert GATES[gate.name] is gate
    assert gate.says and gate.says[0].islower() and not gate.says.endswith(".")
    assert gate.stem, "a stage needs a name"
    assert len(gate.near) == len(letters)
    assert {*gate.partials, *gate.pullback} <= letters
    assert not gate.kink or gate.custom, "a convention is told to the user"
    assert set(gate.operands) <= {"num", "den"}


# -- over the table -----------------------------------------------------------------------


@EVERY_GATE
def test_value_and_every_slope_agree_with_mpmath(gate):
    assert_true_value_and_slopes(gate)


@EVERY_GATE
def test_form_parses_to_its_own_gate_and_prints_back(gate):
    assert_parses_to_itself(gate)


@EVERY_GATE
def test_value_and_slopes_are_nan_outside_the_domain(gate):
    assert_nan_outside_its_domain(gate)


@EVERY_GATE
def test_row_is_complete(gate):
    assert_is_a_complete_row(gate)


@EVERY_GATE
def test_rules_speak_of_the_gates_own_letters_only(gate):
    letters = set(parameters(gate))
    scopes = [(rule, {*letters, "out"}) for rule in (*gate.partials.values(), gate.kink)]
    scopes += [(rule, {*letters, "out", "dout"}) for rule in gate.pullback.values()]
    scopes += [(rule, letters) for rule in (gate.means, gate.stable)]
    for rule, scope in scopes:
        assert not rule or names_in(formula(rule)) <= scope, rule


def names_in(node) -> set[str]:
    own = {node.static.base} if isinstance(node.static, Input) else set()
    return own.union(*(names_in(operand) for operand in node.operands))


@EVERY_GATE
def test_every_alias_calls_the_gate(gate):
    for alias in gate.aliases:
        assert gate_called(alias) is gate
        assert callable_as(gate, alias)
        point = points(gate)[0]
        assert calculate(f"{alias}({', '.join(parameters(gate))})", point) == calculate(written(gate), point)


@pytest.mark.parametrize("gate", [gate for gate in GATES.values() if gate.means], ids=lambda gate: gate.name)
def test_defined_gate_means_its_definition(gate):
    assert_defined_by_others(gate)


@pytest.mark.parametrize(
    "gate", [gate for gate in GATES.values() if gate.means and (gate.stable or gate.fuses)], ids=lambda gate: gate.name
)
def test_stable_form_is_never_worse_than_the_written_one(gate):
    assert_as_good_as_written_out(gate)


@pytest.mark.parametrize(
    "gate", [gate for gate in GATES.values() if gate.means and gate.stable], ids=lambda gate: gate.name
)
def test_stable_form_is_accurate_over_the_whole_range(gate):
    assert_accurate_over_the_whole_range(gate)


@pytest.mark.parametrize("gate", [gate for gate in GATES.values() if variadic(gate)], ids=lambda gate: gate.name)
@pytest.mark.parametrize("ties", TIES)
def test_gate_of_many_operands_routes_to_one_of_them_wherever_it_stands(gate, ties):
    values = {"a": 0.25, "b": -1.0, "c": 3.0, "d": 0.5, "g": -7.0}
    wanted = {"max": "c", "min": "g"}[gate.name]
    for turn in range(5):
        letters = [*list(values)[turn:], *list(values)[:turn]]
        found = calculate(f"{gate.name}({', '.join(letters)})", values, ties)
        assert found.value == values[wanted]
        assert found.gradient == {letter: float(letter == wanted) for letter in letters}


def test_no_name_calls_two_gates():
    for gate in GATES.values():
        for name in (gate.name, *gate.aliases):
            assert [row.name for row in GATES.values() if callable_as(row, name)] in ([], [gate.name])


def test_the_scalar_gates_that_users_are_promised():
    promised = """exp expm1 log ln log1p log2 log10 sqrt cbrt pow power sin cos tan asin acos atan arcsin arccos arctan
        atan2 arctan2 sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh abs sign floor ceil max min maximum
        minimum hypot sigmoid relu leaky_relu softplus silu gelu erf erfc where square"""
    assert [name for name in promised.split() if gate_called(name) is None] == []


# -- poles and overflow -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "value", "rate"),
    [
        ("log(x)", 0.0, -inf, inf),
        ("log2(x)", 0.0, -inf, inf),
        ("log10(x)", 0.0, -inf, inf),
        ("log1p(x)", -1.0, -inf, inf),
        ("atanh(x)", 1.0, inf, inf),
        ("atanh(x)", -1.0, -inf, inf),
        ("sqrt(x)", 0.0, 0.0, inf),
        ("cbrt(x)", 0.0, 0.0, inf),
        ("asin(x)", 1.0, 1.5707963267948966, inf),
        ("acos(x)", 1.0, 0.0, -inf),
        ("acosh(x)", 1.0, 0.0, inf),
        ("1/x", 0.0, inf, -inf),
        ("1/x", -0.0, -inf, -inf),
        ("exp(x)", 1e3, inf, inf),
        ("exp(x)", -inf, 0.0, 0.0),
        ("sinh(x)", -1e3, -inf, inf),
        ("cosh(x)", -1e3, inf, -inf),
        ("x**3", -1e200, -inf, inf),
        ("x**-1", 0.0, inf, -inf),
        ("tanh(x)", inf, 1.0, 0.0),
        ("atan(x)", -inf, -1.5707963267948966, 0.0),
        ("sigmoid(x)", -1e3, 0.0, 0.0),
        ("sigmoid(x)", 1e3, 1.0, 0.0),
        ("softplus(x)", 1e3, 1e3, 1.0),
        ("softplus(x)", -1e3, 0.0, 0.0),
        ("erfc(x)", 40.0, 0.0, 0.0),
    ],
)
def test_at_poles_and_beyond_the_largest_float(text, x, value, rate):
    found = calculate(text, {"x": x})
    assert (found.value, found.gradient["x"]) == (value, rate)


def test_hypot_keeps_its_slopes_where_squares_overflow():
    for scale in (1e200, 1e-200, 2.0**-1070):
        found = calculate("hypot(a, b)", {"a": 3 * scale, "b": 4 * scale})
        assert found.value == pytest.approx(5 * scale, rel=1e-15)
        assert found.gradient == pytest.approx({"a": 0.6, "b": 0.8}, rel=4e-16)


# -- the table is the only place that knows a gate ----------------------------------------


def test_a_gate_added_in_one_row_is_everywhere(monkeypatch):
    monkeypatch.setitem(gates.GATES, CUBE.name, CUBE)
    assert_true_value_and_slopes(CUBE)
    assert_parses_to_itself(CUBE)
    assert_defined_by_others(CUBE)
    assert_nan_outside_its_domain(CUBE)
    assert_as_good_as_written_out(CUBE)
    assert_is_a_complete_row(CUBE)
    found = calculate("2*cube(y) + 1", {"y": 2.0})
    assert (found.value, found.gradient) == (17.0, {"y": 24.0})
    assert found.stages["ycubed"] == "cube(y)"
    assert "cube\tcube(x)\tdx = (3 * x ** 2) * dout\t" in CliRunner().invoke(listing).stdout.split("\n")
