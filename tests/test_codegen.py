"""`gradcli codegen`: the note's own code, names that a language cannot have, arrays, checks of itself, the command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import languages
import numpy as np
import pytest
from click.testing import CliRunner, Result
from languages import Case, Values, bits, evaluated

from gradcli.backward import TIES
from gradcli.cli.codegen_command import command
from gradcli.codegen import TARGETS, generate
from gradcli.codegen.target import FORMS, STYLES, Options
from gradcli.errors import GradError
from gradcli.gates import GATES
from gradcli.staging import stage

GOLDEN = Path(__file__).parent / "golden"
SIXTH = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
NEURON = "dot = w[0]*x[0] + w[1]*x[1] + w[2]; f = 1/(1 + exp(-dot))"
KINKS = "max(x, y, 0)*min(x, 2) + relu(x)*w[0] - abs(y) + where(x > 0, y, w[2]) + sqrt(x) + x**y"
AT = {"x": 0.5, "y": -1.5, "w": [1.0, 2.0, 3.0]}


def code(text: str, target: str = "python", **options: object) -> str:
    return generate(stage(text), target, Options(**options))  # type: ignore[arg-type]


def statements(text: str) -> list[str]:
    """Lines without comments and blank lines."""
    return [line for line in (re.sub(r" *#.*", "", line) for line in text.splitlines()) if line]


# -- the note's code ----------------------------------------------------------------------


def test_the_fifth_function_is_the_notes_line_for_line():
    script = code(SIXTH, form="script", style="note", point={"x": 3.0, "y": -4.0})
    assert statements(script) == statements((GOLDEN / "fifth.py").read_text())


@pytest.mark.parametrize(
    ("name", "text", "style", "point"),
    [
        ("first", "q = x + y; f = q * z", "df", {"x": -2.0, "y": 5.0, "z": -4.0}),
        ("neuron", NEURON, "note", {"w": [2.0, -3.0, -3.0], "x": [-1.0, -2.0]}),
    ],
)
def test_the_first_examples_have_the_notes_lines(name, text, style, point):
    script = code(text, form="script", style=style, point=point)
    assert sorted(statements(script)) == sorted(statements((GOLDEN / f"{name}.py").read_text()))


def test_stages_and_groups_are_numbered_and_named():
    text = code(SIXTH)
    assert "    sigx = sigmoid(x)  # (3)\n" in text
    assert "    # backprop den = sigx + xpysqr  (6)\n" in text
    assert "    dx = dxpy\n" in text and "    dx += dnum\n" in text


def test_line_n_in_c_is_line_n_in_python():
    spelled = {target: code(SIXTH, target, form="lines").splitlines() for target in ("python", "c", "javascript")}
    names = {
        target: [re.sub(r"^(double|const|let|//|#) ", "", line).split(" ")[0].rstrip("_") for line in lines]
        for target, lines in spelled.items()
    }
    assert names["c"] == names["python"] == names["javascript"]


def test_header_tells_arguments_conventions_and_what_is_reused():
    text = code(KINKS)
    told = text[: text.index("# forward")]
    assert "max or min the first of the equal operands takes the whole gradient" in told
    assert "relu'(0) = 0" in told and "abs'(0) = 0" in told and "sqrt'(0) = inf" in told
    assert "reuses" in told and "ZeroDivisionError" in told


def test_a_name_for_the_function():
    assert "def energy(x, y):" in code("x*y", name="energy")
    assert "double energy(double x, double y, double *dx, double *dy)" in code("x*y", "c", name="energy")
    for name in ("os.system", "x)", "class", "é"):
        with pytest.raises(GradError):
            code("x*y", name=name)


# -- names --------------------------------------------------------------------------------

HOSTILE = """lambda int exp np self dx f _ e1 λ class math numpy torch jax import None main printf errno I signgam y0 j0
    gamma __x _X _1 __1 double static max sigmoid df value_and_gradient valueAndGradient value ctx saved let const new
    arguments eval NULL EOF sum print π_ x_ return forward moved step kept sin __import__ __LINE__ linux unix Ω await
    undefined Infinity Math l O stdin float long Object yield""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_gives_code_that_runs(name, tmp_path):
    case = Case(f"{name}*x0 + {name}**2*dx0 + sigmoid({name}) + max({name}, x0)", [{name: 1.5, "x0": -2.0, "dx0": 3.0}])
    want = evaluated(case)
    assert languages.python([case])[0][0] == want[0]
    assert languages.numpy([case])[0][0].value == pytest.approx(want[0].value)
    for package in ("torch", "jax"):
        compile(languages.code(case, package), package, "exec")


