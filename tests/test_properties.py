"""What must hold for every program: spelling changes no bit, printing reads back, and mathematics agrees."""

import ast
import random
from itertools import permutations
from math import isclose, isfinite
from typing import Any, NamedTuple

import pytest
import truth
from calculation import Calculation, calculate, staged
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gradcli.staging import stage

LETTERS = ("x", "y", "z")
# Smooth everywhere, tame in size: so that a difference from the truth is a mistake and not rounding.
SMOOTH = "sin({a})", "cos({a})", "tanh({a})", "sigmoid({a})", "atan({a})", "softplus({a})", "erf({a})", "asinh({a})"
TAME = (
    "exp(-({a})**2)",
    "log(1 + ({a})**2)",
    "sqrt(2 + ({a})**2)",
    "1/(2 + ({a})**2)",
    "({a})**2",
    "-({a})",
    "silu({a})",
)
ROUTING = "max({a}, {b})", "min({a}, {b})", "abs({a})", "relu({a})"
OPERATORS = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 3}


class Tree(NamedTuple):
    """An expression to be written down in several ways: a leaf, an operator between two trees, or a call."""

    head: str
    parts: tuple["Tree", ...] = ()

    def tight(self) -> str:
        """With the parentheses that precedence asks for, and no others."""
        if not self.parts:
            return self.head
        if self.head not in OPERATORS:
            return f"{self.head}({', '.join(part.tight() for part in self.parts)})"
        left, right = (part.tight() for part in self.parts)
        own = OPERATORS[self.head]
        left_binds, right_binds = (OPERATORS.get(part.head, 9) for part in self.parts)
        left = f"({left})" if left_binds < own or (left_binds == own and self.head == "**") else left
        right = f"({right})" if right_binds < own or (right_binds == own and self.head != "**") else right
        return f"{left}{self.head}{right}"

    def loose(self) -> str:
        """With parentheses around everything, twice, and blanks wherever they are allowed."""
        if not self.parts:
            return f"( ({self.head}))"
        if self.head not in OPERATORS:
            return f"(({self.head} ( {' , '.join(part.loose() for part in self.parts)} ) ))"
        left, right = (part.loose() for part in self.parts)
        return f"(( {left}\t{self.head}\n {right}))"

    def statements(self, title: str = "t") -> list[str]:
        """With a statement for every operator and call; the last one is bare."""
        lines: list[str] = []

        def operand(tree: Tree) -> str:
            if not tree.parts:
                return tree.head
            names = [operand(part) for part in tree.parts]
            code = tree.head.join(names) if tree.head in OPERATORS else f"{tree.head}({', '.join(names)})"
            lines.append(code)
            return f"{title}{len(lines)}"

        operand(self)
        return [f"{title}{number} = {code}" for number, code in enumerate(lines[:-1], 1)] + (lines[-1:] or [self.head])


TREES = st.recursive(
    st.sampled_from([*LETTERS, *LETTERS, "2", "0.5", "pi"]).map(Tree),
    lambda inner: st.one_of(
        st.builds(lambda head, a, b: Tree(head, (a, b)), st.sampled_from([*OPERATORS]), inner, inner),
        st.builds(lambda head, a: Tree(head, (a,)), st.sampled_from(["sin", "exp", "sigmoid", "abs", "log"]), inner),
        st.builds(lambda head, a, b: Tree(head, (a, b)), st.sampled_from(["max", "hypot"]), inner, inner),
    ),
    max_leaves=12,
)


