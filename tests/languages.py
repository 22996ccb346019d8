"""Generated code, run: for each language a way to call what `generate` wrote, many programs at a time."""

from __future__ import annotations

import ctypes
import itertools
import json
import math
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.evaluate import evaluate
from gradcli.point import Point, bind
from gradcli.program import Program
from gradcli.staging import stage

CC = shutil.which("cc")
NODE = shutil.which("node")
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
SANITIZED = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
Values = Mapping[str, Any]


class Case(NamedTuple):
    """A program, the rule for ties, and points to run it at."""

    text: str
    points: Sequence[Values]
    ties: str = "first"

    @property
    def program(self) -> Program:
        return stage(self.text)


class Result(NamedTuple):
    """Value and gradient: numbers, flat, in the order of the program's variables."""

    value: float
    gradient: list[float]


def evaluated(case: Case) -> list[Result]:
    """What `gradcli eval` says, the reference."""
    program = case.program
    return [_evaluated(program, values, case.ties) for values in case.points]


def _evaluated(program: Program, values: Values, ties: str) -> Result:
    leaves, _ = bind(program, Point(dict(values), frozenset()))
    found = evaluate(program, leaves, ties)
    spelled = {str(leaf.static).replace(", ", "]["): found.gradient(leaf) for leaf in program.inputs}
    names = [name for base in program.variables for name in _entries(base, values[base])]
    return Result(found.value(program.output), [spelled.get(name, 0.0) for name in names])


def _entries(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        return [name]
    return [entry for place, part in enumerate(value) for entry in _entries(f"{name}[{place}]", part)]


def flat(value: Any) -> list[float]:
    """The numbers of nested lists and arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [x for part in value for x in flat(part)] if isinstance(value, list) else [float(value)]


# -- languages ----------------------------------------------------------------------------


def python(cases: Sequence[Case], target: str = "python") -> list[list[Result | Exception]]:
    """Each case at each of its points; what Python raises stands for the result."""
    return [[_call(function, case, values) for values in case.points] for case, function in _functions(cases, target)]


def numpy(cases: Sequence[Case]) -> list[list[Result | Exception]]:
    return python(cases, "numpy")


def _functions(cases: Sequence[Case], target: str) -> Iterable[tuple[Case, Callable[..., Any]]]:
    for case in cases:
        scope: dict[str, Any] = {}
        exec(compile(code(case, target), f"<{case.text[:40]}>", "exec"), scope)
        yield case, scope["value_and_gradient"]


def _call(function: Callable[..., Any], case: Case, values: Values) -> Result | Exception:
    try:
        value, gradient = function(*(values[name] for name in case.program.variables))
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        return error
    return Result(float(value), [x for part in gradient.values() for x in flat(part)])


def code(case: Case, target: str, **options: Any) -> str:
    """The code of a case."""
    return generate(case.program, target, Options(point=case.points[0], **options), case.ties)


def c(cases: Sequence[Case], folder: Path, flags: Sequence[str] = SANITIZED) -> list[list[Result]]:
    """All cases in one library, compiled with all warnings as errors."""
    parts, seen = ["#include <math.h>"], set[str]()
    for number, case in enumerate(cases):
        text = code(case, "c", name=f"f{number}").removeprefix("#include <math.h>").strip()
        blocks = re.split(r"\n\n(?=static|// Value)", text)
        parts += [block for block in blocks if block not in seen]
        seen.update(blocks)
    source, library = folder / "code.c", folder / "code.so"
    source.write_text("\n\n".join(parts), encoding="utf-8")
    assert CC is not None
    done = subprocess.run(
        [CC, *WARNINGS, *flags, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[:3000]
    loaded = ctypes.CDLL(str(library))
    return [
        [_call_c(loaded[f"f{number}"], case, values) for values in case.points] for number, case in enumerate(cases)
    ]


def _call_c(function: Any, case: Case, values: Values) -> Result:
    arguments: list[Any] = []
    gradients = []
    for name in case.program.variables:
        numbers = flat(values[name])
        array = ctypes.c_double * len(numbers)
        arguments.append(array(*numbers) if isinstance(values[name], list) else ctypes.c_double(numbers[0]))
        gradients.append(array(*[math.nan] * len(numbers)))
    function.restype = ctypes.c_double
    value = function(*arguments, *gradients)
    return Result(value, list(itertools.chain(*gradients)))


def javascript(cases: Sequence[Case], folder: Path) -> list[list[Result]]:
    """Each case a module of its own; one process runs them all."""
    for number, case in enumerate(cases):
        (folder / f"f{number}.mjs").write_text(code(case, "javascript"), encoding="utf-8")
    points = [[[_json(values[name]) for name in case.program.variables] for values in case.points] for case in cases]
    (folder / "points.json").write_text(json.dumps(points))
    runner = folder / "run.mjs"
    runner.write_text(RUNNER)
    assert NODE is not None
    done = subprocess.run([NODE, str(runner)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return [[_parsed(found) for found in one] for one in json.loads(done.stdout)]


RUNNER = """
import { readFileSync } from "node:fs";
const read = (x) => (Array.isArray(x) ? x.map(read) : Number(x));
const shown = (x) => (Array.isArray(x) ? x.map(shown) : Object.is(x, -0) ? "-0" : String(x));
const all = [];
const points = JSON.parse(readFileSync("points.json"));
for (let i = 0; i < points.length; i++) {
  const { valueAndGradient } = await import(`./f${i}.mjs`);
  all.push(points[i].map((point) => Object.values(valueAndGradient(...point.map(read))).map(shown)));
}
console.log(JSON.stringify(all));
"""


def _json(value: Any) -> Any:
    return [_json(part) for part in value] if isinstance(value, list) else repr(value).replace("inf", "Infinity")


def _parsed(found: Any) -> Result:
    numbers = [float(x) for x in _flat_strings(found)]
    return Result(numbers[0], numbers[1:])


def _flat_strings(value: Any) -> list[str]:
    return [x for part in value for x in _flat_strings(part)] if isinstance(value, list) else [value]


def tensors(cases: Sequence[Case], package: str) -> list[list[Result]]:
    """Each case in PyTorch or JAX, at each of its points."""
    return [[_call_tensors(case, values, package) for values in case.points] for case in cases]


def _call_tensors(case: Case, values: Values, package: str) -> Result:
    scope: dict[str, Any] = {}
    exec(compile(code(case, package), f"<{case.text[:40]}>", "exec"), scope)
    names = case.program.variables
    if package == "torch":
        torch = scope["torch"]
        given = [torch.tensor(values[name], dtype=torch.float64, requires_grad=True) for name in names]
        value = scope["ValueAndGradient"].apply(*given)
        return Result(float(value.detach()), [x for part in torch.autograd.grad(value, given) for x in flat(part)])
    jax = scope["jax"]
    jax.config.update("jax_enable_x64", True)
    given = [scope["jnp"].array(values[name], dtype=float) for name in names]
    value, gradient = jax.value_and_grad(scope["value"], argnums=tuple(range(len(given))))(*given)
    return Result(float(value), [x for part in gradient for x in flat(part)])


# -- comparing ----------------------------------------------------------------------------


def bits(number: float) -> bytes:
    """The eight bytes of a float."""
    return struct.pack(">d", number)


def ulps(got: float, want: float) -> float:
    """How many floats lie between two; 0 for two that are nan or equal."""
    if got == want or (math.isnan(got) and math.isnan(want)):
        return 0
    if not (math.isfinite(got) and math.isfinite(want)):
        return math.inf
    return abs(got - want) / math.ulp(max(abs(got), abs(want), 5e-324))
