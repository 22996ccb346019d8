"""Which format a table has: as chosen, by its name, or by its first sign; and the reader that goes with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import chain, islice

from gradcli.batch.table import Reader
from gradcli.errors import UsageMistake

ENDINGS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PARQUET = 'pip install "gradcli[data]" brings polars, which reads and writes it'


def by_name(path: str | None) -> str | None:
    """The format that the ending of a file's name tells."""
    return ENDINGS.get(os.path.splitext(path)[1].lower()) if path else None


def need_polars() -> None:
    """Raises UsageMistake where polars is not installed."""
    try:
        import polars  # noqa: F401
    except ImportError:
        raise UsageMistake("Parquet cannot be read or written without polars", hint=PARQUET) from None


def opened(read: Callable[[int], bytes], path: str, title: str, chosen: str | None) -> tuple[Reader, str]:
    """The table, and its format: as chosen, by the title, or JSONL where the data begin with a brace.

    read: takes bytes of the data; path: where a file of Parquet lies; title: what the data are called.
    """
    from gradcli.batch.delimited import Delimited
    from gradcli.batch.jsonl import Lines
    from gradcli.batch.source import chunks
    from gradcli.batch.writing import DELIMITERS

    source = chosen or by_name(title)
    if source == "parquet":
        from gradcli.batch.parquet import Rows

        return Rows(path, path[:120], lambda: read(0)), source
    arriving = chunks(_readable(read, title))
    if source is None:
        first = list(islice(arriving, 1))
        source = "jsonl" if first and first[0].text.lstrip().startswith("{") else "csv"
        arriving = chain(first, arriving)
    return (Lines(arriving) if source == "jsonl" else Delimited(arriving, DELIMITERS[source])), source


def _readable(read: Callable[[int], bytes], title: str) -> Callable[[int], bytes]:
    """The same function, with an error that says what could not be read."""

    def reading(size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            shown = "standard input" if title == "-" else title[:120]
            raise UsageMistake(f"{shown} cannot be read: {error.strerror}") from None

    return reading