def formulas(forms: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Texts of the language that are Python too, so that the second source can read them."""
    forms += ("({a}) + ({b})", "({a}) - ({b})", "({a}) * ({b})", "({a}) / (2 + ({b})**2)")
    return st.recursive(
        st.sampled_from([*LETTERS, "0.5", "2", "pi"]),
        lambda inner: st.builds(lambda form, a, b: form.format(a=a, b=b), st.sampled_from(forms), inner, inner),
        max_leaves=8,
    )


NUMBERS = st.floats(-2, 2).map(lambda x: round(x, 3))
POINTS = st.fixed_dictionaries(dict.fromkeys(LETTERS, NUMBERS))
ANY_POINTS = st.fixed_dictionaries(dict.fromkeys(LETTERS, st.one_of(NUMBERS, st.floats())))


def at(text: str, point: dict[str, float], **options: Any) -> Calculation:
    """The calculation with as many of the letters as the text has."""
    return calculate(text, {name: point[name] for name in stage(text).variables}, **options)


def bits(*numbers: float) -> list[str]:
    """Floats so that -0.0 and 0.0 differ and nan equals nan."""
    return [number.hex() for number in numbers]


def outcome(found: Calculation) -> tuple[list[str], dict[str, list[str]]]:
    """Value and gradient to the last bit."""
    return bits(found.value), {name: bits(slope) for name, slope in found.gradient.items()}


# -- spelling changes no bit --------------------------------------------------------------

AWKWARD = ["dx", "f", "lambda", "dot", "exp", "num", "I", "_", "xpy", "λ", "sigx", "max", "t1", "invden", "int", "out"]


@given(TREES, ANY_POINTS, st.permutations(AWKWARD))
def test_the_names_of_variables_change_no_bit(tree, point, names):
    other = dict(zip(LETTERS, names, strict=False))

    def renamed(tree: Tree) -> Tree:
        return Tree(other.get(tree.head, tree.head), tuple(map(renamed, tree.parts)))

    before = outcome(at(tree.tight(), point))
    value, gradient = outcome(at(renamed(tree).tight(), {other[name]: number for name, number in point.items()}))
    assert (value, gradient) == (before[0], {other[name]: slope for name, slope in before[1].items()})


@given(TREES, ANY_POINTS, st.booleans())
def test_redundant_parentheses_and_blanks_change_nothing(tree, point, fuse):
    tight, loose = (at(text, point, fuse=fuse) for text in (tree.tight(), tree.loose()))
    assert tight.stages == loose.stages
    assert outcome(tight) == outcome(loose)
    assert [warning.message for warning in tight.warnings] == [warning.message for warning in loose.warnings]


@given(TREES, POINTS)
def test_the_order_of_bindings_changes_nothing(tree, point):
    names = stage(tree.tight()).variables
    found = [
        calculate(tree.tight(), ",".join(f"{name}={point[name]!r}" for name in order)) for order in permutations(names)
    ]
    assert all(repr(other) == repr(found[0]) for other in found)


@given(TREES, POINTS)
def test_splitting_into_statements_changes_no_bit_of_the_value(tree, point):
    split = "; ".join(tree.statements())
    assert bits(at(split, point).value) == bits(at(tree.tight(), point).value)


@given(TREES, POINTS)
def test_splitting_into_statements_changes_the_gradient_by_rounding_only(tree, point):
    """By a few units in the last place of what the contributions add up to in size."""
    whole, split = at(tree.tight(), point), at("; ".join(tree.statements()), point)
    size = sum(abs(line.gradient) * (1 + abs(line.value)) for found in (whole, split) for line in found.lines)
    slopes = (*whole.gradient.values(), *split.gradient.values())
    assume(size < 1e6 and all(map(isfinite, slopes)))
    for name, slope in whole.gradient.items():
        assert abs(split.gradient[name] - slope) <= 1e-13 * (1 + size) ** 2


@pytest.mark.parametrize("text", ["x/(y + z)", "(x - y)/(x*y)", "x/sin(y)/exp(z)", "x*(y + z)/(x + z)"])
def test_splitting_a_quotient_changes_no_bit_of_the_value(text):
    source = random.Random(text)
    tree = tree_of(ast.parse(text, mode="eval").body)
    assert tree.tight() == text.replace(" ", "")
    for _ in range(100):
        point = {name: source.uniform(-3, 3) for name in LETTERS}
        assert bits(at("; ".join(tree.statements()), point).value) == bits(at(text, point).value)


def tree_of(node: Any) -> Tree:
    """What Python's own parser makes of a text."""
    signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
    if isinstance(node, ast.BinOp):
        return Tree(signs[type(node.op)], (tree_of(node.left), tree_of(node.right)))
    if isinstance(node, ast.Call):
        return Tree(node.func.id, tuple(map(tree_of, node.args)))
    return Tree(node.id)


# -- what is printed reads back -----------------------------------------------------------


@given(TREES, ANY_POINTS, st.booleans())
def test_the_printed_stages_are_the_same_program(tree, point, fuse):
    text = tree.tight()
    stages = staged(text, fuse)
    printed = "\n".join(f"{name} = {code}" for name, code in stages.items())
    assert staged(printed, fuse) == stages
    before, after = at(text, point, fuse=fuse), at(printed, point, fuse=fuse)
    assert outcome(before) == outcome(after)
    assert [bits(line.value, line.gradient) for line in before.lines] == [
        bits(line.value, line.gradient) for line in after.lines
    ]


# -- mathematics agrees -------------------------------------------------------------------


def assert_true(text: str, point: dict[str, float], ties: str = "first") -> None:
    """Against 50 digits; what rounding may do grows with the sizes of values and gradients on the way."""
    found = at(text, point, ties=ties)
    used = {name: point[name] for name in found.gradient}
    sizes = [1.0, *(abs(line.value) for line in found.lines)], [1.0, *(abs(line.gradient) for line in found.lines)]
    allowed = 1e-14 * max(sizes[0]) ** 2 * max(sizes[1]) * len(sizes[0])
    assume(allowed < 1e-8)
    assert abs(found.value - truth.number(text, used)) <= allowed
    for name, want in truth.gradient(text, used).items():
        assert abs(found.gradient[name] - want) <= allowed, name


@settings(max_examples=80)
@given(formulas(SMOOTH + TAME), POINTS)
def test_smooth_formulas_agree_with_mpmath(text, point):
    assert_true(text, point)


@settings(max_examples=80)
@given(formulas(SMOOTH[:3] + ROUTING), POINTS)
def test_formulas_that_route_agree_with_mpmath_away_from_kinks(text, point):
    assume(not near_a_kink(text, point))
    assert_true(text, point)


def near_a_kink(text: str, point: dict[str, float]) -> bool:
    """Whether there is a warning here, or a small step to one side changes a slope."""
    here = at(text, point)
    steps = [{name: x + step * place for place, (name, x) in enumerate(point.items(), 1)} for step in (-1e-9, 1e-9)]
    aside = [at(text, step).gradient for step in steps]
    return bool(here.warnings) or any(gradient != pytest.approx(here.gradient, abs=1e-5) for gradient in aside)


@given(ANY_POINTS, st.sampled_from(["first", "last", "split", "both"]))
def test_max_is_minus_the_min_of_the_negatives(point, ties):
    largest, smallest = at("max(x, y, z)", point, ties=ties), at("-min(-x, -y, -z)", point, ties=ties)
    assert largest.value == smallest.value or largest.value != largest.value
    assert {name: bits(slope + 0.0) for name, slope in largest.gradient.items()} == {
        name: bits(slope + 0.0) for name, slope in smallest.gradient.items()
    }


@given(POINTS)
def test_max_is_the_where_that_a_person_would_write(point):
    assert at("max(x, y)", point).gradient == at("where(x >= y, x, y)", point).gradient
    assert at("min(x, y)", point).gradient == at("where(x <= y, x, y)", point).gradient


@given(st.floats(-700, 700))
def test_a_sigmoid_and_its_mirror_image_add_up_to_one(x):
    there, back = calculate("sigmoid(x)", {"x": x}), calculate("sigmoid(-x)", {"x": x})
    assert isclose(there.value + back.value, 1, rel_tol=3e-16)
    assert isclose(there.gradient["x"], -back.gradient["x"], rel_tol=1e-12, abs_tol=3e-16)


@given(st.floats(-50, 50))
def test_the_slope_of_softplus_is_the_sigmoid(x):
    assert calculate("softplus(x)", {"x": x}).gradient["x"] == calculate("sigmoid(x)", {"x": x}).value


@given(TREES, POINTS)
def test_the_gradient_of_a_multiple_is_the_multiple_of_the_gradient(tree, point):
    """By a power of two, so exactly."""
    once, eight_times = at(f"f = {tree.tight()}", point), at(f"g = {tree.tight()}; 8*g", point)
    assume(all(1e-200 < abs(line.gradient) < 1e200 or line.gradient == 0 for line in once.lines))
    assume(all(1e-200 < abs(slope) < 1e200 or slope == 0 for slope in once.gradient.values()))
    assert eight_times.gradient == {name: 8 * slope for name, slope in once.gradient.items()}


@given(st.lists(NUMBERS, min_size=4, max_size=4, unique=True), st.permutations(range(4)))
def test_permuting_entries_permutes_slopes(entries, order):
    moved = [entries[place] for place in order]
    for text in (
        "max(w[0], w[1], w[2], w[3])",
        "exp(w[0]) + exp(w[1]) + exp(w[2]) + exp(w[3])",
        "w[0]*w[0] + w[1]*w[1] + w[2]*w[2] + w[3]*w[3]",
    ):
        slopes = list(sorted_by_index(calculate(text, {"w": entries}).gradient))
        assert list(sorted_by_index(calculate(text, {"w": moved}).gradient)) == [slopes[place] for place in order]


def sorted_by_index(gradient: dict[str, float]) -> list[float]:
    return [gradient[name] for name in sorted(gradient)]
