"""Staging: which expressions get a line, what the lines are called, and what stays as the user wrote it."""

import os
import subprocess
import sys

import pytest
from calculation import calculate, staged
from hypothesis import given
from hypothesis import strategies as st

from gradcli.gates import GATES
from gradcli.naming import names_of
from gradcli.program import operands_of
from gradcli.staging import WIDTH, stage

NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"


# -- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sin(x + y)", "xpy"),
        ("sin(x - y)", "xmy"),
        ("sin(x * y)", "xy"),
        ("sin(x**2)", "xsqr"),
        ("sin(x**3)", "xcube"),
        ("sin(-x)", "negx"),
        ("sin(exp(x))", "expx"),
        ("sin(sigmoid(y))", "sigy"),
        ("sin((x + y)**2)", "xpysqr"),
        ("sin(w[0] + w[1])", "w0pw1"),
        ("sin(w[0]*x[0] + w[1]*x[1])", "dot"),
        ("y / (x + 1)", "invden"),
        ("(x + y) / (x - y)", "num"),
        ("exp(1 / (x + y))", "den"),
        ("sin(max(x, y))", "maxxy"),
        ("sin(x/y)", "xovery"),
        ("sin(2*x)", "twox"),
        ("sin(x + 1)", "xp1"),
        ("sin(1 + x)", "xp1"),
        ("sin(1/x)", "invx"),
    ],
)
def test_a_stage_is_named_after_what_it_is(text, name):
    assert name in staged(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sin(alpha1 + alpha2 + alpha3)", ["sum", "f"]),
        ("sin(alpha1 - beta12345)", ["diff", "f"]),
        ("sin(alphabet * betagamma)", ["prod", "f"]),
        ("hypot(x, y) + hypot(x, z)", ["hypot1", "hypot2", "f"]),
        ("max(a1, b1, c1, d1) + max(a1, b1, c1, g1)", ["max1", "max2", "f"]),
    ],
)
def test_where_a_name_would_be_long_it_comes_from_the_gate(text, names):
    found = list(staged(text))
    assert [name.rstrip("12") for name in found] == [name.rstrip("12") for name in names]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "sigy * sigmoid(y)",
        "xpy*(x + y)*(x*p*y)",
        "num*den*invden + (x + y)/(x - y)",
        "dot * (a*b + c*d)**2",
        "x1*x*(x1 + x) + xsqr*x**2 + xsqr2 + x**2.0",
        "w0*w[0] + w0w0*sin(w[0]*w0)",
        "dxpy*sin(x + y)",
        "exp1*ex*p1*exp(x) + f",
    ],
)
def test_a_stage_takes_no_name_that_is_taken(text):
    program = stage(text)
    names = names_of(program)
    own = set(program.variables)
    chosen = [names.of[line] for line in program.lines]
    assert len(set(chosen)) == len(chosen)
    assert not own & set(chosen)
    assert not {"d" + name for name in own} & set(chosen)


@pytest.mark.parametrize("name", ["x", "f", "dx", "ddx", "d", "dot", "num", "out", "dout"])
def test_gradients_have_names_of_their_own(name):
    program = stage(f"{name}*x + d{name}*sin({name} + x)")
    names = names_of(program)
    assert len(set(names.gradient.values())) == len(names.gradient)
    assert not set(names.gradient.values()) & set(names.gradient)


def test_the_gradient_of_x_is_dx_and_d_x_where_dx_is_taken():
    assert names_of(stage("x*y")).gradient == {"x": "dx", "y": "dy", "f": "df"}
    assert names_of(stage("x*dx")).gradient == {"x": "d_x", "dx": "ddx", "f": "df"}
    assert names_of(stage("x*dx*d_x")).gradient["x"] == "d__x"


def test_elements_have_elements_of_the_gradient():
    program = stage("w[0]*w[1]")
    names = names_of(program)
    assert [names.gradient_of(leaf) for leaf in program.inputs] == ["dw[0]", "dw[1]"]


WORDS = ["for", "if", "in", "as", "is", "or", "do", "int", "log", "sin", "tan", "max", "pow", "var", "asin", "NaN"]


@pytest.mark.parametrize("word", WORDS)
def test_words_of_functions_and_of_target_languages_are_no_stage_names(word):
    assert word not in staged(f"exp({'*'.join(word)})")


def test_names_do_not_depend_on_the_hash_seed():
    program = "from calculation import staged; print(staged('a/(b + c)*exp(d)/(sin(a) + cos(b)) + max(a, d)*(a + c)'))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


