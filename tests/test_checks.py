"""The checks say the right thing: no false alarm, the right leg blamed, no name or tower that breaks them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy
from click.testing import CliRunner

from gradcli.calculate import Calculated, calculated
from gradcli.checks import METHODS, checked, difference, forward, numeric, referee, symbolic
from gradcli.checks.scene import Scene
from gradcli.checks.slopes import Sides
from gradcli.checks.verdict import Check
from gradcli.cli.main import commands
from gradcli.errors import GradError
from gradcli.evaluate import Evaluation, evaluate
from gradcli.gates import GATES, Gate, parameters
from gradcli.point import Point, bind, read_point
from gradcli.staging import stage

DATA = Path(__file__).parent / "data"
HARD = [json.loads(line) for line in (DATA / "check_points.jsonl").open(encoding="utf-8")]
CORPUS = [json.loads(line) for line in (DATA / "corpus.jsonl").open(encoding="utf-8")]
EXACT = ["numeric", "sympy", "forward"]


def evaluated(text: str, at: str | dict[str, Any], ties: str = "first", fuse: bool = True) -> Evaluation:
    program = stage(text, fuse)
    point = read_point((at,)) if isinstance(at, str) else Point(at, frozenset())
    return evaluate(program, bind(program, point)[0], ties)


def verdicts(text: str, at: str | dict[str, Any], methods: list[str] = EXACT, **how: Any) -> dict[str, Check]:
    return {check.method: check for check in checked(evaluated(text, at, **how), methods)}


def numeric_verdict(text: str, at: str, **how: Any) -> str:
    return verdicts(text, at, ["numeric"], **how)["numeric"].verdict


# -- no false alarm -------------------------------------------------------------------------


@pytest.mark.parametrize("point", HARD, ids=lambda point: point["expr"])
def test_hard_points_get_the_right_verdict(point: dict[str, Any]) -> None:
    at = {name: float(value) for name, value in point["at"].items()}
    found = verdicts(point["expr"], at, [*EXACT, "difference"])
    assert {found[method].verdict for method in EXACT} == {point["verdict"]}
    assert {found[method].status for method in EXACT} == {"agrees"}
    assert found["difference"].status != "disagrees"


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item["id"])
def test_right_gradients_are_not_called_wrong(item: dict[str, Any]) -> None:
    for check in checked(evaluated(item["expr"], item["at"]), [*METHODS]):
        assert check.status != "disagrees", check
        assert check.verdict in ("agrees", "cancellation", "skipped", "kink"), check


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize(
    ("text", "at", "verdict"),
    [
        ("max(x, y)", "x=2,y=2", "kink"),
        ("max(x, y, z)", "x=1,y=1,z=1", "kink"),
        ("min(max(x, 0), 6)", "x=6", "kink"),
        ("relu(x)", "x=0", "kink"),
        ("abs(x)", "x=0", "kink"),
        ("leaky_relu(x)", "x=0", "kink"),
        ("hypot(x, y)", "x=0,y=0", "kink"),
        ("relu(x) - relu(-x)", "x=0", "convention"),
        ("relu(x)**2", "x=0", "agrees"),
        ("x*abs(x)", "x=0", "agrees"),
        ("x**y", "x=0,y=2", "agrees"),
        ("0**x", "x=1.5", "agrees"),
        ("(x + y) - y", "x=1,y=1e17", "agrees"),
        ("softplus(x)", "x=-1000", None),
        ("x**1.5", "x=0", "boundary"),
        ("sqrt(x)", "x=0", "boundary"),
        ("asin(x)", "x=1", "boundary"),
        ("cbrt(x)", "x=0", "boundary"),
        ("log(x)", "x=0", "boundary"),
        ("log(x)", "x=-1", "boundary"),
        ("x**x", "x=0", "boundary"),
        ("sin(x)/x", "x=0", "boundary"),
        ("sqrt(x**2 + y**2)", "x=0,y=0", "boundary"),
        ("floor(x)", "x=2", "boundary"),
        ("log(1 + exp(x))", "x=1000", "overflow"),
        ("relu((x + y) - y)", "x=1,y=1e17", "cancellation"),
        ("where(x > 0, x, -x)", "x=0", "kink"),
        ("x*1", "x=5e-324", "agrees"),
        ("sin(x)", "x=1e300", "agrees"),
        ("1 + x", "x=1e-200", "agrees"),
    ],
)
def test_verdicts_at_kinks_and_edges(text: str, at: str, verdict: str | None, ties: str, fuse: bool) -> None:
    found = verdicts(text, at, [*METHODS], ties=ties, fuse=fuse)
    assert all(check.status != "disagrees" for check in found.values()), found
    summed = ["convention"] if ties == "both" and text.startswith("max") else []  # more than the slope, by convention
    assert found["numeric"].verdict in [verdict or found["numeric"].verdict, *summed]


def test_equal_operands_under_ties_both_are_a_convention() -> None:
    assert numeric_verdict("max(x, x)", "x=3") == "agrees"
    assert numeric_verdict("max(x, x)", "x=3", ties="both") == "convention"


def test_a_singularity_that_sympy_cancels_is_recognised() -> None:
    found = verdicts("x/x", "x=0", ["sympy"])["sympy"]
    assert (found.status, found.verdict) == ("skipped", "boundary")
    assert "removable singularity" in found.reason


# -- what the classroom's method says -------------------------------------------------------


def test_a_difference_names_the_kink_that_it_crosses() -> None:
    found = verdicts("q = 2*x; relu(q)", "x=1e-7", ["difference"])["difference"]
    assert (found.status, found.verdict) == ("skipped", "kink")
    assert "crosses the kink of f" in found.reason


@pytest.mark.parametrize(
    ("error", "word"),
    [(0.5, "probably wrong"), (5e-3, "uncomfortable"), (1e-6, "fine where there are kinks"), (1e-9, "happy")],
)
def test_the_bands_are_the_course_s(error: float, word: str) -> None:
    assert difference.band(error) == word


def test_a_difference_that_is_far_off_does_not_decide() -> None:
    found = verdicts("sin(100000*x)", "x=1", ["difference"])["difference"]
    assert found.status == "skipped"
    assert "probably wrong" in found.reason and "the exact slope is with the gradient" in found.reason


# -- the referee ----------------------------------------------------------------------------


def shifted(honest: Callable[..., Sides]) -> Callable[..., Sides]:
    def wrong(*args: Any) -> Sides:
        found = honest(*args)
        return Sides(found.left * 1.001, found.right * 1.001)

    return wrong


NOTE = ("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "x=3,y=-4")


def test_a_wrong_gradient_is_blamed() -> None:
    right = evaluated(*NOTE)
    wrong = right._replace(gradients=[g and g * (1 + 1e-9) for g in right.gradients])
    for check in checked(wrong, ["sympy", "numeric"]):
        assert check.status == "disagrees"
        assert "believes sympy, numeric, not the gradient" in check.reason


@pytest.mark.parametrize(("leg", "module"), [("sympy", symbolic), ("numeric", numeric)])
def test_a_wrong_leg_is_blamed(leg: str, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "sides" if leg == "numeric" else "_sides"
    monkeypatch.setattr(module, name, shifted(getattr(module, name)))
    found = verdicts(*NOTE, ["sympy", "numeric"])
    assert found[leg].status == "skipped"
    assert f"not {leg}" in found[leg].reason and "believes the gradient" in found[leg].reason
    assert all(check.status == "agrees" for method, check in found.items() if method != leg)


def test_wrong_dual_numbers_are_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = forward._speed
    monkeypatch.setattr(forward, "_speed", lambda *args: (shifted(lambda: honest(*args)[0])(), honest(*args)[1]))
    found = verdicts(*NOTE)["forward"]
    assert found.status == "skipped"
    assert "believes the gradient, numeric, sympy" in found.reason


def test_a_wrong_difference_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = difference._difference
    monkeypatch.setattr(difference, "_difference", lambda *args: 1.5 * honest(*args))
    found = verdicts(*NOTE, [*METHODS])
    assert found["difference"].status == "skipped"
    assert "the exact slope is with the gradient" in found["difference"].reason
    assert {found[method].status for method in EXACT} == {"agrees"}


@pytest.mark.parametrize("error", [3e-2, 1e-3, 1e-6, 1e-9])
def test_the_remainder_tells_a_gradient_from_nearly_one(error: float) -> None:
    right = evaluated(*NOTE)
    slopes = {"dx": right.gradient(right.program.inputs[0])}
    wrong = {"dx": slopes["dx"] * (1 + error)}
    assert referee.believed(Scene(right), {"right": slopes, "wrong": wrong}) == {"right": True, "wrong": False}


# -- safety ---------------------------------------------------------------------------------


@pytest.fixture
def no_text_for_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    """sympy's parser, through which all text goes that sympify is given, raises."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("text reached sympy's parser")

    monkeypatch.setattr("sympy.parsing.sympy_parser.parse_expr", refuse)
    monkeypatch.setattr("sympy.parsing.sympy_parser.eval_expr", refuse)
    with pytest.raises(AssertionError):
        sympy.sympify("x")


