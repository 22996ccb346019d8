"""Explanations: the numbers are those of eval, ledgers add up, births are found, and no input breaks the telling."""

from __future__ import annotations

import json
import math
import random
import re
import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calculation import calculate

import gradcli
from gradcli.calculate import calculated
from gradcli.explain import explained
from gradcli.explain.figures import total
from gradcli.explain.printers import json_text, markdown, text
from gradcli.explain.records import Explanation
from gradcli.explain.step import stepped
from gradcli.explain.written_out import written_out
from gradcli.point import Point, read_point
from gradcli.staging import stage

NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
CORPUS = [json.loads(line) for line in (Path(__file__).parent / "data" / "corpus.jsonl").open(encoding="utf-8")]


def explain(program: str, at: Any, ties: str = "first", wrt: list[str] | None = None) -> Explanation:
    point = read_point((at,)) if isinstance(at, str) else Point(dict(at), frozenset())
    return explained(calculated(stage(program), point, ties, wrt).evaluation, point.values, ties, wrt)


def item_point(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item["at"][name] for name in stage(item["expr"]).variables}


def kinds(found: Explanation) -> dict[str, str]:
    return {lesson.kind: lesson.message for lesson in found.lessons}


# -- the note -----------------------------------------------------------------------------


def test_the_first_example_is_told_with_the_notes_numbers() -> None:
    told = text(explain("q = x + y; f = q * z", "x=-2,y=5,z=-4"))
    assert "dq = z * df = (-4) * 1 = -4" in told
    assert "Here it passes -4 unchanged to both x and y." in " ".join(told.split())


def test_the_ledger_of_the_larger_example() -> None:
    told = text(explain(NOTE, "x=3,y=-4"))
    assert "dx = 1.5832 via xpy - 0.0358 via sigx + 0.5121 via num ≈ 2.0596" in told
    assert "dy = 1.5832 via xpy + 0.0090 via sigy = 1.5922" in told


def test_operations_and_reuse_of_the_larger_example_as_counted_by_hand() -> None:
    cost = explain(NOTE, "x=3,y=-4").cost
    assert cost is not None
    # -1 / den**2 * dinvden takes 3, 2 * xpy * dxpysqr 2, each sigmoid 3 and its +=, and dx += dnum one more
    assert (cost.forward, cost.backward) == (8, 3 + 2 + 4 + 1 + 4)
    assert [each.name for each in cost.reused] == ["sigy", "num", "sigx", "xpy", "den", "invden"]
    assert cost.again == 7  # all but the last product


# -- numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item["id"])
def test_ledgers_add_up_to_the_gradient_bit_for_bit_in_the_printed_order(item: dict[str, Any]) -> None:
    point = item_point(item)
    evaluated = calculate(item["expr"], point)
    wanted = evaluated.gradient | {line.name: line.gradient for line in evaluated.lines}
    for ledger in json.loads(json_text(explain(item["expr"], point)))["ledgers"]:
        added = ledger["terms"][0][1]
        for _, amount in ledger["terms"][1:]:
            added += amount
        assert struct.pack("<d", added) == struct.pack("<d", wanted[ledger["name"]])


def test_the_corpus_has_forks_enough() -> None:
    forks = sum(len(explain(item["expr"], item_point(item)).ledgers) for item in CORPUS)
    assert forks > 150


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item["id"])
def test_shares_are_local_times_upstream_and_the_rule_as_written_gives_the_local_gradient(item: dict[str, Any]) -> None:
    point = item_point(item)
    found = explain(item["expr"], point)
    values = {line.name: line.value for line in calculate(item["expr"], point).lines}
    for stage_told in found.backward:
        for each in stage_told.sent:
            assert each.local is not None
            if math.isfinite(each.share):
                assert each.share == pytest.approx(each.local * stage_told.upstream, rel=1e-14)
            if each.rule and math.isfinite(each.local):
                assert calculate(*bound(each.rule, values, point)).value == pytest.approx(
                    each.local, rel=1e-9, abs=1e-300
                )


