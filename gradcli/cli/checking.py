"""--check: which methods, what they say on standard error, and the exit status that follows."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gradcli.checks import ALL, METHODS, checked
from gradcli.cli import console
from gradcli.errors import UsageMistake
from gradcli.evaluate import Evaluation

if TYPE_CHECKING:
    from gradcli.checks.verdict import Check

F = TypeVar("F", bound=Callable[..., Any])
WRONG = 1
CHOICES = [*METHODS, ALL]


def option(function: F) -> F:
    """--check [METHOD]."""
    return click.option(
        "--check",
        is_flag=False,
        flag_value=CHOICES[0],
        type=click.Choice(CHOICES),
        help="Hold the gradient against an independent method; sympy where none is named.",
    )(function)


def run(evaluation: Evaluation, method: str | None, inputs: list[str] | None, strict: bool = False) -> list[Check]:
    """What the methods asked for find; under --strict a slope that only conventions explain is an error."""
    if method is None:
        return []
    checks = checked(evaluation, list(METHODS) if method == ALL else [method], inputs)
    doubtful = [check for check in checks if check.conventional]
    if strict and doubtful:
        raise UsageMistake(f"{doubtful[0].method}: {doubtful[0].reason}", hint="--strict makes warnings errors")
    return checks


def status(checks: list[Check]) -> int:
    """The exit status: 1 if and only if a gradient is wrong."""
    return WRONG if any(check.status == "disagrees" for check in checks) else 0


def tell(checks: list[Check]) -> None:
    """A line for each method, on standard error."""
    for check in checks:
        console.note(line(check), "warning" if check.conventional else "check")
    if checks and all(check.status == "skipped" for check in checks):
        console.note("not verified")


def line(check: Check) -> str:
    """What a method says, in a sentence."""
    words = f"{check.method} {check.status}"
    if check.verdict.lower() not in (check.status, "skipped"):
        words += f" ({check.verdict})"
    if isfinite(check.difference):
        words += f", largest relative difference {check.difference:.2g}"
    return f"{words}: {check.reason}" if check.reason else words
