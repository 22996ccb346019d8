"""Which arrays of a program share memory: each value is written once, read some times, and then its memory is free.

A value that is computed entry by entry may be written over an operand that nobody reads afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gradcli.dimensions import Shape

ALWAYS = 1 << 60  # the last reader of what is returned


class Value:
    """An array of the code.

    kind: its shape and type of number. roots: the values whose memory it is: itself, others for a view, none for an
    input. buffer: the number of the buffer that it is written to, of those of its kind and all others.
    """

    def __init__(self, shape: Shape, kind: str = "float") -> None:
        self.kind = (shape, kind)
        self.roots: frozenset[Value] = frozenset()
        self.buffer = -1


class Step(NamedTuple):
    """A statement.

    reads: the values that it needs; makes: the one that it writes to a buffer, if it does. over: the operands that it
    may be written over. lines: its text, given the number of the buffer.
    """

    reads: list[Value]
    makes: Value | None
    over: list[Value]
    lines: Callable[[int], list[str]]


def owner(shape: Shape, kind: str = "float") -> Value:
    """A value with memory of its own."""
    value = Value(shape, kind)
    value.roots = frozenset([value])
    return value


def view(of: Iterable[Value], value: Value) -> Value:
    """A value that may be the memory of others."""
    value.roots = frozenset(root for one in of for root in one.roots)
    return value


def last_reads(steps: list[Step], returned: Iterable[Value]) -> dict[Value, int]:
    """For each value with memory the last step that needs it, be it through a view."""
    last = {root: place for place, step in enumerate(steps) for one in step.reads for root in one.roots}
    return last | {root: ALWAYS for one in returned for root in one.roots}


def assign_buffers(steps: list[Step], returned: Iterable[Value]) -> list[tuple[Shape, str]]:
    """Gives each value that is written its buffer. Returns the kinds of the buffers, by number."""
    last = last_reads(steps, returned)
    kinds: list[tuple[Shape, str]] = []
    free: dict[tuple[Shape, str], list[int]] = {}
    live: dict[Value, int] = {}
    for place, step in enumerate(steps):
        value = step.makes
        if value is not None:
            over = _dying(step, value, last, place)
            if over is not None:
                value.buffer = live.pop(over)
            elif free.get(value.kind):
                value.buffer = free[value.kind].pop()
            else:
                value.buffer = len(kinds)
                kinds.append(value.kind)
            live[value] = value.buffer
        for dead in [one for one in live if last.get(one, place) <= place]:
            free.setdefault(dead.kind, []).append(live.pop(dead))
    return kinds


def _dying(step: Step, value: Value, last: dict[Value, int], place: int) -> Value | None:
    """The operand whose memory a value takes over: read here for the last time, and by no view."""
    for one in step.over:
        alone = all(other is one or one not in other.roots for other in step.reads)
        if one.roots == {one} and one.kind == value.kind and last.get(one) == place and alone:
            return one
    return None
