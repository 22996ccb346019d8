"""Errors and warnings as text: what is wrong, where, the source line with a caret, a hint."""

from __future__ import annotations

from gradcli.errors import GradError, Span

WIDEST = 76


def rendered(error: GradError, kind: str = "error", width: int = WIDEST) -> str:
    """The message with its place, the line it is in, cut to `width` columns, and a caret under the place."""
    source, title = error.source, error.title
    if source is None or error.span is None:
        where = f" (in {escaped(title)})" if title else ""
        lines = [f"{kind}: {escaped(error.message)}{where}"]
    else:
        lines = [f"{kind}: {escaped(error.message)} ({_place(source, title, error.span)})"]
        lines += _excerpt(source, error.span, width)
    if error.hint:
        lines.append("  " + escaped(error.hint))
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that cannot move a cursor, turn the writing or hide: control and format characters by their codes."""
    return "".join(sign if sign.isprintable() else _code(sign) for sign in text)


def _code(sign: str) -> str:
    if sign in "\t\n":
        return " "
    return sign.encode("unicode_escape").decode()


def _place(source: str, title: str, span: Span) -> str:
    line = source.count("\n", 0, span.start) + 1
    column = span.start - (source.rfind("\n", 0, span.start) + 1) + 1
    words = [escaped(title)] if title else []
    if "\n" in source.strip("\n") or (title and not title.startswith("--")):
        words.append(f"line {line}")
    words.append(f"column {column}")
    return ", ".join(words)


def _excerpt(source: str, span: Span, width: int) -> list[str]:
    """The source line, cut around the place when it is wide, and the caret line."""
    begin = source.rfind("\n", 0, span.start) + 1
    end = source.find("\n", begin)
    line = source[begin : end if end >= 0 else len(source)].rstrip("\r")
    start = min(span.start - begin, len(line))
    stop = max(min(span.end - begin, len(line)), start + 1)
    if not line.strip():
        return []
    left = max(0, min(start - width // 2, len(line) - width))
    right = min(len(line), left + width)
    before = "..." if left else ""
    after = "..." if right < len(line) else ""
    indent = len(before) + _width(line[left:start])
    carets = "^" * max(1, _width(line[start : min(stop, right)]))
    return [f"  {before}{escaped(line[left:right])}{after}", " " * (2 + indent) + carets]


def _width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    shown = escaped(text)
    if shown.isascii():
        return len(shown)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in shown)