def bound(rule: str, values: dict[str, float], point: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A rule as a program of its own, with the values of the names that it reads."""
    names = set(re.findall(r"[^\W\d]\w*(?!\w*\()", rule)) - {"pi", "e"}
    return rule, {name: values.get(name, point.get(name)) for name in names if name in values or name in point}


def test_elasticity_against_a_step_of_one_in_a_million() -> None:
    found = explain(NOTE, "x=3,y=-4")
    for each in found.sensitivities:
        at = {"x": 3.0, "y": -4.0}
        moved = calculate(NOTE, at | {each.name: at[each.name] * (1 + 1e-6)}).value
        assert each.elasticity == pytest.approx((moved / found.value - 1) / 1e-6, rel=1e-4)


def test_a_step_predicts_by_the_gradient_and_tells_what_happens() -> None:
    evaluation = calculated(stage("w[0]*x**2"), read_point(("w=[3],x=2",))).evaluation
    step = stepped(evaluation, {"x": 0.1, "w": [1.0]})
    assert step.predicted == pytest.approx(12 * 0.1 + 4 * 1)
    assert (step.before, step.after) == (12, pytest.approx(4 * 2.1**2))
    arrays = calculated(stage("sum((W @ x)**2)"), read_point(("W=[[1,2],[3,4]],x=[1,2]",))).evaluation
    step = stepped(arrays, {"x": 0.1})
    assert step.predicted == pytest.approx(0.1 * (76 + 108)) and step.after == pytest.approx(5.3**2 + 11.7**2)
    seeded = calculated(stage("D = 2*x"), read_point(("x=[1,2],dD=[3,5]",))).evaluation
    step = stepped(seeded, {"x": [0.5, 0.25]})
    assert (step.output, step.before, step.after) == ("sum(dD * D)", 26.0, 31.5) and step.predicted == 5.5


@pytest.mark.parametrize(
    ("program", "at", "step", "verdict"),
    [
        (
            "3*x + y",
            {"x": 1.0, "y": 2.0},
            {"x": 0.5, "y": 0.25},
            "is right: along this step the function is a straight",
        ),
        ("x + 1e8 - 1e8", {"x": 0.3}, {"x": 0.1}, "is right"),  # what it is off by is rounding
        ("x**2", {"x": 1e4}, {"x": 0.01}, "is off by 0.0001 "),  # by h**2
        ("x**2", {"x": 1.0}, {"x": 1e-10}, "is right: along this step no bend is to be seen"),  # h**2 < ulp(1)
        ("x**2", {"x": 1e6}, {"x": 1e-13}, "drowns in rounding"),
        ("x**2", {"x": 1.0}, {"x": 0.0}, "A step of 0 moves nothing"),
        ("x*(x - 1)*(x - 2)", {"x": 0.0}, {"x": 3.0}, "is right, on the way there it is not"),  # slope 2, f(3) = 6
        ("relu(x)", {"x": -3.0}, {"x": 1.0}, "nothing changes"),
    ],
)
def test_a_step_says_no_more_than_the_numbers_show(
    program: str, at: dict[str, float], step: dict[str, float], verdict: str
) -> None:
    evaluation = calculated(stage(program), Point(dict(at), frozenset()), "first", None).evaluation
    found = explained(evaluation, at)._replace(step=stepped(evaluation, step))
    assert verdict in " ".join(text(found).split())


@pytest.mark.parametrize(
    ("program", "at", "ties", "said", "unsaid"),
    [
        (
            "max(x, y)",
            "x=2,y=2",
            "split",
            "Here there is a tie, and both x and y receive 0.5 of the gradient.",
            "Raising",
        ),
        ("min(x, y)", "x=2,y=2", "both", "a tie, and both x and y receive the whole gradient.", "Raising"),
        ("min(x, y)", "x=2,y=2", "first", "passes 1 unchanged to x and nothing to y", "Raising"),  # raises nothing
        ("x*y", "x=2,y=3", "first", "In per cent both x and y move f most.", "x moves f"),
        ("x*y - 6", "x=2,y=3", "first", "f is 0, and what changes it cannot be told in per cent", "In per cent"),
        ("x + y", "x=nan,y=1", "first", "f = nan", "Raising"),
        ("relu(w*x)", "w=0.001,x=-500", "first", "is dead", "receives the large gradient"),
        ("x - y", "x=1.00001,y=1", "first", "f = x - y = 1.00001 - 1 ≈ 1e-05", "1 - 1"),
    ],
)
def test_sentences_say_what_is_so(program: str, at: str, ties: str, said: str, unsaid: str) -> None:
    told = " ".join(text(explain(program, at, ties)).split())
    assert said in told
    assert unsaid not in told.replace(said, "")


def test_what_receives_no_gradient_is_not_compared() -> None:
    assert "receives the large gradient" in text(explain("w*x", "w=0.001,x=1000"))
    assert "receives the large gradient" not in text(explain("w*x", "w=0.001,x=1000", wrt=["w"]))


def test_a_growing_path_is_put_down_to_what_grows() -> None:
    (lesson,) = [each for each in explain("x*1e-8*1e7*1e6", "x=1").lessons if each.kind == "exploding"]
    assert "grows 1e+05 times" in lesson.message
    assert lesson.message.endswith("(times 1e+07)")  # not 1e-08, though that is further from 1


def test_a_nan_is_put_down_to_the_sender_of_a_nan() -> None:
    """dx = -y/x**2 + (1/x) * 0: the first is -inf, the nan is born in the second."""
    (message,) = [each.message for each in explain("log(x)*0 + y/x", "x=0,y=1").lessons if "dx" in each.message]
    assert message == "the gradient dx is nan: logx = log(x) passes it on from 0.0"


def test_a_chain_with_many_inputs_is_told_as_well() -> None:
    """One walk finds the paths of all inputs, though they are as long as there are inputs."""
    chain = "\n".join(["a0 = x", *(f"a{n + 1} = a{n} * x{n}" for n in range(4000))])
    found = explain(chain, {"x": 1e-9} | {f"x{n}": 1.001 for n in range(4000)})
    assert found.value == pytest.approx(1e-9 * 1.001**4000)


@pytest.mark.parametrize("moves", [{"x": [1.0, 2.0, 3.0]}, {"x": [[1.0]]}, {"y": [1.0]}, {"z": 1.0}, {}])
def test_a_step_that_does_not_fit_is_a_mistake(moves: dict[str, Any]) -> None:
    evaluation = calculated(stage("sum(x)*y"), read_point(("x=[1,2],y=2",))).evaluation
    with pytest.raises(gradcli.GradError):
        stepped(evaluation, moves)
    elements = calculated(stage("x[0]*x[1]"), read_point(("x=[1,2]",))).evaluation
    with pytest.raises(gradcli.GradError):
        stepped(elements, {"x": [1.0]})


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item["id"])
def test_what_is_printed_adds_up_as_it_stands_or_says_that_it_does_not(item: dict[str, Any]) -> None:
    for ledger in explain(item["expr"], item_point(item)).ledgers:
        line = total(ledger.terms, ledger.total)
        left, sign, right = re.split(r" ([=≈]) ", line)
        amounts = re.findall(r"(-?)\s*([\d.]+(?:e[-+]\d+)?) via", left)
        added = sum((Decimal(number) * (-1 if minus else 1) for minus, number in amounts), Decimal())
        assert len(amounts) == len(ledger.terms) and math.isclose(
            float(right), ledger.total, rel_tol=1e-3, abs_tol=1e-3
        )
        assert sign == "≈" or added == Decimal(right)


# -- lessons ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "at", "kind", "stages"),
    [
        ("max(x, y)*2", "x=3,y=3", "tie", "maxxy"),
        ("relu(x)*y", "x=0,y=1", "kink", "relux"),
        ("sigmoid(x)*y", "x=8,y=1", "saturated", "sigx"),
        ("tanh(x)*y", "x=-5,y=1", "saturated", "tanhx"),
        ("relu(w*x)*y", "w=-1,x=2,y=3", "dead", "reluwx"),
        ("sin(x*w)", "x=1000,w=0.001", "scale", "xw"),
        ("sin(x - y)", "x=1.0001,y=1", "cancellation", "xmy"),
        ("a = x*y; 1000*a - 999.9*a", "x=1,y=2", "cancellation", "a"),
        ("sigmoid(0.1*sigmoid(0.1*sigmoid(0.1*x)))", "x=1", "vanishing", "x"),
        ("exp(100*x)", "x=0.1", "exploding", "x"),
    ],
)
def test_a_lesson_where_there_is_something_to_learn(program: str, at: str, kind: str, stages: str) -> None:
    assert kind in [lesson.kind for lesson in explain(program, at).lessons if lesson.stage in stages.split()]


def test_no_lesson_where_all_is_well() -> None:
    for program, at in ((NOTE, "x=3,y=-4"), ("q = x + y; q*z", "x=-2,y=5,z=-4"), ("max(x, y)*relu(x)", "x=4,y=2")):
        assert explain(program, at).lessons == []


def test_a_path_has_the_factor_that_the_chain_rule_gives() -> None:
    told = kinds(explain("exp(100*x)", "x=0.1"))["exploding"]
    assert f"grows {100 * math.exp(10):.5g} times on its way x ← " in told and f"(times {math.exp(10):.5g})" in told


# -- births -------------------------------------------------------------------------------

SAFE = ("sin({a})", "{a} + {b}", "{a}*sin({b})", "sigmoid({a})", "{a} - cos({b})", "tanh({a})*{b}", "max({a}, {b})",
        "exp(-{a}**2)", "{a}/(2 + sin({b}))", "sqrt(1 + {a}**2)", "log(1 + {a}**2)")  # fmt: skip
INJECTED = ("log(-1 - {a}**2)", "sqrt(-1 - {a}**2)", "1/({a} - {a})", "exp(1000 + {a}**2)", "asin(2 + {a}**2)",
            "acosh(-{a}**2)", "log2(-{b}**2 - 1)", "atanh(3 + {a}**2)", "(-1 - {a}**2)**0.5",
            "log({a} - {a})")  # fmt: skip


def poisoned(seed: int) -> tuple[str, str, dict[str, float]]:
    """A random program with one line that gives nan or inf, and that line's name."""
    source = random.Random(seed)
    names = [f"x{place}" for place in range(4)]
    size, lines = source.randint(4, 25), []
    at = source.randrange(size)
    for place in range(size):
        form = source.choice(INJECTED if place == at else SAFE)
        lines.append(f"t{place} = {form.format(a=source.choice(names[-6:]), b=source.choice(names[-6:]))}")
        names.append(f"t{place}")
    lines.append(f"f = {' + '.join(names)}")
    return "\n".join(lines), f"t{at}", {name: source.uniform(0.5, 2) for name in names[:4]}


@pytest.mark.parametrize("seed", range(200))
def test_a_nan_or_inf_is_traced_to_the_stage_where_it_was_put(seed: int) -> None:
    program, culprit, point = poisoned(seed)
    found = explain(program, {name: point[name] for name in stage(program).variables})
    births = [lesson for lesson in found.lessons if lesson.kind == "nonfinite"]
    assert births[0].stage == culprit, (program, births[0])


# -- telling ------------------------------------------------------------------------------


def test_arrays_are_told_by_shape_and_norm() -> None:
    found = explain("sum((W @ x)**2)", "W=[[3,0],[0,4]],x=[1,1]")
    assert [(each.name, each.shape, each.value) for each in found.forward] == [
        ("Wx", (2,), 5.0), ("Wxsqr", (2,), pytest.approx(math.hypot(9, 16))), ("f", (), 25.0),
    ]  # fmt: skip
    told = text(found)
    assert "dW = outer(dWx, x)  (norm" in told and "dx = W.T @ dWx  (norm" in told
    assert "dWx = (2 * Wx) * dWxsqr  (norm" in told
    assert "| `Wx` | `W @ x` | `2` | `5` |" in markdown(found)


@pytest.mark.parametrize("program", ["x*y*" * 50 + "x", "max(x, y, 3)", "3", "x", "2*pi", "floor(x)*y", "x > y",
                                     "where(x > y, x/0, log(-y))", "λ**2 + σ(x)", "_a*_b_**2 + __c*x*y"])  # fmt: skip
@pytest.mark.parametrize("numbers", [(1.0, 2.0), (0.0, 0.0), (math.inf, math.nan), (1e300, -1e300)])
def test_every_format_takes_every_program(program: str, numbers: tuple[float, float]) -> None:
    names = stage(program).variables
    found = explain(program, {name: numbers[place % 2] for place, name in enumerate(names)})
    assert json.loads(json_text(found), parse_constant=pytest.fail)["size"] == found.size
    assert text(found) and markdown(found)


def test_names_with_marks_of_markdown_stand_in_code() -> None:
    told = markdown(explain("_a_*__b__ + max(_a_, __b__)", "_a_=1,__b__=1"))
    outside = re.sub(r"```text\n.*?\n```|`[^`]*`", "", told, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)_", outside) and "\\_a\\_" in outside


def test_a_large_program_is_told_in_a_few_pages() -> None:
    program = "x" + "*y + sin(x)" * 1 + "".join(f" + sin(x*{place})*y" for place in range(5000))
    found = explain(program, "x=0.3,y=0.7")
    assert found.size > 12_000 and found.left_out == found.size - 40 and len(text(found)) < 20_000
    deep = explain("sin(" * 20_000 + "x" + ")" * 20_000, "x=1")
    assert len(text(deep)) < 20_000 and deep.gradient["x"] > 0


def test_only_what_is_asked_for_is_told() -> None:
    found = explain("x*y + x", "x=3,y=-4", wrt=["y"])
    assert [each.name for each in found.sensitivities] == ["y"] and found.ledgers == []
    assert not re.search(r"\bdx\b", text(found))


def test_the_command() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "gradcli", "explain", *words], capture_output=True, text=True)

    told = json.loads(run("x*y", "--at", "x=3,y=-4", "--json", "--step", "x=0.5").stdout)
    assert told["gradient"] == {"x": -4.0, "y": 3.0} and told["step"]["predicted"] == -2.0
    wrong = run("x*y", "--at", "x=3,y=-4", "--step", "z=1")
    assert (wrong.returncode, wrong.stdout) == (2, "") and "--step: the program has no input 'z'" in wrong.stderr