def test_all_hostile_names_at_once(tmp_path):
    values = {name: 0.5 + number for number, name in enumerate(HOSTILE)}
    case = Case(" + ".join(f"{name}*sin({name})" for name in HOSTILE), [values])
    (want,) = evaluated(case)
    assert languages.python([case])[0][0] == want
    if languages.CC:
        assert_near(languages.c([case], tmp_path), want)
    if languages.NODE:
        assert_near(languages.javascript([case], tmp_path), want)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "text",
    [
        "x*x_ + dx*dx_ + x + x_",
        "m = max(a, b, c); m*dm_left + dm_ties",
        "q = x + y; f = q*z + dqdx*dfdx + dfdq + dfdz*dqdy",
        "dx*x + d_x*d_dx",
    ],
)
def test_names_that_look_like_gradients(text, style, tmp_path):
    program = stage(text)
    case = Case(text, [{name: 1.0 + 0.5 * place for place, name in enumerate(program.variables)}])
    scope: dict[str, object] = {}
    exec(code(text, style=style), scope)
    value, gradient = scope["value_and_gradient"](**case.points[0])  # type: ignore[operator]
    assert (value, list(gradient.values())) == evaluated(case)[0]
    if languages.CC:
        assert_near(languages.c([case], tmp_path), evaluated(case)[0])


def assert_near(found: list[list[languages.Result]], want: languages.Result) -> None:
    (got,) = found[0]
    assert [got.value, *got.gradient] == pytest.approx([want.value, *want.gradient], rel=1e-13)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_the_user_wrote_gets_into_the_code(target):
    text = code('f = x*y # """; import os; */ \\end{align} ${x} PLANTED', target)
    assert "PLANTED" not in text and "import os" not in text


# -- numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["x*1e400", "x + 1e-400", "x*(1e300*1e300)", "x*100000000000000000000", "x/3 + 1/3", "2**-x"]
)
def test_numbers_of_any_size(text, tmp_path):
    case = Case(text, [{"x": 1.5}])
    want = evaluated(case)
    assert not re.search(r"\b(inf|nan)\b", re.sub(r"\w+\.inf\b", "", languages.code(case, "python")))
    assert [bits(result.value) for result in languages.python([case])[0]] == [bits(result.value) for result in want]
    if languages.CC:
        assert languages.c([case], tmp_path)[0][0] == want[0]


def test_python_never_turns_complex():
    result = languages.python([Case("x**(1/3)", [{"x": -8.0}])])[0][0]
    assert isinstance(result, ValueError)


def test_many_operands_make_short_lines():
    texts = [
        "*".join(f"x{place}" for place in range(200)),
        "+".join(["x"] * 4001),
        f"max({', '.join(f'x{i}' for i in range(500))})",
    ]
    for text in texts:
        compile(code(text), "code", "exec")
    lines = [line for line in code(texts[0]).splitlines() if "=" in line and "#" not in line[:8]]
    assert len(lines) <= 1000


# -- inputs -------------------------------------------------------------------------------


