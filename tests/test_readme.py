"""The README tells the truth: its commands run and print what is shown; `pytest --update` rewrites what is shown."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from calculation import calculate
from transcript import ROOT, printed, run, same, steps, written

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.gates import GATES, Gate
from gradcli.staging import stage

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEPS = [step for kind, body in FENCE.findall(TEXT) if kind == "console" for step in steps(body)]
# What a system may lack.
TOOLS = ("cc", "column", "jq", "xargs")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.command)
def test_a_command_prints_what_is_shown(step, update: bool) -> None:
    for tool in TOOLS:
        if re.search(rf"\b{tool} -", step.command) and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    found = printed(run(step.script))
    if update:
        text = README.read_text(encoding="utf-8")
        README.write_text(text.replace(written([step]), written([step._replace(shown=found)])), encoding="utf-8")
    else:
        assert same(found, step.shown), found


def test_only_the_commands_that_install_are_not_run() -> None:
    kinds = {kind for kind, _ in FENCE.findall(TEXT)}
    assert kinds == {"console", "sh", "python"}
    assert all(body.startswith("python3 -m venv") for kind, body in FENCE.findall(TEXT) if kind == "sh")


def test_the_test_command_is_the_one_that_is_run_before_a_change_goes_in() -> None:
    command = next(body for kind, body in FENCE.findall(TEXT) if kind == "sh" and "pytest" in body)
    assert command.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_map_of_the_code_names_every_file_below_what_it_imports() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", TEXT, re.MULTILINE)
    shown = re.findall(r"`(\S+?)`", " ".join(rows))
    modules = [path.name for path in (ROOT / "gradcli").glob("*.py")]
    packages = [f"{path.parent.name}/" for path in (ROOT / "gradcli").glob("*/__init__.py")]
    assert sorted(shown) == sorted(modules + packages)
    for place, name in enumerate(shown[: shown.index("cli/")]):
        assert imports(name) <= set(shown[:place]), name


def imports(name: str) -> set[str]:
    """The modules of gradcli that a file or a package imports from."""
    path = ROOT / "gradcli" / name.rstrip("/")
    source = "".join(file.read_text(encoding="utf-8") for file in ([path] if path.is_file() else path.glob("*.py")))
    found = re.findall(r"^ *from gradcli(?:\.(\w+)\S*)? import (\w+)", source, re.MULTILINE)
    modules = {module or imported for module, imported in found}
    return {f"{module}.py" if (path.parent / f"{module}.py").is_file() else f"{module}/" for module in modules} - {name}


def test_the_gate_that_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(body for kind, body in FENCE.findall(TEXT) if kind == "python" and body.startswith("Gate("))
    gate = eval(row, {"Gate": Gate})
    monkeypatch.setitem(GATES, gate.name, gate)
    assert calculate("cube(x)", "x=2").gradient == {"x": 12.0}


@pytest.mark.skipif(shutil.which("awk") is None, reason="awk is not installed")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "3 -4"),
        ("max(x, y)*relu(y) + abs(x) - sqrt(x)*pi", "3 4"),
        ("where(x > y, log(x), cos(y))**2 * silu(y)", "3 -4"),
    ],
)
def test_the_language_that_is_added(text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = next(body for kind, body in FENCE.findall(TEXT) if kind == "python" and "TARGET = " in body)
    module = ModuleType("gradcli.codegen.awk")
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "program.awk").write_text(generate(stage(text), "awk", Options()))
    ours = run(f"echo {line} | awk -v OFMT=%.17g -f program.awk", tmp_path)
    expected = calculate(text, ",".join(f"{name}={value}" for name, value in zip("xy", line.split(), strict=True)))
    assert [float(number) for number in ours.stdout.split()] == pytest.approx(
        [expected.value, *expected.gradient.values()], rel=1e-13
    ), printed(ours)
