"""What is printed: results to standard output, everything else to standard error.

The only file that imports rich, and only where a terminal is written to.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

from gradcli.cli.diagnostics import WIDEST, escaped, rendered
from gradcli.errors import GradError, UsageMistake
from gradcli.findings import Finding

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gradcli.draw.canvas import Piece

T = TypeVar("T")
NARROWEST = 30  # columns; below that a table says nothing
# Of the sixteen colours, those that are read on a dark ground and on a light one; by kind of token.
CODE_COLOURS = {
    ("Comment",): "dim",
    ("Keyword",): "magenta",
    ("Literal", "String"): "green",
    ("Name", "Function"): "bold",
}
COLOURS = {"agrees": "green", "disagrees": "bold red", "DISAGREES": "bold red", "skipped": "dim"}


class Block(NamedTuple):
    """Rows under a heading: name, code, value, gradient; a heading without rows is a line of text."""

    heading: str
    rows: list[tuple[str, str, str, str]]


class Grid(NamedTuple):
    """A table: headings and rows of as many cells; without headings, lines of text."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def make_output_safe() -> None:
    """Characters that an output cannot take are written as escapes instead of ending the program.

    An unbuffered output gets a buffer: without one, Python drops what a pipe does not take at once.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        buffer = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(buffer, sys.stdout.encoding, "backslashreplace")


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether somebody reads a stream on a terminal, who wants tables rather than lines."""
    return stream is not None and stream.isatty()


def _is_coloured(stream: IO[str] | None) -> bool:
    """Whether colour is wanted on a stream: FORCE_COLOR decides (0 means no), else what the stream is."""
    forced = os.environ.get("FORCE_COLOR", "")
    return forced != "0" if forced else is_terminal(stream)


def write(text: str) -> None:
    """Result text, as it is."""
    if sys.stdout is None:
        raise UsageMistake("standard output is closed")
    sys.stdout.write(text)


def fail(error: GradError) -> None:
    """An error message on standard error."""
    _explain("error", "red", rendered(error, "error", _excerpt_width()))


def warn(finding: Finding, text: str, title: str) -> None:
    """A warning on standard error, with its place."""
    error = GradError(finding.message, finding.span, source=text, title=title)
    kind = "remark" if finding.kind == "remark" else "warning"
    _explain(kind, "yellow", rendered(error, kind, _excerpt_width()))


def _excerpt_width() -> int:
    """Columns for a line of the user's source, so that the caret below it stays below it."""
    return min(_columns() - 8, WIDEST) if is_terminal(sys.stderr) else WIDEST


def remark(message: str) -> None:
    """A remark on standard error."""
    _explain("remark", "yellow", f"remark: {escaped(message)}\n")


def note(message: str, kind: str = "check") -> None:
    """What a check found, on standard error."""
    _explain(kind, "yellow" if kind == "warning" else "cyan", f"{kind}: {escaped(message)}\n")


def _explain(word: str, colour: str, text: str) -> None:
    try:
        if sys.stderr is None:
            return
        if _is_coloured(sys.stderr):
            from rich.text import Text

            styled = Text(text, end="")
            styled.stylize(f"bold {colour}", 0, len(word) + 1)
            terminal(sys.stderr).print(styled, soft_wrap=True)
        else:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        pass  # nobody is there to read it; the exit status still speaks


def _columns() -> int:
    """How wide the terminal is, or COLUMNS says that it is."""
    from shutil import get_terminal_size

    return max(get_terminal_size().columns, NARROWEST)


def terminal(stream: IO[str] | None = None) -> Console:
    """A rich console that takes text as it is: no markup, no emoji, no highlighting."""
    from rich.console import Console

    stream = stream or sys.stdout
    coloured = _is_coloured(stream)
    return Console(
        file=stream,
        width=_columns(),
        force_terminal=coloured,
        no_color=None if coloured else True,
        markup=False,
        emoji=False,
        highlight=False,
    )


def progress(items: list[T]) -> Iterable[T]:
    """The items, with a bar on standard error while they are worked through, if a terminal is there to see it."""
    if sys.stderr is None or not is_terminal(sys.stderr):
        return items
    from rich.progress import track

    return track(items, description="", console=terminal(sys.stderr), transient=True)