# -- fusing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("1/(1 + exp(-x))", "x"),
        ("1/(exp(-x) + 1)", "x"),
        ("(1 + exp(-x))**-1", "x"),
        ("1.0/(1.0 + exp(-x))", "x"),
        ("(exp(-x) + 1)**(-1)", "x"),
        ("1/(1 + exp(-(x + y)))", "xpy"),
        ("1/(1 + exp(y - x))", "xmy"),
        ("1/(1 + exp(-2*x))", "twox"),
        ("1/(1 + exp(-x/y))", "xovery"),
    ],
)
def test_the_spelled_out_sigmoid_becomes_the_gate(text, operand):
    assert staged(text)["f"] == f"sigmoid({operand})"


@pytest.mark.parametrize(
    "text",
    [
        "1/(1 + exp(x))",
        "1/(2 + exp(-x))",
        "2/(1 + exp(-x))",
        "1/(1 - exp(-x))",
        "t = exp(-x); 1/(1 + t)",
        "log(1 + exp(x))",
        "log(exp(x))",
        "x/x",
        "x - x",
        "0*x",
        "x**0.5",
        "x**1",
        "-(-x)",
        "(x*y)/y",
        "0.5*x*(1 + erf(x/sqrt(2)))",
        "x*sigmoid(x)",
    ],
)
def test_nothing_else_is_rewritten(text):
    found = calculate(text, dict.fromkeys(stage(text).variables, 0.5), fuse=True)
    gates = {line.gate for line in found.lines}
    assert gates and not gates & {"softplus", "gelu", "silu", "sqrt", "copy"}
    assert "sigmoid" not in gates or "sigmoid" in text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a*b + c*d", "a * b + c * d"),
        ("a*b - c*d + g", "a * b - c * d + g"),
        ("g + h + a*b + c*d", "g + h + a * b + c * d"),
        ("w[0]*x[0] + w[1]*x[1] + w[2]", "w[0] * x[0] + w[1] * x[1] + w[2]"),
        ("a - (b*c + d*g)", "a - (b * c + d * g)"),
        ("q = x + y; q*a + b*c", "q * a + b * c"),
    ],
)
def test_a_sum_of_products_of_names_is_one_stage(text, code):
    assert list(staged(text).values())[-1] == code


@pytest.mark.parametrize("text", ["a*b + c", "a*b + sin(c)*d", "2*a*b + c*d", "a*b + c*d + sin(g)", "a*b + a*b"])
def test_other_sums_have_a_stage_for_each_product(text):
    *products, last = staged(text).values()
    assert products
    assert "*" not in last


def test_the_gradient_through_a_dot_product_is_the_other_factor():
    found = calculate("w[0]*x[0] - w[1]*x[1] + b", {"w": [2.0, 3.0], "x": [5.0, 7.0], "b": 1.0})
    assert found.gradient == {"w[0]": 5, "x[0]": 2, "w[1]": -7, "x[1]": -3, "b": 1}


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("x/y", {"f": "x / y"}),
        ("3/(x + y)", {"den": "x + y", "f": "3 / den"}),
        ("x/2", {"f": "x / 2"}),
        ("x/(2*pi)", {"f": "x / (2 * pi)"}),
        ("x/(y + z)", {"den": "y + z", "invden": "1 / den", "f": "x * invden"}),
        ("(x*y)/(x + y)", {"num": "x * y", "den": "x + y", "invden": "1 / den", "f": "num * invden"}),
    ],
)
def test_a_quotient_of_a_compound_denominator_is_num_den_invden_and_their_product(text, stages):
    assert staged(text) == stages


# -- --no-fuse ----------------------------------------------------------------------------


def test_without_fusing_a_line_holds_one_elementary_gate():
    text = f"{NOTE} + softplus(x) + gelu(y) + silu(x) + leaky_relu(y) + square(x)"
    found = calculate(text, {"x": 0.5, "y": -0.25}, fuse=False)
    assert not {line.gate for line in found.lines} & {gate.name for gate in GATES.values() if gate.means}
    program = stage(text, fuse=False)
    assert all(len(list(operands_of(program, line))) == len(line.operands) for line in program.lines)


def test_without_fusing_the_neuron_is_the_notes_circuit():
    found = calculate("1/(1 + exp(-(a*x + b*y + c)))", dict.fromkeys("axbyc", 1.0), fuse=False)
    assert [line.gate for line in found.lines] == ["mul", "mul", "add", "add", "neg", "exp", "add", "div"]


@pytest.mark.parametrize("text", [NOTE, "a*b + c*d - g", "softplus(x)*gelu(y)", "1/(1 + exp(y - x))"])
def test_fusing_changes_the_lines_but_not_the_gradient(text):
    point = dict(zip(stage(text).variables, (0.7, -1.3, 0.4, 1.9, -0.6), strict=False))
    fused, apart = calculate(text, point), calculate(text, point, fuse=False)
    assert len(apart.lines) > len(fused.lines)
    assert apart.value == pytest.approx(fused.value, rel=1e-14)
    assert apart.gradient == pytest.approx(fused.gradient, rel=1e-14)


