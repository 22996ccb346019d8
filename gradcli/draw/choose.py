"""Which gates of a program a picture shows: all, user's statements as boxes, or those nearest to the output."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from gradcli.graph import Node
from gradcli.program import Program

MOST_GATES = 60
MOST_ENTERING = 120  # inputs and wires from what is left out
MOST_OPERANDS = 24  # of one gate
FEWEST_BOXES = 3  # fewer say nothing


class Group(NamedTuple):
    """What becomes one part. line: whose wire leaves it. size: how many lines it stands for.

    operands: what enters; more: how many operands are left out.
    """

    line: Node
    size: int
    operands: list[Node]
    more: int


class Choice(NamedTuple):
    """groups: in order of evaluation. left_out: sentences about what they do not show. whole: whether all is there."""

    groups: list[Group]
    left_out: tuple[str, ...]
    whole: bool


def chosen(program: Program, most: int | None = MOST_GATES) -> Choice:
    """What a picture of a program shows. most: how many gates; all of them if None."""
    if most is None:
        return Choice([_group([line], program, {}, None) for line in program.lines], (), True)
    owners = {} if len(program.lines) <= most else _owners(program)
    groups = list(_groups(program, owners))
    if len(groups) < FEWEST_BOXES:
        groups = list(_groups(program, {}))
    boxes = [group for group in groups if group.size > 1]
    told: list[str] = []
    picked = _nearest(groups, program.output, most)
    if boxes and any(group in boxes for group in picked):
        gates = sum(group.size for group in boxes)
        told.append(f"a box is a statement: {len(boxes)} stand for {gates} of the {len(program.lines)} gates")
    if len(picked) < len(groups):
        what = "boxes and gates" if boxes else "gates"
        told.append(f"shown are {len(picked)} of {len(groups)} {what}, those nearest to {program.graph.output}")
    more = sum(group.more for group in picked)
    if more:
        told.append(f"{more} wires into gates with more than {MOST_OPERANDS} are left out")
    return Choice(picked, tuple(told), len(picked) == len(groups) and not more)


def _owners(program: Program) -> dict[Node, Node]:
    """The statement in whose box each line stands: that of all its users, or the line itself."""
    owners: dict[Node, Node] = {}
    titles = program.graph.titles
    for line in reversed(program.lines):
        owner = owners.get(line, line) if line not in titles else line
        owners[line] = owner
        for operand in _entering(program, line):
            if operand.operands:
                owners[operand] = owner if owners.get(operand, owner) is owner else operand
    return owners


def _groups(program: Program, owners: dict[Node, Node]) -> Iterator[Group]:
    """The lines by their owners."""
    members: dict[Node, list[Node]] = {}
    for line in program.lines:
        members.setdefault(owners.get(line, line), []).append(line)
    for line in program.lines:
        if line in members:
            yield _group(members[line], program, owners, MOST_OPERANDS)


def _group(lines: list[Node], program: Program, owners: dict[Node, Node], most: int | None) -> Group:
    """Lines that become one part; the last of them is the one whose wire leaves it."""
    inside = set(lines)
    operands = [operand for line in lines for operand in _entering(program, line) if operand not in inside]
    if len(lines) > 1:
        operands = list(dict.fromkeys(operands))
    kept = operands if most is None or len(operands) <= most else operands[: most - 1]
    return Group(lines[-1], len(lines), kept, len(operands) - len(kept))


def _entering(program: Program, line: Node) -> Iterator[Node]:
    """The inputs and lines whose wires enter a line, from the left to the right of its code."""
    waiting = list(reversed(line.operands))
    while waiting:
        node = waiting.pop()
        if program.inside[node.index]:
            waiting.extend(reversed(node.operands))
        elif node.operands or not node.constant:
            yield node


def _nearest(groups: list[Group], output: Node, most: int) -> list[Group]:
    """So many groups as there is room for, from the output on; in their order."""
    if len(groups) <= most and len({node for group in groups for node in group.operands}) <= MOST_ENTERING:
        return groups
    by_line = {group.line: group for group in groups}
    picked: dict[Node, None] = {}
    entering: set[Node] = set()
    waiting = deque([output])
    while waiting and len(picked) < most:
        line = waiting.popleft()
        new = {node for node in by_line[line].operands if node not in picked}
        if line in picked or (picked and len(entering | new) > MOST_ENTERING):
            continue
        picked[line] = None
        entering = (entering | new) - {line}
        waiting.extend(node for node in by_line[line].operands if node in by_line)
    return [group for group in groups if group.line in picked]
