"""The language: what binds how, what can be pasted, and where and how mistakes are pointed out."""

import random

import pytest
import truth
from calculation import calculate, staged
from hypothesis import given
from hypothesis import strategies as st

from gradcli.errors import GradError, NameMistake
from gradcli.graph import Graph
from gradcli.parser import parse
from gradcli.staging import stage


def worth(text: str, **point: float) -> float:
    return calculate(text, point).value


def spans(text: str) -> dict[str, str]:
    """The text under each gate's span, by gate."""
    graph = parse(text, Graph())
    return {node.gate.name: text[node.start : node.end] for node in graph.nodes if node.operands}


# -- precedence ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a - b - c",
        "a / b / c",
        "a / b * c",
        "a - b + c * 2 ** b / c",
        "2 ** a ** b",
        "-a ** 2",
        "(-a) ** 2",
        "2 ** -a",
        "2 ** -a ** b",
        "a ** -2 ** 2",
        "a * -b",
        "a--b",
        "a+-+-b",
        "- - a",
        "-a * b - -c",
        "a < b + c",
        "(a < b) - (b <= c) * (a != c)",
        "a + b > c",
        "1 - 2*a**2/4 + b",
        "a / (b * c)",
        "a / (b - c) / 2",
        "-(a + b) * c",
        "1.5e-3*a + .5 + 5.",
        "1_000*a - 1e3*b + 0.10",
        "sin(pi*a) + e*b",
        "  a\t*  b  ",
    ],
)
def test_operators_bind_as_in_python(text):
    for point in ({"a": 1.25, "b": 0.75, "c": 1.5}, {"a": 0.5, "b": 2.0, "c": 3.0}):
        point = {name: value for name, value in point.items() if name in text}
        assert worth(text, **point) == pytest.approx(float(truth.number(text, point)), rel=1e-15)


def test_random_operator_chains_bind_as_in_python():
    source = random.Random(231)
    for _ in range(400):
        parts = [source.choice(["", "-"]) + source.choice("abc")]
        for _ in range(source.randint(1, 6)):
            parts += [source.choice(["+", "-", "*", "/", "**"]), source.choice(["", "-"]) + source.choice("abc")]
        text = " ".join(parts)
        point = {name: value for name, value in {"a": 1.1, "b": 0.9, "c": 1.3}.items() if name in text}
        assert worth(text, **point) == pytest.approx(float(truth.number(text, point)), rel=1e-12, abs=1e-13), text


@pytest.mark.parametrize(("text", "value"), [("a < b", 1), ("a <= a", 1), ("a > b", 0), ("a == b", 0), ("a != b", 1)])
def test_comparisons_are_one_or_zero_and_pass_no_gradient(text, value):
    found = calculate(text, {"a": 1.0, "b": 2.0} if "b" in text else {"a": 1.0})
    assert found.value == value
    assert set(found.gradient.values()) == {0.0}


# -- statements and names -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "q = x + y; f = q * z",
        "q = x + y\nf = q * z",
        "q = x + y\r\nf = q * z\r\n",
        ";;q = x + y;;\n;q * z;",
        "# the note\nq = x + y  # a sum\n\nq * z # the output",
        "q = (x  # first\n  + y)\n(q *\n\n z)",
        "q=x+y;f=q*z",
        "\tq\t=\tx + y ; f = q * z",
    ],
)
def test_statements_are_separated_by_semicolons_and_newlines(text):
    assert staged(text) == {"q": "x + y", "f": "q * z"}


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("x*y", "f"),
        ("f*y", "f_"),
        ("f = x*x; f*y", "f_"),
        ("f = x; f_ = f*f; f_*x", "f__"),
        ("f[0]*x", "f_"),
        ("loss = x*y", "loss"),
    ],
)
def test_a_bare_output_is_called_f_or_what_is_free(text, output):
    assert stage(text).graph.output == output