def test_only_the_gradients_asked_for():
    text = generate(stage("a = x*W; f = a*a + b"), "python", Options(), wrt=["b"])
    assert "da" not in text and 'return f, {"b": db}' in text
    header = generate(stage("x*W + b"), "c", Options(), wrt=["W", "b"])
    assert "double x, double W, double b, double *dW, double *db)" in header


def test_inputs_without_a_use_stay_parameters(tmp_path):
    case = Case("q = x*y; f = 3*x", [{"x": 2.0, "y": 5.0}])
    assert languages.python([case])[0] == evaluated(case)
    assert "q = " not in code(case.text)
    if languages.CC:
        assert languages.c([case], tmp_path)[0] == evaluated(case)


def test_a_name_that_is_a_number_and_a_list_is_a_mistake():
    with pytest.raises(GradError, match="different numbers of indices"):
        code("w*w[0]")


# -- arrays -------------------------------------------------------------------------------


def numpy_function(text: str, ties: str = "first") -> object:
    scope: dict[str, object] = {}
    exec(generate(stage(text), "numpy", Options(), ties), scope)
    return scope["value_and_gradient"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ties", TIES)
def test_numpy_on_arrays_is_the_loop_over_numbers(ties):
    text = "max(x, y)*z + relu(x)*y - log(x**2 + y) + x/(y - y)*0 + sigmoid(x*1000)"
    source = np.random.default_rng(1)
    arrays = {name: source.integers(-3, 4, (5, 4)).astype(float) for name in "xyz"}
    value, gradient = numpy_function(text, ties)(**arrays)
    for place in np.ndindex(5, 4):
        (want,) = evaluated(Case(text, [{name: float(array[place]) for name, array in arrays.items()}], ties))
        got = [value[place], *(gradient[name][place] for name in "xyz")]
        np.testing.assert_allclose(got, [want.value, *want.gradient], rtol=1e-14)


def test_numpy_undoes_broadcasting():
    arrays = {"x": np.ones((4, 1)), "y": np.arange(3.0), "z": 2.0, "u": np.ones((1, 3))}
    value, gradient = numpy_function("(x + y)/(z + x*u)*y")(**arrays)
    assert value.shape == (4, 3)
    assert {name: np.shape(part) for name, part in gradient.items()} == {
        name: np.shape(arrays[name]) for name in "xyzu"
    }
    step = 1e-6
    moved = numpy_function("(x + y)/(z + x*u)*y")(**{**arrays, "z": 2.0 + step})[0]
    assert gradient["z"] == pytest.approx(np.sum(moved - value) / step, rel=1e-5)


@pytest.mark.parametrize("text", ["x + y", "x", "(x + y)*x + y", "x - y + x*2", "q = x + y; r = q; f = r*q + x", SIXTH])
def test_numpy_shares_no_memory(text):
    function = numpy_function(text)
    arrays = {name: np.array([0.5, 1.5]) for name in stage(text).variables}
    for array in arrays.values():
        array.flags.writeable = False
    value, gradient = function(**arrays)
    wanted = {name: part.copy() for name, part in gradient.items()}
    for name, part in [*gradient.items(), ("f", value)]:
        part *= 2.0  # would show in another one if they shared memory
        assert all(np.array_equal(gradient[other], wanted[other]) for other in wanted if other != name)
        part /= 2.0
    again = function(**arrays)[1]
    assert all(np.array_equal(again[name], wanted[name]) for name in wanted)


# -- scripts ------------------------------------------------------------------------------


def run(target: str, text: str, folder: Path, values: Values) -> subprocess.CompletedProcess[str]:
    suffix = {"c": "c", "javascript": "mjs"}.get(target, "py")
    path = folder / f"script.{suffix}"
    path.write_text(text)
    commands = {
        "c": f"{languages.CC} -std=c99 -Wall -Wextra -Werror {path} -o {folder}/a.out -lm && {folder}/a.out",
        "javascript": f"node --check {path} && node {path}",
    }
    command = commands.get(target, f"{sys.executable} {path}")
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True)


