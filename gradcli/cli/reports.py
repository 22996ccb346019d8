"""The result of `check` in its forms: a table for a terminal, lines for a pipe, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

from gradcli.checks.verdict import DISAGREES, GRAVITY, SKIPPED, Check, Part
from gradcli.cli import console, results, stage_table

NOT_VERIFIED = "not verified"
# Whose verdict counts first; differences teach and do not decide.
TRUSTED = ("numeric", "sympy", "forward", "difference")


class Report(NamedTuple):
    """verdict: on the whole; rows: one part for each gradient."""

    result: results.Result
    verdict: str
    rows: list[Part]


def report(result: results.Result) -> Report:
    """What the methods found together."""
    ranked = sorted(result.checks, key=lambda check: TRUSTED.index(check.method))
    parts: dict[str, list[Part]] = {}
    for check in ranked:
        for part in check.parts:
            if not part.name.startswith("direction "):
                parts.setdefault(part.name, []).append(part)
    rows = [_leading(found) for found in parts.values()]
    return Report(result, _overall(ranked), _by_array(result, rows) if result.program.shapes else rows)


def _by_array(result: results.Result, rows: Sequence[Part]) -> list[Part]:
    """The parts of an array's entries as one: the gravest verdict, with the value of the whole."""
    values = dict(results.whole_gradients(result))
    found: dict[str, list[Part]] = {}
    for part in rows:
        found.setdefault(part.name.partition("[")[0], []).append(part)
    return [_joined(name, values[name], parts) for name, parts in found.items()]


def _joined(name: str, value: Any, parts: Sequence[Part]) -> Part:
    first = max(parts, key=lambda part: GRAVITY.index(part.verdict))
    note = f"{first.name}: {first.note}" if first.note and first.name != name else first.note
    alone = not isinstance(value, list)
    left, right = (first.left, first.right) if alone else (nan, nan)
    return Part(name, value, left, right, first.verdict, first.difference, note)


def _overall(ranked: Sequence[Check]) -> str:
    if any(check.status == "disagrees" for check in ranked):
        return DISAGREES
    return next((check.verdict for check in ranked if check.status != "skipped"), NOT_VERIFIED)


def _leading(parts: Sequence[Part]) -> Part:
    """The part that a reader should see: a disagreement, else what the most trusted method says."""
    ranked = [part for part in parts if part.verdict == DISAGREES]
    ranked += [part for part in parts if part.verdict != SKIPPED]
    return next(iter(ranked), parts[0])


def deliver(found: Report, form: str, output: str | None) -> None:
    """The report as a table, as lines or as JSON, to standard output or a file."""
    if form == "json":
        results.deliver(json_text(found), output)
    elif form == "table":
        console.show_grids(grids(found), output)
    else:
        results.deliver(lines(found), output)


def lines(found: Report) -> str:
    """Tab-separated: the output, each gradient with its verdict, each method, the verdict on the whole."""
    rows = [[found.result.output, results.plain(found.result.value)]]
    rows += [[part.name, results.plain(part.ours), part.verdict, part.note] for part in found.rows]
    rows += [[check.method, check.status, _difference(check), check.reason] for check in found.result.checks]
    rows.append(["verdict", found.verdict])
    return "".join("\t".join(row).rstrip("\t") + "\n" for row in rows)


def _difference(check: Check) -> str:
    return repr(check.difference) if isfinite(check.difference) else ""


def _slope(part: Part, slope: float) -> str:
    """A slope on one side; the parts of an array have one each, and the whole has none."""
    return "null" if isinstance(part.ours, list) else results.json_number(slope)


def json_text(found: Report) -> str:
    """One JSON object on one line."""
    from json import dumps

    result = found.result
    gradients = ", ".join(
        f'{{"name": {dumps(part.name)}, "value": {results.json_number(part.ours)}, "verdict": {dumps(part.verdict)}, '
        f'"left": {_slope(part, part.left)}, "right": {_slope(part, part.right)}, '
        f'"reason": {dumps(part.note)}}}'
        for part in found.rows
    )
    gradient = ", ".join(f"{dumps(n)}: {results.json_number(v)}" for n, v in results.gradients(result).items())
    return (
        f'{{"expression": {dumps(result.program.text)}, "output": {dumps(result.output)}, '
        f'"value": {results.json_number(result.value)}, "gradient": {{{gradient}}}, '
        f'"verdict": {dumps(found.verdict)}, "gradients": [{gradients}], '
        f'"checks": [{", ".join(map(results.check_json, result.checks))}]}}\n'
    )


def grids(found: Report) -> list[console.Grid]:
    """What a terminal shows."""
    rows = [
        (part.name, stage_table.short(part.ours), _slopes(part), part.verdict, part.note)
        for part in found.rows[: stage_table.LONGEST_TABLE]
    ]
    methods = [(check.method, check.status, _short(check), check.reason) for check in found.result.checks]
    return [
        console.Grid(("gradient", "value", "slope", "verdict", ""), rows),
        console.Grid(("method", "status", "largest difference", ""), methods),
        console.Grid((), [("verdict: " + found.verdict,)]),
    ]


def _slopes(part: Part) -> str:
    if part.left == part.right:
        return stage_table.short(part.left)
    return f"{stage_table.short(part.left)} | {stage_table.short(part.right)}" if part.left == part.left else ""


def _short(check: Check) -> str:
    return f"{check.difference:.2g}" if isfinite(check.difference) else ""
