"""Backward passes that are right, and the slips that people make, put into them one at a time.

Slips are made on Python's own syntax tree, and what they change is found by running the code: neither knows
how the diagnosis reads a file. A mutant whose gradients are those of the original is none.
"""

from __future__ import annotations

import ast
import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.errors import GradError
from gradcli.shapes import shaped
from gradcli.staging import stage

DATA = Path(__file__).parent / "data"
NEARBY = 3


class Pass(NamedTuple):
    """A backward pass that is right: a Python function `value_and_gradient`, and its point."""

    name: str
    source: str
    at: dict[str, Any]


class Mutant(NamedTuple):
    """kind: the slip; lines: numbers of the lines that may be named for it; target: the gradient it spoils."""

    kind: str
    lines: tuple[int, ...]
    target: str
    source: str


# -- passes -------------------------------------------------------------------------------


def corpus(file: str) -> list[dict[str, Any]]:
    """The programs of a file of tests/data."""
    return [json.loads(line) for line in (DATA / file).read_text(encoding="utf-8").splitlines()]


def scalar_passes() -> Iterator[Pass]:
    """Generated code of the scalar corpus, in both styles and for two targets."""
    ways = [("python", "plain"), ("python", "note"), ("numpy", "plain"), ("python", "df")]
    for place, item in enumerate(corpus("corpus.jsonl")):
        target, style = ways[place % len(ways)]
        source = generate(stage(item["expr"]), target, Options(style=style, form="function"))
        yield Pass(item["id"], source, item["at"])


def array_passes() -> Iterator[Pass]:
    """The layers that were written by hand, and generated code of the corpus over arrays."""
    yield from layers()
    for item in corpus("arrays.jsonl"):
        try:
            program = shaped(stage(item["expr"]), {name: np.shape(value) for name, value in item["at"].items()}, True)
            source = generate(program, "numpy", Options(form="function"))
        except GradError:
            continue  # a gate for which no code is written
        if source.count("def ") == 1:  # what brings functions along, which branch, is not all straight lines
            yield Pass(item["id"], source, item["at"])