@pytest.mark.parametrize("target", ["python", "numpy", "c", "javascript"])
def test_a_script_checks_itself(target, tmp_path):
    if (target == "c" and not languages.CC) or (target == "javascript" and not languages.NODE):
        pytest.skip(f"nothing here runs {target}")
    text = code(
        "x*sin(h) + w[0]*W[1, 0]**2*x",
        target,
        form="script",
        selfcheck=True,
        point={**AT, "h": 2.0, "W": [[1.0], [3.0]]},
    )
    assert run(target, text, tmp_path, AT).returncode == 0
    wrong = re.sub(r"cos\((h)\)", r"sin(\1)", text)
    assert wrong != text
    assert run(target, wrong, tmp_path, AT).returncode == 1


RUNNABLE = ["python", "numpy", *(["c"] if languages.CC else []), *(["javascript"] if languages.NODE else [])]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("style", STYLES)
def test_every_form_and_style_of_every_language(target, form, style, tmp_path):
    text = code(KINKS + " + log(w[1])", target, form=form, style=style, point=AT)
    if form == "script" and target in RUNNABLE:
        assert run(target, text, tmp_path, AT).returncode == 0
    elif target not in ("c", "javascript", "latex"):
        compile(text, target, "exec")


@pytest.mark.parametrize("target", ["python", "numpy", "torch", "jax"])
def test_ruff_has_nothing_to_say(target, tmp_path):
    """By its default rules."""
    for number, text in enumerate([SIXTH, NEURON, KINKS, *(gate.form.replace(", ...", "") for gate in GATES.values())]):
        if (target, text) != ("torch", "cbrt(x)"):
            (tmp_path / f"code{number}.py").write_text(code(text, target))
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    done = subprocess.run(
        [str(ruff), "check", "--isolated", "--no-cache", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[:2000]


# -- the command --------------------------------------------------------------------------


def invoke(arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(command, shlex.split(arguments), input=given)


def test_text_comes_from_a_pipe_and_code_goes_to_a_file(tmp_path):
    piped = invoke("--target c", "x*y")
    assert piped.exit_code == 0 and "double value_and_gradient" in piped.stdout
    assert invoke(f"x*y --target c -o {tmp_path}/code.c").stdout == ""
    assert (tmp_path / "code.c").read_text() == piped.stdout


def test_a_selfcheck_needs_a_script():
    result = invoke("x*y --selfcheck")
    assert isinstance(result.exception, GradError) and "--form script" in result.exception.hint


@pytest.mark.parametrize("target", TARGETS)
def test_a_selfcheck_is_written_or_refused_by_name(target):
    result = invoke(f"x*y --form script --selfcheck --target {target}")
    if target in ("jax", "latex"):
        assert isinstance(result.exception, GradError) and target in str(result.exception)
        assert "python, numpy, c, javascript" in result.exception.hint
    else:
        assert result.exit_code == 0 and any(word in result.stdout for word in ("1e-05", "gradcheck"))


def test_colour_on_a_terminal_only():
    program = [sys.executable, "-m", "gradcli", "codegen", "x*y"]
    plain = subprocess.run(program, capture_output=True, text=True, env={**os.environ, "FORCE_COLOR": "0"}).stdout
    coloured = subprocess.run(
        program, capture_output=True, text=True, env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    ).stdout
    assert "\x1b" not in plain and "\x1b" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_same_bytes_whatever_the_hash_seed():
    script = "import sys; from test_codegen import everything; sys.stdout.write(everything())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1 and len(outputs.pop()) > 10_000


def everything() -> str:
    """Code in every language and under every rule for ties."""
    texts = [SIXTH, NEURON, KINKS, " + ".join(f"{name}*2" for name in HOSTILE)]
    return "\n".join(
        generate(stage(text), target, Options(form="script"), ties)
        for text in texts
        for target in TARGETS
        for ties in TIES
    )