# -- the width of lines -------------------------------------------------------------------


SUMS = [
    " + ".join(f"x{i}" for i in range(100)),
    " - ".join(f"x{i}" for i in range(100)),
    " + ".join(f"x{i}*y{i}" for i in range(100)),
    " - ".join(f"(x{i} + y{i})" for i in range(60)),
    "1 + " * 70 + "x",
    "*".join(f"(x{i} + 2*pi/3 - 1)" for i in range(30)),
    "+".join(["pi*2"] * 60) + " + x",
    f"x*({'1 + ' * 15}1)",
]


@pytest.mark.parametrize("text", SUMS, ids=lambda text: text[:16])
@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
def test_a_line_holds_at_most_sixteen_operands(text, fuse):
    assert WIDTH == 16
    for code in staged(text, fuse).values():
        assert len(operand_words(code)) <= WIDTH, code


def operand_words(code: str) -> list[str]:
    for sign in "+-*/()":
        code = code.replace(sign, " ")
    return code.split()


def test_a_long_sum_is_chained_partial_sums():
    codes = staged(" + ".join(f"x{i}" for i in range(40)))
    *first, last = codes
    assert len(first) == 2
    assert codes[first[0]].split(" + ") == [f"x{i}" for i in range(16)]
    assert codes[first[1]].split(" + ") == [first[0], *(f"x{i}" for i in range(16, 31))]
    assert codes[last].split(" + ") == [first[1], *(f"x{i}" for i in range(31, 40))]


# -- what the user named ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "t = x + y; u = t + z; f = u + w",
        "t = x * y; f = t + z * w + z * x",
        "den = 1 + y; invden = 1 / den; f = x * invden",
        "a = -x; b = exp(a); c = 1 + b; f = 1 / c",
        "b = x; c = b; f = b * c",
        "k = 2 * pi; f = k * x",
        "q = x; q2 = x; f = q + q2",
    ],
)
def test_a_named_statement_keeps_its_line(text):
    assert "; ".join(f"{name} = {code}" for name, code in staged(text).items()) == text


def test_a_second_name_is_a_stage_of_gate_copy():
    found = calculate("b = a; c = sin(a); d = c; f = b*d", {"a": 0.5})
    assert {line.name: line.gate for line in found.lines} == {"b": "copy", "c": "sin", "d": "copy", "f": "mul"}
    assert calculate("x", {"x": 2.0}).lines[0].gate == "copy"
    assert calculate("x", {"x": 2.0}).gradient == {"x": 1.0}


def test_equal_subexpressions_are_one_stage():
    assert list(staged("sin(x + y)*cos(x + y)").values()) == ["x + y", "sin(xpy)", "cos(xpy)", "sinxpy * cosxpy"]
    assert list(staged("q = sin(x); r = y*sin(x); q + r").values()) == ["sin(x)", "y * q", "q + r"]


def test_equal_numbers_written_differently_stay_apart():
    assert list(staged("x**2 + x**2.0").values())[:2] == ["x ** 2", "x ** 2.0"]


def test_an_unused_statement_is_a_stage_with_gradient_zero():
    found = calculate("q = x*y; f = x + z", {"x": 1.0, "y": 2.0, "z": 3.0})
    assert (found.named["q"].value, found.named["q"].gradient) == (2.0, 0.0)
    assert found.gradient == {"x": 1.0, "y": 0.0, "z": 1.0}


@pytest.mark.parametrize("text", ["3", "2*pi", "f = pi", "sin(2) + 1"])
def test_a_program_without_inputs_is_a_program(text):
    found = calculate(text)
    assert list(found.stages) == ["f"]
    assert found.gradient == {}


# -- the same input gives the same names --------------------------------------------------

EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "y", "z", "w[0]", "2", "pi"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from(["exp", "sigmoid", "-"]), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
    ),
    max_leaves=25,
)


@given(EXPRESSIONS, st.booleans())
def test_every_program_is_staged_well(text, fuse):
    """Names are distinct, a line reads only what stands above it, and nothing but the output goes unread."""
    program = stage(text, fuse)
    names = names_of(program)
    chosen = [names.of[line] for line in program.lines]
    assert len({*chosen, *program.variables}) == len(chosen) + len(program.variables)
    done = set(program.inputs)
    read = set()
    for line in program.lines:
        operands = {operand for operand in operands_of(program, line) if not operand.constant or operand in names.of}
        assert operands <= done
        done.add(line)
        read |= operands
    assert done - read - set(program.inputs) == {program.output}
