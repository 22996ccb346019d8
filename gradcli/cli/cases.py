"""`check --cases`: many programs and points, one in a line of JSON; a line of verdict for each, and a summary."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from gradcli.checks.verdict import DISAGREES
from gradcli.cli import console, reports, results
from gradcli.errors import GradError, UsageMistake
from gradcli.files import read_stdin, read_text
from gradcli.point import Point, read_point
from gradcli.values import numbers

Answer = Callable[[str, Point], reports.Report]
WRONG, UNREADABLE = 1, 2
WIDEST = 60


def run(path: str, answer: Answer, form: str, output: str | None) -> int:
    """Check each case; the exit status: 1 if a gradient is wrong, else 2 if a case cannot be used, else 0."""
    gc.enable()  # thousands of programs are worth the search
    title = "standard input" if path == "-" else path[:120]
    texts = (read_stdin() if path == "-" else read_text(path)).split("\n")
    waiting = [(number, text) for number, text in enumerate(texts, 1) if text.strip()]
    if not waiting:
        raise UsageMistake(f"{title} holds no cases", hint='a case is a line {"expr": "x*y", "at": {"x": 3, "y": -4}}')
    counts: Counter[str] = Counter()
    lines = [_line(*case, title, answer, form, counts) for case in console.progress(waiting)]
    results.deliver("".join(lines), output)
    console.note(f"{len(waiting)} cases: " + ", ".join(f"{count} {word}" for word, count in counts.most_common()))
    return WRONG if counts[DISAGREES] else UNREADABLE if counts["error"] else 0


def _line(number: int, text: str, title: str, answer: Answer, form: str, counts: Counter[str]) -> str:
    """What is printed for one case; counted."""
    try:
        expr, point = _case(text)
        found = answer(expr, point)
    except GradError as error:
        error.message, error.source, error.span = f"{title}, line {number}: {error.message}", None, None
        console.fail(error)
        counts["error"] += 1
        return _json({"line": number, "verdict": "error", "reason": error.message}) if form == "json" else ""
    counts[found.verdict] += 1
    if form == "json":
        return f'{{"line": {number}, {reports.json_text(found)[1:]}'
    reasons = [check.reason for check in found.result.checks if check.status == "disagrees"]
    return "\t".join([str(number), found.verdict, _cut(expr), *reasons[:1]]) + "\n"


def _case(text: str) -> tuple[str, Point]:
    try:
        case = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageMistake(f"no JSON: {str(error)[:80]}") from None
    if not (isinstance(case, dict) and isinstance(case.get("expr"), str)):
        raise UsageMistake('a case needs "expr"', hint='a case is a line {"expr": "x*y", "at": {"x": 3, "y": -4}}')
    return case["expr"], _point(case.get("at", {}))


def _point(at: Any) -> Point:
    if isinstance(at, str):
        return read_point((at,))
    if not isinstance(at, dict):
        raise UsageMistake('"at" is an object of numbers and lists')
    return Point({str(name): numbers(value, str(name)[:60]) for name, value in at.items()}, frozenset())


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"


def _cut(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= WIDEST else shown[: WIDEST - 3] + "..."