def test_from_python() -> None:
    told = gradcli.compile("x*y + x").explain(x=3, y=-4)
    assert str(told) == text(told.facts) and told._repr_markdown_().startswith("# `f = -9`")


ARRAYS = [json.loads(line) for line in (Path(__file__).parent / "data" / "arrays.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("item", ARRAYS, ids=lambda item: item["id"])
def test_programs_over_arrays_of_the_corpus(item: dict[str, Any]) -> None:
    """Every format; and written out entry by entry, where they are small, with the corpus's gradient."""
    at = json.loads(json.dumps(item["at"]), parse_int=float)
    point = Point(at, frozenset(at))
    evaluation = calculated(stage(item["expr"]), point).evaluation
    found = explained(evaluation, at)
    assert text(found) and markdown(found) and json.loads(json_text(found), parse_constant=pytest.fail)
    try:
        plain = written_out(evaluation)
    except gradcli.GradError:
        return
    for name, gradient in explained(calculated(stage(plain), point).evaluation, at).gradient.items():
        assert np.asarray(gradient) == pytest.approx(np.asarray(item["grad"][name]), rel=1e-8, abs=1e-9), name


# -- entry by entry -----------------------------------------------------------------------

SMALL = "W=[[1,2],[3,4]],X=[[1,0.5],[2,-1]],b=[0.5,-0.25]"


@pytest.mark.parametrize(
    "program",
    ["D = W @ X; sum(D**2)", "sum(softmax(W @ b)*b)", "max(W) - norm(X)", "det(W @ X)", "sum(inv(W) @ b)",
     "Wb_0 = 2*b[0]; sum((W @ b)*Wb_0)", "sum(where(X > 0, X, W))", "trace(W.T)*mean(X[0]) + sum(W[:, None, 0])"],
)  # fmt: skip
def test_a_program_over_arrays_written_out_has_the_same_value_and_gradient(program: str) -> None:
    point = read_point((SMALL,))
    point = point._replace(loose=frozenset(point.values))
    evaluation = calculated(stage(program), point).evaluation
    plain = written_out(evaluation)
    found = explained(calculated(stage(plain), point).evaluation, point.values)
    assert found.value == pytest.approx(evaluation.value(evaluation.program.output), rel=1e-13)
    for leaf in evaluation.program.inputs:
        wanted = np.asarray(evaluation.gradient(leaf))
        assert np.asarray(found.gradient[leaf.static.base])[leaf.static.places] == pytest.approx(wanted, rel=1e-11)


def test_the_entries_of_a_product_are_the_sums_that_the_note_writes() -> None:
    evaluation = calculated(stage("D = W @ X; sum(D)"), read_point(("W=[[1,2],[3,4]],X=[[1],[2]]",))).evaluation
    assert written_out(evaluation).splitlines() == [
        "D_0_0 = W[0, 0] * X[0, 0] + W[0, 1] * X[1, 0]",
        "D_1_0 = W[1, 0] * X[0, 0] + W[1, 1] * X[1, 0]",
        "f = D_0_0 + D_1_0",
    ]


def test_what_is_too_large_is_not_written_out() -> None:
    evaluation = calculated(stage("sum(W)"), Point({"W": [[0.0] * 4] * 2}, frozenset())).evaluation
    with pytest.raises(gradcli.GradError) as caught:
        written_out(evaluation)
    assert caught.value.message == "--entries writes out arrays up to 3 × 3, and W is 2 × 4"
    scalar = calculated(stage("x*y"), read_point(("x=1,y=2",))).evaluation
    assert written_out(scalar) == "x*y"