@pytest.mark.parametrize("name", ["dot", "exp", "max", "I", "T", "f", "lambda", "S", "dx", "_", "x1", "λ", "num", "d"])
def test_a_name_that_is_not_called_is_a_variable(name):
    found = calculate(f"exp({name})*{name}", {name: 0.0})
    assert (found.value, found.gradient) == (0.0, {name: 1.0})


def test_a_name_can_be_function_and_variable_at_once():
    assert worth("max(max, exp) + exp(0*exp)", max=3.0, exp=4.0) == 5.0


def test_elements_are_inputs_of_their_own():
    found = calculate("w[0]*w[1] + W[1, 0] + W[0][1]", {"w": [2.0, 3.0], "W": [[0.0, 5.0], [7.0, 0.0]]})
    assert found.value == 18
    assert found.gradient == {"w[0]": 3, "w[1]": 2, "W[1, 0]": 1, "W[0, 1]": 1}


def test_numbers_stay_as_written_and_are_no_stages():
    assert staged("1e3 + x - 0.10 - 2*pi/7") == {"f": "1e3 + x - 0.10 - 2 * pi / 7"}


def test_constants_are_not_rounded_away():
    assert worth("sin(pi) + e*0") == pytest.approx(1.2246467991473532e-16, rel=1e-12)


# -- pasted notation ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("np.exp(x) + math.sin(y)", "exp(x) + sin(y)"),
        ("numpy.maximum(x, y)", "max(x, y)"),
        ("np.pi * math.e * x", "pi * e * x"),
        ("np.arctan2(y, x) + math.atan2(x, y)", "atan2(y, x) + atan2(x, y)"),
        ("ln(x) + power(x, y) + fabs(y)", "log(x) + x**y + abs(y)"),
        ("σ(x) + π", "sigmoid(x) + pi"),
        ("2·x × y ÷ 3 − x", "2*x * y / 3 - x"),
        ("x² + y³", "x**2 + y**3"),
        ("−x²", "-(x**2)"),
        ("√x + √(x*y)", "sqrt(x) + sqrt(x*y)"),
        ("√x²", "sqrt(x)**2"),
        ("2√x", ""),
        ("x^2^y", "x**(2**y)"),
        ("sin(x)²", "sin(x)**2"),
    ],
)
def test_pasted_notation_means_the_plain_one(pasted, plain):
    if not plain:  # no implicit product, not before a root either
        with pytest.raises(GradError):
            stage(pasted)
        return
    assert list(staged(pasted).values()) == list(staged(plain).values())


@pytest.mark.parametrize("letter", "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩ")
def test_greek_letters_are_names(letter):
    if letter == "π":
        assert stage(f"{letter}*x").variables == ["x"]
    else:
        assert stage(f"{letter}*x").variables == [letter, "x"]


# -- spans --------------------------------------------------------------------------------


def test_a_node_carries_the_place_of_its_first_occurrence():
    text = "q = sin( x ) + (y*2); q**2 + sin(x)"
    assert spans(text) == {"sin": "sin( x )", "mul": "y*2", "add": "q**2 + sin(x)", "pow": "q**2"}


def test_spans_count_code_points():
    text = "θ² + √(ω)"
    assert spans(text) == {"pow": "θ²", "sqrt": "√(ω)", "add": text}


