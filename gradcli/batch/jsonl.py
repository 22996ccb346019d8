"""JSONL in: chunks of lines to blocks of rows, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from gradcli.batch.json_values import MISSING, entries, floats, read, read_with_digits
from gradcli.batch.source import NO_TEXT, Chunk, is_clean
from gradcli.batch.table import Block, Column, Fault, Faults
from gradcli.errors import listed

EMPTY = "{}"  # what stands for a line that is no object, so that what is written is JSON


class Objects(NamedTuple):
    """A block of JSONL. objects: the values of each row by name."""

    texts: list[str]
    lines: list[int]
    objects: list[dict[str, Any]]
    faults: Faults

    def column(self, name: str, places: tuple[int, ...] = ()) -> Column:
        """The numbers of a name, or of one place in its lists."""
        values = self.values(name)
        return entries(values, places) if places else floats(values)

    def values(self, name: str) -> list[object]:
        """What each row has under a name."""
        return [found.get(name, MISSING) for found in self.objects]

    def words(self, name: str) -> list[str]:
        """The texts under a name."""
        return [value for value in self.values(name) if isinstance(value, str)]

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Each row by name; numbers as text, digit by digit as they came."""
        for text, found in zip(self.texts, self.objects, strict=True):
            digits = read_with_digits(text) if found else {}
            yield {name: value if isinstance(value, list | dict) else digits[name] for name, value in found.items()}


class Lines:
    """A table in JSONL. columns: the names in its first object; None where the first chunk has none."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        first = next(chunks, None)
        self.columns: tuple[str, ...] | None = None
        self._reserved: set[str] = set()
        self._chunks = chain([first] if first else [], chunks)
        for found in self._block(first).objects if first else ():
            if found:
                self.columns = tuple(found)
                break

    def reserve(self, names: set[str]) -> None:
        """Names that no row may have, since they are added to each."""
        self._reserved = names

    def blocks(self) -> Iterator[Block]:
        """The rows, without blank lines."""
        return map(self._block, self._chunks)

    def _block(self, chunk: Chunk) -> Objects:
        block = Objects([], [], [], {})
        for line, raw in enumerate(chunk.text.split("\n"), chunk.line):
            text = raw.strip()
            if text:
                found, mistake = self._object(text, chunk.clean)
                if mistake:
                    block.faults[len(block.texts)] = Fault(mistake)
                block.texts.append(EMPTY if mistake else text)
                block.objects.append(found)
                block.lines.append(line)
        return block

    def _object(self, text: str, clean: bool) -> tuple[dict[str, Any], str]:
        """The object that a line is, or why it is none."""
        try:
            found = read(text)
        except RecursionError:
            return {}, "the values are nested too deep"
        except ValueError as error:
            return {}, f"no JSON: {error}"
        if not isinstance(found, dict):
            return {}, "no JSON object"
        if not clean and not is_clean(text):
            return {}, NO_TEXT
        if not self._reserved.isdisjoint(found):
            return {}, f"the name of an added column is taken, {listed(sorted(self._reserved & found.keys()))}"
        return found, ""
