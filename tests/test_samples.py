"""Every file of samples/ prints what stands beside it; `pytest --update` rewrites that.

Values and gradients are held against a second source, so that the samples are not their own oracle.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import truth
from transcript import ROOT, printed, run, same, steps, written

SAMPLES = ROOT / "samples"
MISTAKES = sorted((SAMPLES / "errors").glob("*.console"))
PROGRAMS = sorted(set(SAMPLES.rglob("*.console")) - set(MISTAKES))
# What is in these folders has its second source in tests of their own.
APART = ("warnings", "checks", "codegen", "tables", "arrays", "diagnose", "explain", "draw", "training")
SMOOTH = [path for path in PROGRAMS if path.parent.name not in APART]


def name_of(path: Path) -> str:
    return str(path.relative_to(SAMPLES).with_suffix(""))


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_a_program_prints_what_stands_beside_it(path: Path, update: bool) -> None:
    check(path, update, status=int(path.parent.name == "diagnose"))  # each has a wrong line


@pytest.mark.parametrize("path", MISTAKES, ids=name_of)
def test_a_mistake_has_its_message(path: Path, update: bool) -> None:
    check(path, update, status=2)


def check(path: Path, update: bool, status: int) -> None:
    transcript = list(steps(path.read_text(encoding="utf-8")))
    assert transcript
    found = []
    for step in transcript:
        result = run(step.script)
        assert result.returncode == status, printed(result)
        assert (result.stdout == "") == (status == 2)
        found.append(step._replace(shown=printed(result)))
    if update:
        path.write_text(written(found), encoding="utf-8")
    else:
        pairs = zip(found, transcript, strict=True)
        assert all(same(ours.shown, theirs.shown) for ours, theirs in pairs), written(found)


def test_every_program_has_its_transcript() -> None:
    programs = set(SAMPLES.rglob("*.grad"))
    assert programs
    assert [path for path in programs if not path.with_suffix(".console").exists()] == []


# -- a second source ----------------------------------------------------------------------


@pytest.mark.parametrize("path", SMOOTH, ids=name_of)
def test_gradients_agree_with_a_second_source(path: Path) -> None:
    command = next(steps(path.read_text(encoding="utf-8"))).script
    ours = json.loads(run(command.replace("--format table", "--json")).stdout)
    options = shlex.split(command)
    point = read_point(options[options.index("--at") + 1])
    program = in_python(path.with_suffix(".grad").read_text(encoding="utf-8"))
    assert ours["value"] == pytest.approx(float(truth.number(program, point)), rel=1e-13)
    assert ours["gradient"]
    for name, gradient in flat(ours["gradient"]).items():
        assert gradient == pytest.approx(float(truth.slope(program, point, name)), rel=1e-12, abs=1e-30), name


def read_point(text: str) -> dict[str, float]:
    """Numbers by name in Python's reading of `x=3,w=[1,2]`; elements are called w_0, w_1."""
    return flat({name: ast.literal_eval(written) for name, written in re.findall(r"(\w+)=(\[.*?\]|[^,]+)", text)})


def flat(point: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, bound in point.items():
        found |= {f"{name}_{place}": x for place, x in enumerate(bound)} if isinstance(bound, list) else {name: bound}
    return found


def in_python(program: str) -> str:
    """A sample in the notation that the second source reads."""
    for sign, plain in {"np.": "", "·": "*", "−": "-", "²": "**2", "√(": "sqrt(", "π": "pi"}.items():
        program = program.replace(sign, plain)
    return re.sub(r"(\w)\[(\d+)\]", r"\1_\2", program)