# -- mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "under", "message", "hint"),
    [
        ("x + sigmod(y)", "sigmod", "unknown function 'sigmod'", "did you mean 'sigmoid'?"),
        ("2x", "2x", "'2x' is not a number", "2*x"),
        ("3 + 2(x)", "2", "operator is missing", "2*(...)"),
        ("x(y)", "x", "'x' is no function", "x*(...)"),
        ("(x)(y)", "(", "operator is missing", "*"),
        ("x y", "y", "operator is missing", "x*y"),
        ("sin x", "x", "operator is missing", "sin(x)"),
        ("f(x, y) = x*y", "f", "function cannot be defined", "f = "),
        ("x == y; z", "==", "comparison", "'='"),
        ("x = y = z", "=", "only a name can be assigned", "=="),
        ("sin(x=2)", "=", "no named operands", "write the operand alone"),
        ("a < b < c", "<", "do not chain", "(a < b)*(b < c)"),
        ("x; y", "x", "without a name", "name = "),
        ("(x + y", "(", "never closed", ""),
        ("x + y)", ")", "closes nothing", ""),
        ("(x, y)", ",", "comma", ""),
        ("1,5*x", ",", "comma", "decimal point"),
        ("max()", ")", "should stand before", ""),
        ("sin(x, y)", "sin(x, y)", "one operand", "sin(x)"),
        ("pow(x)", "pow(x)", "2 operands", "a ** b"),
        ("x = 1; x = 2", "x", "assigned twice", "name of its own"),
        ("f = a; a = 3", "a", "before it is assigned", "move"),
        ("pi = 3", "pi", "constant", "pi_"),
        ("π = 3", "π", "constant", ""),
        ("x + * y", "*", "should stand before '*'", ""),
        ("x % 2", "%", "not part of the language", ""),
        ("x if y else z", "if", "not part of the language", "where("),
        ("x and y", "and", "not part of the language", "*"),
        ("lambda x: x", "lambda", "not part of the language", "expression itself"),
        ("x ! y", "!", "not part of the language", "!="),
        ("|x|", "|", "not part of the language", "abs(x)"),
        ("0x10", "0x10", "not a number", ""),
        ("1__0", "1__0", "not a number", ""),
        ("1.2.3", "1.2.3", "not a number", ""),
        ("w[0", "[", "never closed", ""),
        ("pi[0]", "pi[0]", "no elements", "input"),
        ("sum(X, axis=k)", "k", "a whole number", ""),
        ("sum(X, ax=1)", "ax", "no parameter", "axis=None"),
        ("X[1:2:3:4]", "[1:2:3:4]", "two colons", "start:stop:step"),
        ("X.foo", ".foo", "not known", "X.dot(Y)"),
        ("[]", "[]", "no entries", "[x, y]"),
        ("math.foo(x)", "math.foo", "unknown function 'math.foo'", ""),
        ("x \u200b+ y", "\u200b", "U+200B", ""),
        ("x \u2212\u2212\u2062 y", "\u2062", "U+2062", ""),
        ("x ∗ y", "∗", "U+2217", "*"),
        ("µ*x", "µ", "U+00B5", "μ"),
        ("x \x1b[31m", "\x1b", "U+001B", ""),
    ],
)
def test_a_mistake_has_a_message_a_place_and_a_hint(text, under, message, hint):
    with pytest.raises(GradError) as caught:
        stage(text)
    error = caught.value
    assert error.span is not None
    assert text[error.span.start : error.span.end] == under
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "place"), [("", 0), ("# only a comment", 0), ("x +", 3), ("x = ", 4), ("x +\n2*y", 3)]
)
def test_a_text_that_ends_too_early_is_pointed_at_its_end(text, place):
    with pytest.raises(GradError) as caught:
        stage(text)
    assert caught.value.span is not None
    assert caught.value.span.start == place


def test_the_second_of_two_assignments_is_the_mistake():
    with pytest.raises(NameMistake) as caught:
        stage("a = x\nb = a\na = y")
    assert caught.value.span == (12, 13)


SOUP = [
    *"xy2()[],;=<+-*/^@²√·%#é'\" \n\t\u200b",
    "**",
    "==",
    ".5",
    "1e3",
    "2x",
    "pi",
    "e",
    "w[0]",
    "sin(",
    "max(",
    "np.",
]


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(SOUP), max_size=14).map("".join)))
def test_any_text_is_a_program_or_a_mistake_with_a_place(text):
    try:
        program = stage(text)
    except GradError as error:
        assert error.message
        assert error.span is not None
        assert 0 <= error.span.start <= error.span.end <= max(len(text), 1)
    else:
        assert program.lines


@pytest.mark.parametrize("text", ["y = (1).shape < x\ny", "y = (1).T + x\ny"])
def test_a_number_before_a_dot_stands_in_parentheses(text):
    (code,) = (code for code in staged(text).values() if "." in code)
    assert "(1)." in code
    assert staged(code) == {"f": code}