@pytest.mark.parametrize("name", ["S", "N", "I", "E", "Q", "beta", "lambda", "__class__", "gamma", "zeta", "O", "_x"])
def test_variables_never_meet_sympy_s_own_names(name: str, no_text_for_sympy: None) -> None:
    found = verdicts(f"{name}**2 + sin({name})*x", {name: 2.0, "x": 3.0}, [*METHODS])
    assert {check.status for check in found.values()} == {"agrees"}


def test_every_gate_goes_to_sympy_without_text(no_text_for_sympy: None) -> None:
    for gate in GATES.values():
        checked(evaluated(gate.form.replace(", ...", ""), middle(gate)), ["sympy"])


def middle(gate: Gate) -> dict[str, float]:
    return {letter: (low + high) / 2 + 0.1 for letter, (low, high) in zip(parameters(gate), gate.near, strict=True)}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("9**9**9**x", "x=1"),
        ("9**9**9**9*x", "x=1"),
        ("x**x**x**x**x", "x=9"),
        ("(x + 1)**100000", "x=0.5"),
        ("exp(exp(exp(exp(x))))", "x=3"),
        ("sin(exp(exp(x)))", "x=6"),
        ("1/exp(exp(exp(x)))", "x=5"),
        (";".join(["a0 = x", *(f"a{n + 1} = sin(a{n}) + sin(a{n})" for n in range(60))]), "x=1"),
        ("+".join(f"sin(x*{n})" for n in range(1, 400)), "x=1"),
        ("*".join(["x"] * 3000), "x=1.0001"),
    ],
)
def test_towers_and_bombs_do_not_hang_it(text: str, at: str) -> None:
    begun = time.monotonic()
    found = verdicts(text, at, [*METHODS])
    assert all(check.status != "disagrees" for check in found.values()), found
    assert time.monotonic() - begun < 60