@contextmanager
def counting(hidden: bool) -> Iterator[Callable[[int], None]]:
    """What takes the number of rows that were done; a terminal on standard error sees them and their rate.

    hidden: whether the rows go to a file; where they go to a terminal, they are sight enough.
    """
    watched = sys.stderr is not None and sys.stderr.isatty()
    if not watched or not (hidden or sys.stdout is None or not sys.stdout.isatty()):
        yield lambda rows: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.completed:,.0f} rows, {task.fields[rate]:,.0f} a second")
    with Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=terminal(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0)
        yield lambda rows: bar.update(task, advance=rows, rate=bar.tasks[0].speed or 0)


def show_grids(grids: list[Grid], path: str | None = None) -> None:
    """Tables one under the other, to the terminal or a file."""
    _to(path, lambda out: out.print(*(_grid(grid) for grid in grids), sep="\n"))


def _grid(grid: Grid) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_header=bool(grid.headings), pad_edge=False, show_edge=False)
    for place, heading in enumerate(grid.headings):
        table.add_column(heading, style="bold" if place == 0 else "", overflow="fold", no_wrap=place == 0)
    for row in grid.rows:
        table.add_row(*(Text(escaped(cell), style=COLOURS.get(cell, "")) for cell in row))
    return table


def show(blocks: list[Block], path: str | None = None) -> None:
    """Tables in the note's colours, values green and gradients red, to the terminal or a file."""
    _to(path, lambda out: _print(blocks, out))


def _to(path: str | None, draw: Callable[[Console], object]) -> None:
    """Draw on the terminal or in a file."""
    if path is None:
        draw(terminal())
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            draw(terminal(file))
    except OSError as error:
        raise UsageMistake(f"{path[:120]} cannot be written: {error.strerror}") from None


def show_code(code: str, language: str) -> None:
    """Code to standard output, highlighted in the terminal's own colours where colour is wanted."""
    if not _is_coloured(sys.stdout):
        write(code)
        return
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme, Syntax

    theme = ANSISyntaxTheme({kind: Style.parse(style) for kind, style in CODE_COLOURS.items()})
    lexer = {"numpy": "python", "torch": "python", "jax": "python"}.get(language, language)
    shown = Syntax(code, lexer, theme=theme, background_color="default", word_wrap=False)
    terminal().print(shown.highlight(code), soft_wrap=True, end="")


# How a drawing looks on a terminal, by the kind of a piece.
LOOKS = {
    "value": "green",
    "gradient": "red",
    "input": "bold",
    "gate": "bold",
    "wire": "dim",
    "frame": "",
    "told": "dim",
}


def show_drawing(rows: Sequence[Sequence[Piece]], path: str | None = None) -> None:
    """Lines of pieces, each with a look of its own, to the terminal or a file."""
    if path in (None, "-") and not _is_coloured(sys.stdout):
        write("".join("".join(piece.text for piece in row).rstrip() + "\n" for row in rows))
        return
    from rich.text import Text

    lines = [Text.assemble(*((piece.text, LOOKS.get(piece.kind, "")) for piece in row)) for row in rows]
    _to(None if path == "-" else path, lambda out: out.print(*lines, sep="\n", soft_wrap=True))


def width() -> int:
    """Columns for a drawing."""
    return _columns()


def takes_unicode(path: str | None = None) -> bool:
    """Whether the output can show lines and Greek letters; a file can."""
    if path not in (None, "-"):
        return True
    try:
        "─│╭▸σ√²".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _print(blocks: list[Block], out: Console) -> None:
    from rich.text import Text

    plain = [Text(escaped(block.heading)) for block in blocks if not block.rows and " " in block.heading]
    out.print(_table(blocks))
    for line in [Text(), *plain] if plain else []:
        out.print(line)


def _table(blocks: list[Block]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widths = [max(len(row[place]) for block in blocks for row in block.rows) for place in (2, 3)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("stage", style="bold", overflow="fold")
    table.add_column("", overflow="fold")
    table.add_column("value", style="green", justify="right", no_wrap=True, min_width=max(widths[0], 5))
    table.add_column("gradient", style="red", justify="right", no_wrap=True, min_width=max(widths[1], 8))
    for block in blocks:
        for row in block.rows:
            table.add_row(*(Text(escaped(cell)) for cell in row))
        if block.rows:
            table.add_section()
    return table