def layers() -> Iterator[Pass]:
    """The layers that were written by hand."""
    for path in sorted((DATA / "layers").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        at = json.loads(re.search(r"^# at (.*)$", source, re.MULTILINE)[1])  # type: ignore[index]
        yield Pass(path.stem, source, at)


# -- running ------------------------------------------------------------------------------


def gradients(source: str, at: dict[str, Any]) -> dict[str, Any] | None:
    """What the code gives at a point, by running it; None where it raises."""
    scope: dict[str, Any] = {}
    point = {name: np.array(value, dtype=float) if isinstance(value, list) else value for name, value in at.items()}
    try:
        with np.errstate(all="ignore"):
            exec(compile(source, "mutant", "exec"), scope)
            found = scope["value_and_gradient"](**point)[1]
    except Exception:
        return None
    return {name: np.asarray(value, dtype=float) for name, value in found.items()}


def points(at: dict[str, Any], seed: int = 1) -> list[dict[str, Any]]:
    """The point and some nearby; what is whole in a list picks entries and stays."""
    numbers = random.Random(seed)

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            whole = all(isinstance(entry, int) for entry in value)
            return value if whole else [moved(entry) for entry in value]
        return value * (1 + 0.02 * numbers.uniform(-1, 1)) + 0.001 * numbers.uniform(-1, 1) * (value == 0)

    return [at, *({name: moved(value) for name, value in at.items()} for _ in range(NEARBY))]


def same(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two runs give the same gradients up to rounding."""
    if one is None or other is None or one.keys() != other.keys():
        return False
    return all(
        one[name].shape == other[name].shape
        and np.allclose(one[name], other[name], rtol=1e-6, atol=1e-9 * (1e-12 + np.max(np.abs(other[name]), initial=0)))
        for name in one
    )


def gives_the_same(source: str, original: str, at: dict[str, Any]) -> bool:
    """Whether code gives what the original gives, at all points where that is finite."""
    for point in points(at):
        truth = gradients(original, point)
        if truth is None or not all(np.isfinite(value).all() for value in truth.values()):
            continue
        if not same(gradients(source, point), truth):
            return False
    return True


# -- slips --------------------------------------------------------------------------------


class Line(NamedTuple):
    """One line of the way back. number: from 1; node: its assignment."""

    number: int
    node: ast.Assign | ast.AugAssign
    text: str

    @property
    def target(self) -> str:
        """What it assigns to."""
        node = self.node.targets[0] if isinstance(self.node, ast.Assign) else self.node.target
        return ast.unparse(node)


class Scene(NamedTuple):
    """A pass taken apart. values: names of the way there; ranks: how many axes they have."""

    lines: list[Line]
    source: list[str]
    values: list[str]
    kinds: dict[str, Any]


def scene(one: Pass) -> Scene:
    """The lines of a pass between the comment that speaks of the way back and `return`."""
    source = one.source.split("\n")
    begin = next(place for place, text in enumerate(source) if re.search(r"# backward", text))
    lines, values = [], []
    for place, text in enumerate(source):
        inner = text.strip()
        if not re.match(r"[\w.]+(\[.*\])? *[-+*/]?= ", inner) or not text.startswith("    "):
            continue
        if inner.endswith("("):
            continue  # a long line of the way there
        node = ast.parse(inner).body[0]
        assert isinstance(node, ast.Assign | ast.AugAssign)
        if place > begin:
            lines.append(Line(place + 1, node, text))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.append(node.targets[0].id)
    return Scene(lines, source, [*one.at, *values], shapes_of(one))


def shapes_of(one: Pass) -> dict[str, Any]:
    """The shape of every name at the end of the function, by running it."""
    found: dict[str, Any] = {}
    place = one.source.rindex("    return ")
    spied = one.source[:place] + "    _spy(locals())\n" + one.source[place:]
    scope: dict[str, Any] = {"_spy": lambda names: found.update({n: np.shape(v) for n, v in names.items()})}
    point = {name: np.array(value, dtype=float) if isinstance(value, list) else value for name, value in one.at.items()}
    try:
        with np.errstate(all="ignore"):
            exec(compile(spied, "spied", "exec"), scope)
            scope["value_and_gradient"](**point)
    except Exception:
        return {}
    return found


Edit = Callable[[ast.AST], Iterator[tuple[str, ast.AST]]]


def edited(line: Line, kind: str, scene: Scene) -> Iterator[str]:
    """The line with one slip of a kind in its expression, in every place where it can be made."""
    for place, node in enumerate(ast.walk(line.node.value)):
        for new in slips(node, kind, scene):
            tree = copy.deepcopy(line.node)
            Replacing(list(ast.walk(tree.value))[place], new).visit(tree)
            yield ast.unparse(ast.fix_missing_locations(tree))


class Replacing(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def slips(node: ast.AST, kind: str, scene: Scene) -> Iterator[ast.AST]:
    """What a person may have written instead of a part of an expression."""
    if kind == "factor" and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield node.left
        yield node.right
        if isinstance(node.right, ast.Name):
            yield ast.BinOp(copy.deepcopy(node), ast.Mult(), copy.deepcopy(node.right))
    elif kind == "sign" and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield ast.BinOp(copy.deepcopy(node.left), other, copy.deepcopy(node.right))
    elif kind == "sign" and isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif kind == "swapped" and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
        yield ast.BinOp(copy.deepcopy(node.right), copy.deepcopy(node.op), copy.deepcopy(node.left))
    elif kind == "swapped" and isinstance(node, ast.Call) and ast.unparse(node.func) == "np.dot":
        yield ast.Call(node.func, [copy.deepcopy(node.args[1]), copy.deepcopy(node.args[0])], [])
    elif kind == "confused" and isinstance(node, ast.Name) and node.id in scene.values:
        shape = scene.kinds.get(node.id)
        for name in scene.values:
            if name != node.id and scene.kinds.get(name) == shape:
                yield ast.Name(name)
    elif kind == "transpose" and isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif kind == "sum" and isinstance(node, ast.Call) and ast.unparse(node.func) == "np.sum" and node.keywords:
        yield node.args[0]
        if isinstance(node.keywords[0].value, ast.Constant) and node.keywords[0].arg == "axis":
            other = copy.deepcopy(node)
            other.keywords[0].value = ast.Constant(1 - int(node.keywords[0].value.value or 0))
            yield other
    elif kind == "aliasing" and isinstance(node, ast.Call) and ast.unparse(node).endswith(".copy()"):
        yield node.func.value  # type: ignore[attr-defined]


IN_A_LINE = ("factor", "sign", "swapped", "confused", "transpose", "sum", "aliasing")
BY_LINES = ("accumulate", "assign", "missing", "order", "overwritten", "sign")


def mutants(one: Pass, most: int, seed: int = 1) -> list[Mutant]:
    """Slips of all kinds that can be made in a pass, as evenly as can be; each changes a gradient."""
    numbers = random.Random(f"{seed} {one.name}")
    own = scene(one)
    every = {kind: list(of_kind(own, kind)) for kind in dict.fromkeys((*IN_A_LINE, *BY_LINES))}
    for found in every.values():
        numbers.shuffle(found)
    chosen: list[Mutant] = []
    seen = {one.source}
    while len(chosen) < most and any(every.values()):
        for found in every.values():
            while found:
                mutant = found.pop()
                if mutant.source not in seen and not gives_the_same(mutant.source, one.source, one.at):
                    seen.add(mutant.source)
                    chosen.append(mutant)
                    break
    return chosen[:most]


def of_kind(own: Scene, kind: str) -> Iterator[Mutant]:
    """All slips of a kind."""
    if kind in IN_A_LINE:
        for line in own.lines:
            for text in edited(line, kind, own):
                yield replaced(own, kind, line, text)
    if kind in BY_LINES:
        yield from LINEWISE[kind](own)


def replaced(own: Scene, kind: str, line: Line, text: str) -> Mutant:
    """A line with another text."""
    indent = line.text[: len(line.text) - len(line.text.lstrip())]
    source = [*own.source]
    source[line.number - 1] = indent + text
    return Mutant(kind, (line.number,), line.target, "\n".join(source))


def accumulate(own: Scene) -> Iterator[Mutant]:
    """`=` for `+=`."""
    for line in own.lines:
        if isinstance(line.node, ast.AugAssign) and isinstance(line.node.op, ast.Add):
            yield replaced(own, "accumulate", line, line.text.strip().replace("+=", "=", 1))


def assign(own: Scene) -> Iterator[Mutant]:
    """`+=` where nothing was."""
    for line in own.lines:
        if isinstance(line.node, ast.Assign) and "[" not in line.target:
            yield replaced(own, "assign", line, line.text.strip().replace("=", "+=", 1))


def signs(own: Scene) -> Iterator[Mutant]:
    """The whole line with the other sign."""
    for line in own.lines:
        yield replaced(own, "sign", line, f"{line.text.strip().partition('= ')[0]}= -({ast.unparse(line.node.value)})")


def missing(own: Scene) -> Iterator[Mutant]:
    """A line that is not there; one may name the place, or the line before or behind it.

    Without its only line a way back is none, and there is no line to name.
    """
    for line in own.lines if len(own.lines) > 1 else ():
        source = own.source[: line.number - 1] + own.source[line.number :]
        yield Mutant("missing", (line.number - 1, line.number, line.number + 1), line.target, "\n".join(source))


def order(own: Scene) -> Iterator[Mutant]:
    """A line before the one that completes what it reads."""
    for first, second in zip(own.lines, own.lines[1:], strict=False):
        if first.target != second.target and re.search(
            rf"\b{re.escape(first.target)}\b", ast.unparse(second.node.value)
        ):
            source = [*own.source]
            source[first.number - 1], source[second.number - 1] = second.text, first.text
            yield Mutant("order", (first.number, second.number), second.target, "\n".join(source))


def overwritten(own: Scene) -> Iterator[Mutant]:
    """A temporary gradient kept under the name of a value that is read later, and read from there."""
    for place, line in enumerate(own.lines):
        if isinstance(line.node, ast.AugAssign) or "[" in line.target:
            continue
        rest = own.lines[place + 1 :]
        if any(other.target == line.target for other in (*own.lines[:place], *rest)):
            continue
        read = [
            name
            for name in own.values
            if any(re.search(rf"\b{name}\b", ast.unparse(other.node.value)) for other in rest)
        ]
        for name in read[:3]:
            source = [*own.source]
            for other in (line, *rest):
                text = re.sub(rf"\b{re.escape(line.target)}\b", name, other.text)
                source[other.number - 1] = text
            yield Mutant("overwritten", (line.number,), line.target, "\n".join(source))


LINEWISE: dict[str, Callable[[Scene], Iterator[Mutant]]] = {
    "accumulate": accumulate, "assign": assign, "missing": missing, "order": order, "overwritten": overwritten,
    "sign": signs,
}  # fmt: skip