# -- the table is the only place that knows a gate --------------------------------------------


def test_a_new_row_is_checked_without_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    cube = Gate("cube", "cube(x)", "", {"x": "3 * x ** 2"}, means="x ** 3", stem="{x}cubed")
    monkeypatch.setitem(GATES, "cube", cube)
    found = verdicts("sin(cube(x)) + y", "x=1.5,y=2", [*METHODS])
    assert {check.status for check in found.values()} == {"agrees"}
    assert {check.verdict for check in found.values()} == {"agrees"}


# -- the command line -------------------------------------------------------------------------


def ran(*args: str, text: str | None = None) -> tuple[int, str, str]:
    """Exit status, standard output and error of the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gradcli", *args],
        input=text, capture_output=True, text=True, env={**os.environ, "FORCE_COLOR": "", "NO_COLOR": "1"}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def inside(*args: str) -> Any:
    """What a command returns, in this process."""
    return commands.main([*args], prog_name="gradcli", standalone_mode=False)


def test_a_word_after_check_that_is_no_method_is_the_expression(capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("eval", "--check", "x*y", "--at", "x=3,y=-4", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == -12
    assert found["checks"] == [{"method": "sympy", "status": "agrees", "max_relative_difference": 0.0}]


def test_checks_are_in_the_json_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    inside("eval", "x*y", "--at", "x=3,y=-4", "--json")
    assert "checks" not in json.loads(capsys.readouterr().out)


def test_text_of_a_check_goes_to_standard_error() -> None:
    status, out, err = ran("eval", "x*y", "--at", "x=3,y=-4", "--check", "numeric")
    assert (status, out) == (0, "f\t-12.0\ndx\t-4.0\ndy\t3.0\n")
    assert err == "check: numeric agrees, largest relative difference 0\n"


def test_all_methods_are_run(capsys: pytest.CaptureFixture[str]) -> None:
    inside("eval", "x*y", "--at", "x=3,y=-4", "--json", "--check", "all")
    assert [check["method"] for check in json.loads(capsys.readouterr().out)["checks"]] == [*METHODS]


def test_nothing_verified_is_said() -> None:
    status, out, _ = ran("check", "log(x)", "--at", "x=-1")
    assert status == 0
    assert out.endswith("verdict\tnot verified\n")
    assert ran("eval", "log(x)", "--at", "x=-1", "--check")[2].endswith("check: not verified\n")


def test_a_wrong_gradient_is_exit_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from gradcli.cli import check_command

    def wrong(*args: Any) -> Calculated:
        right = calculated(*args)
        gradients = [g and g * 1.001 for g in right.evaluation.gradients]
        return right._replace(evaluation=right.evaluation._replace(gradients=gradients))

    monkeypatch.setattr(check_command, "calculated", wrong)
    assert inside("check", "x*y", "--at", "x=3,y=-4") == 1
    assert capsys.readouterr().out.endswith("verdict\tDISAGREES\n")
    assert inside("check", "x*y", "--at", "x=3,y=-4", "--json") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "DISAGREES"


def test_check_shows_every_gradient_and_method() -> None:
    status, out, _ = ran("check", "q = x + y; f = q * z", "--at", "x=-2,y=5,z=-4")
    assert status == 0
    assert out.startswith("f\t-12.0\ndx\t-4.0\tagrees\ndy\t-4.0\tagrees\ndz\t3.0\tagrees\ndq\t-4.0\tagrees\n")
    assert [line.split("\t")[0] for line in out.splitlines()[5:]] == [*METHODS, "verdict"]


def test_strict_makes_a_convention_an_error() -> None:
    how = ("relu(x) - relu(-x)", "--at", "x=0", "--method", "numeric")
    assert ran("check", *how)[0] == 0
    status, out, err = ran("check", *how, "--strict")
    assert (status, out) == (2, "")
    assert "--strict" in err


def test_wrt_limits_what_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("check", "x*y + sin(z)", "--at", "x=3,y=-4,z=1", "--wrt", "x", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in found["gradients"]][:1] == ["dx"]
    assert not {"dy", "dz"} & {part["name"] for part in found["gradients"]}


CASES = """\
{"expr": "sqrt(x)", "at": {"x": 2}}

