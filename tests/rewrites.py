"""Other ways to write a backward pass that mean the same: nothing in them is wrong.

Rules on Python's syntax tree: operands in another order, products taken apart or multiplied out, lines split or put
into each other, other names. That a rewrite means the same is found by running it.
"""

from __future__ import annotations

import ast
import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from mutations import Line, Pass, Replacing, Scene, gives_the_same, scene

NAMES = ("grad_{}", "{}_bar", "_d_{}", "{}_grad", "d_{}", "dL_d{}")


def rewrites(one: Pass, count: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Rewrites of a pass, as (rule, source)."""
    numbers = random.Random(f"{seed} {one.name}")
    found = 0
    for attempt in range(4 * count):
        rule = list(RULES)[attempt % len(RULES)]
        source = RULES[rule](scene(one), numbers)
        if source is None or source == one.source or not gives_the_same(source, one.source, one.at):
            continue
        yield rule, source
        found += 1
        if found == count:
            return


def joined(own: Scene, changes: dict[int, list[str]]) -> str:
    """The source with some lines, by number, written as others."""
    lines: list[str] = []
    for number, text in enumerate(own.source, 1):
        indent = text[: len(text) - len(text.lstrip())]
        lines += [indent + new for new in changes[number]] if number in changes else [text]
    return "\n".join(lines)


def reordered(own: Scene, numbers: random.Random) -> str | None:
    """Some sums and products the other way round."""
    return everywhere(own, numbers, commuted)


def commuted(node: ast.AST) -> ast.AST | None:
    """b * a for a * b."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add):
        return ast.BinOp(copy.deepcopy(node.right), copy.deepcopy(node.op), copy.deepcopy(node.left))
    return None


def associated(node: Any) -> ast.AST | None:
    """a * (b * c) for (a * b) * c."""
    if not is_product(node, ast.Mult):
        return None
    left, middle, right = map(copy.deepcopy, (node.left.left, node.left.right, node.right))
    return ast.BinOp(left, ast.Mult(), ast.BinOp(middle, ast.Mult(), right))


def distributed(node: Any) -> ast.AST | None:
    """a*c + b*c for (a + b) * c."""
    if not is_product(node, ast.Add | ast.Sub):
        return None
    first, second = (
        ast.BinOp(copy.deepcopy(part), ast.Mult(), copy.deepcopy(node.right))
        for part in (node.left.left, node.left.right)
    )
    return ast.BinOp(first, copy.deepcopy(node.left.op), second)


def is_product(node: Any, inner: Any) -> bool:
    """Whether a node is a product whose first factor is itself made by some operator."""
    outer = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    return outer and isinstance(node.left, ast.BinOp) and isinstance(node.left.op, inner)


def inverted(node: ast.AST) -> ast.AST | None:
    """a * (1 / b) for a / b."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not isinstance(node.left, ast.Constant):
        inverse = ast.BinOp(ast.Constant(1.0), ast.Div(), copy.deepcopy(node.right))
        return ast.BinOp(copy.deepcopy(node.left), ast.Mult(), inverse)
    return None


def everywhere(own: Scene, numbers: random.Random, rule: Callable[[ast.AST], ast.AST | None]) -> str | None:
    """A rule at one place of about every other line."""
    changes = {}
    for line in own.lines:
        places = [node for node in ast.walk(line.node.value) if rule(node) is not None]
        if places and numbers.random() < 0.6:
            changes[line.number] = [replaced(line, numbers.choice(places), rule)]
    return joined(own, changes) if changes else None


def replaced(line: Line, node: ast.AST, rule: Callable[[ast.AST], ast.AST | None]) -> str:
    """A line with a rule at one node."""
    place = list(ast.walk(line.node)).index(node)
    tree = copy.deepcopy(line.node)
    new = rule(node)
    assert new is not None
    Replacing(list(ast.walk(tree))[place], new).visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree))


def renamed(own: Scene, numbers: random.Random) -> str | None:
    """All gradients called in another way."""
    pattern = numbers.choice(NAMES)
    begin = own.lines[0].number - 1
    names = {name for name in own.values if any(line.target.partition("[")[0] == f"d{name}" for line in own.lines)}
    if any(f"d{name}" in own.values for name in own.values):
        return None
    text = "\n".join(own.source[begin:])
    for name in names:
        text = re.sub(rf"\bd{name}\b", pattern.format(name), text)
    return "\n".join([*own.source[:begin], text])


def split(own: Scene, numbers: random.Random) -> str | None:
    """The first factor of some lines on a line of its own."""
    changes = {}
    for place, line in enumerate(own.lines):
        value = line.node.value
        if isinstance(value, ast.BinOp) and not isinstance(value.left, ast.List) and numbers.random() < 0.5:
            name = f"t{place}"
            rest = copy.deepcopy(line.node)
            rest.value.left = ast.Name(name)  # type: ignore[attr-defined]
            changes[line.number] = [f"{name} = {ast.unparse(value.left)}", ast.unparse(ast.fix_missing_locations(rest))]
    return joined(own, changes) if changes else None


def inlined(own: Scene, numbers: random.Random) -> str | None:
    """A gradient that is assigned once and read once, put where it is read."""
    for line in numbers.sample(own.lines, len(own.lines)):
        writes = [other for other in own.lines if other.target == line.target]
        readers = [
            other for other in own.lines if re.search(rf"\b{re.escape(line.target)}\b", ast.unparse(other.node.value))
        ]
        if len(writes) != 1 or len(readers) != 1 or not isinstance(line.node, ast.Assign) or "[" in line.target:
            continue
        text = readers[0].text.strip()
        new = re.sub(rf"\b{re.escape(line.target)}\b", lambda _: f"({ast.unparse(line.node.value)})", text)  # noqa: B023
        return joined(own, {line.number: [], readers[0].number: [new]})
    return None


def spelled_out(own: Scene, numbers: random.Random) -> str | None:
    """`x = x + ...` for `x += ...`, a copy first."""
    changes = {}
    for line in own.lines:
        if isinstance(line.node, ast.AugAssign) and isinstance(line.node.op, ast.Add) and "[" not in line.target:
            changes[line.number] = [f"{line.target} = {line.target} + {ast.unparse(line.node.value)}"]
    return joined(own, changes) if changes else None


RULES: dict[str, Callable[[Scene, random.Random], str | None]] = {
    "reordered": reordered,
    "associated": lambda own, numbers: everywhere(own, numbers, associated),
    "distributed": lambda own, numbers: everywhere(own, numbers, distributed),
    "inverted": lambda own, numbers: everywhere(own, numbers, inverted),
    "renamed": renamed,
    "split": split,
    "inlined": inlined,
    "spelled out": spelled_out,
}  # fmt: skip
