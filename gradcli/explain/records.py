"""What is told about a program at a point: facts, each with its numbers in full precision."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradcli.findings import Finding


class Forward(NamedTuple):
    """`name = code`: one stage of the forward pass.

    operands: what it is made of, with values; figures: the code with rounded numbers in place of names.
    shape: () for a number; of an array, its norm stands for its value.
    """

    name: str
    gate: str
    code: str
    operands: list[tuple[str, float]]
    figures: str
    value: float
    shape: tuple[int | str, ...] = ()


class Sent(NamedTuple):
    """What a stage sends to one operand: share = local * upstream.

    gradient: the name of what receives it; rule: the local gradient as a formula, "" where the gate routes or where a
    product would not do; local: its value, None in a program over arrays; adds: whether the operand has received a
    gradient before; shape: of the operand, whose whole gradient, or its norm, then stands for the share.
    """

    operand: str
    gradient: str
    rule: str
    local: float | None
    share: float
    adds: bool
    shape: tuple[int | str, ...] = ()


class Backward(NamedTuple):
    """One stage of the backward pass. says: what its gates do to a gradient; upstream: the gradient that arrives."""

    name: str
    gate: str
    code: str
    gradient: str
    upstream: float
    says: list[str]
    sent: list[Sent]
    shape: tuple[int | str, ...] = ()


class Ledger(NamedTuple):
    """Which stage contributed how much to a gradient; the terms add up to it in this order, bit for bit."""

    name: str
    gradient: str
    terms: list[tuple[str, float]]
    total: float


class Sensitivity(NamedTuple):
    """How the output moves with an input. elasticity: per cent of the output for one per cent of the input, or None."""

    name: str
    value: float
    gradient: float
    elasticity: float | None


class Reused(NamedTuple):
    """A value of the forward pass that the backward pass reads. by: the stages whose rules read it.

    operations: what computing it again from the inputs would take.
    """

    name: str
    by: list[str]
    operations: int


class Cost(NamedTuple):
    """Operations of elementary gates. again: of computing all reused values once more, together."""

    forward: int
    backward: int
    reused: list[Reused]
    again: int


class Step(NamedTuple):
    """An experiment: the inputs moved, and what became of the output beside what the gradient predicts.

    output: what before and after are: its name, or of an array the sum of its entries times the gradient on them.
    halfway: the same after half the step; rounding: how much of the output rounding may have made up.
    """

    output: str
    moves: dict[str, Any]
    predicted: float
    before: float
    after: float
    halfway: float
    rounding: float


class Explanation(NamedTuple):
    """All of it. left_out: how many stages are not among those told; size: how many there are.

    lessons: ties, kinks, births of nan and inf, and what else is worth a sentence.
    """

    expression: str
    output: str
    value: Any
    gradient: dict[str, Any]
    size: int
    left_out: int
    inputs: list[tuple[str, Any]]
    forward: list[Forward]
    backward: list[Backward]
    ledgers: list[Ledger]
    sensitivities: list[Sensitivity]
    cost: Cost | None
    lessons: list[Finding]
    step: Step | None = None