{"expr": "relu(x)", "at": {"x": 0}}
{"expr": "w[0]*x", "at": {"w": [3], "x": "pi/2"}}
"""


def test_many_cases_and_a_summary() -> None:
    status, out, err = ran("check", "--cases", "-", text=CASES)
    assert (status, out) == (0, "1\tagrees\tsqrt(x)\n3\tkink\trelu(x)\n4\tagrees\tw[0]*x\n")
    assert err == "check: 3 cases: 2 agrees, 1 kink\n"


def test_cases_as_json_and_a_bad_one(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(CASES + '{"expr": "sqrt(x"}\nnonsense\n{"at": {}}\n')
    status, out, err = ran("check", "--cases", str(file), "--json")
    assert status == 2
    found = [json.loads(line) for line in out.splitlines()]
    assert [case["verdict"] for case in found] == ["agrees", "kink", "agrees", "error", "error", "error"]
    assert [case["line"] for case in found] == [1, 3, 4, 5, 6, 7]
    assert "line 5" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "args", [["x*y", "--cases", "-"], ["--cases", "-"], ["x*y"], ["x*y", "--at", "x=1,y=2", "--method", "nosuch"]]
)
def test_mistakes_end_with_status_2(args: list[str]) -> None:
    status, out, err = ran("check", *args, text="")
    assert (status, out) == (2, "")
    assert err.startswith("error: ")


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    asked = ["check", "relu(x)", "--at", "x=0", "--format", "table"]
    shown = CliRunner().invoke(commands, asked, standalone_mode=False)
    assert "verdict: kink" in shown.output and "numeric" in shown.output


def test_the_checks_load_neither_sympy_nor_mpmath_before_they_are_asked() -> None:
    code = "import sys, gradcli.checks, gradcli.cli.check_command; print({'mpmath', 'sympy'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_errors_have_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GradError) as caught:
        inside("check", "x + sigmod(y)", "--at", "x=1,y=2")
    assert caught.value.span is not None


def test_where_rounding_eats_the_digits_the_exact_slope_is_not_said_to_be_with_the_gradient() -> None:
    (check,) = checked(calculated(stage("(1 - cos(x))/x**2"), read_point(("x=1e-7",))).evaluation, ["difference"])
    assert "rounding ate the digits" in check.reason
    assert "the exact slope is with the gradient" not in check.reason
