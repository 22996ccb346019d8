"""The result of `diagnose` in its forms: messages like those of a compiler, a table, JSON, a corrected file."""

from __future__ import annotations

from typing import IO, Any

from gradcli.cli import console, results, stage_table
from gradcli.cli.diagnostics import rendered
from gradcli.diagnose.findings import KINDS, Diagnosis, Judged, Slip
from gradcli.errors import GradError

LONGEST_VALUE = 90
MOST_ENTRIES = 6


def message(slip: Slip) -> str:
    """What is wrong, in one line."""
    name, target = slip.name, slip.target or slip.name
    texts = {
        "accumulate": f"'=' throws away what {name} had: here it must be '+='",
        "assign": f"'+=' adds to {name}, which has no value yet: here it must be '='",
        "factor": f"a factor in {target} is lost, doubled or wrong",
        "sign": f"the sign in {target} is wrong",
        "swapped": f"operands are swapped in {target}",
        "confused": f"one name is taken for another in {target}",
        "transpose": f"a transpose is missing or too much in {target}",
        "sum": f"the sum over an axis is missing or wrong in {target}",
        "order": f"{slip.via} is used before it is complete",
        "missing": f"a line is missing: {name} lacks what comes back through {slip.via}",
        "extra": f"this contribution to {name} is there twice",
        "overwritten": f"a value is overwritten that {name} still needs",
        "aliasing": f"this line makes no copy: both names share one array, and {name} is spoilt",
        "local": f"the local gradient in {target} is wrong",
    }
    return texts[slip.kind]


def told(found: Diagnosis, slip: Slip) -> str:
    """A slip with its place, what is given, what should be, and the line as it should be."""
    text = rendered(GradError(message(slip), slip.span, source=found.text, title=found.title), "wrong")
    where = "" if slip.given_point else ", at a point nearby"
    subject = slip.via if slip.kind in ("order", "overwritten") else slip.name
    text += f"  {_compared(subject, slip.gives, slip.expected)}{where}\n"
    if slip.kind == "order":
        text += f"  this line belongs behind the last line of {slip.via}\n"
    elif slip.kind == "missing":
        where = "behind" if slip.behind else "before"
        text += f"  {where} this line write: {slip.correct}\n" if slip.correct else ""
    elif slip.kind == "extra":
        text += "  leave it out\n"
    elif slip.correct:
        text += f"  write: {slip.correct}\n"
    return text


def _compared(name: str, gives: Any, expected: Any) -> str:
    """What a gradient is and should be; of large arrays the entry that differs most."""
    shapes = _shape(gives), _shape(expected)
    if isinstance(gives, list) and isinstance(expected, list) and shapes[0] != shapes[1]:
        return f"{name} has the shape {shapes[0]}, and should have {shapes[1]}"
    entries = _entries(gives)
    if len(entries) > MOST_ENTRIES and isinstance(expected, list):
        true = _entries(expected)
        place = max(true, key=lambda place: abs(entries[place] - true[place]))
        written = ", ".join(map(str, place))
        return f"{name}[{written}] is {_short(entries[place])}, and should be {_short(true[place])}"
    return f"{name} is {_short(gives)}, and should be {_short(expected)}"


def _entries(value: Any, place: tuple[int, ...] = ()) -> dict[tuple[int, ...], float]:
    """The entries of nested lists by their place."""
    if not isinstance(value, list):
        return {place: value}
    return {key: entry for at, part in enumerate(value) for key, entry in _entries(part, (*place, at)).items()}


def _short(value: Any) -> str:
    """A value as it fits into a sentence."""
    if value is None or value != value:
        return "undefined"
    if isinstance(value, float):
        return stage_table.short(value)
    text = _nested(value)
    return text if len(text) <= LONGEST_VALUE else f"an array {_shape(value)} that begins {text[:40]}..."


def _nested(value: Any) -> str:
    return stage_table.short(value) if isinstance(value, float) else f"[{', '.join(map(_nested, value))}]"


def _shape(value: Any) -> str:
    sizes = []
    while isinstance(value, list):
        sizes.append(str(len(value)))
        value = value[0] if value else None
    return "×".join(sizes)


def lines(found: Diagnosis) -> str:
    """For a pipe: the messages, or that all is right."""
    return "".join(told(found, slip) for slip in found.slips) + _verdict(found) + "\n"


def _verdict(found: Diagnosis) -> str:
    right = sum(line.local for line in found.lines)
    total = len(found.lines)
    if not found.slips:
        names = ", ".join(found.leaves)
        without = f"; {', '.join(found.missing)} without a gradient" if found.missing else ""
        return f"right: {total} of {total} lines, {names}{without}"
    count = len(found.slips)
    return f"wrong: {count} slip{'s' if count > 1 else ''}, {right} of {total} lines right"


def tell(found: Diagnosis, stream: IO[str] | None) -> None:
    """The messages on standard error, beside a corrected file."""
    if stream is not None:
        stream.write(lines(found))


def show(found: Diagnosis, output: str | None) -> None:
    """For a terminal: each line with its judgement, then the messages."""
    rows = [
        (str(number(found, line.span.start)), line.name, _cell(line.gives), _cell(line.expected), _judged(line))
        for line in found.lines
    ]
    messages = [(line,) for slip in found.slips for line in told(found, slip).splitlines()]
    grids = [console.Grid(("line", "gradient", "in the end", "should be", ""), rows)]
    console.show_grids([*grids, console.Grid((), [*messages, (_verdict(found),)])], output)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return stage_table.short(value) if isinstance(value, float) else f"array {_shape(value)}"


def _judged(line: Judged) -> str:
    if not line.local:
        return "WRONG"
    return "right" if line.overall else "right in itself"


def number(found: Diagnosis, start: int) -> int:
    """The line of the file that an offset is in."""
    return found.text.count("\n", 0, start) + 1


def json_text(found: Diagnosis) -> str:
    """One JSON object on one line, for graders."""
    from json import dumps

    own = {
        "verdict": "right" if found.right else "wrong",
        "score": sum(line.local for line in found.lines) / max(1, len(found.lines)) if found.slips else 1.0,
        "gradients": found.leaves,
        "without_gradient": found.missing,
        "slips": [_slip(found, slip) for slip in found.slips],
        "lines": [
            {
                "line": number(found, line.span.start),
                "name": line.name,
                "code": found.text[line.span.start : line.span.end],
                "score": float(line.local),
                "local": line.local,
                "global": line.overall,
                "value": _strict(line.gives),
                "expected": _strict(line.expected),
            }
            for line in found.lines
        ],
        "fixed": found.confirmed,
    }
    return dumps(own, ensure_ascii=False) + "\n"


def _slip(found: Diagnosis, slip: Slip) -> dict[str, Any]:
    return {
        "line": number(found, slip.span.start),
        "column": slip.span.start - (found.text.rfind("\n", 0, slip.span.start) + 1) + 1,
        "span": list(slip.span),
        "kind": slip.kind,
        "means": KINDS[slip.kind],
        "name": slip.name,
        "via": slip.via,
        "message": message(slip),
        "value": _strict(slip.gives),
        "expected": _strict(slip.expected),
        "correct": slip.correct,
    }


def _strict(value: Any) -> Any:
    from json import loads

    return None if value is None else loads(results.json_number(value))
