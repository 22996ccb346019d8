"""Bytes to chunks of whole lines, as they arrive: a slow pipe gives short chunks, and each is worked off at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gradcli.errors import UsageMistake

SIZE = 1 << 18  # bytes a chunk: some thousand rows, so that a block's columns stay in the cache
LONGEST = 1 << 24  # bytes a row: a quote that is never closed must not swallow a table into memory
NO_TEXT = "the row is no text in UTF-8"
UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Chunk(NamedTuple):
    """Whole lines. line: the number of the first one, from 1.

    clean: whether all of it is UTF-8 without zero bytes; bytes that are not UTF-8 are lone surrogates in `text`.
    """

    text: str
    line: int = 1
    clean: bool = True


def chunks(read: Callable[[int], bytes]) -> Iterator[Chunk]:
    """The lines of an input; the last one need not be ended.

    read: at most so many bytes, none at the end of the input. Raises UsageMistake for what is no text.
    """
    line, held, parts = 1, 0, list[bytes]()
    first = _without_mark(read)
    while data := first or read(SIZE):
        first = b""
        cut = data.rfind(b"\n") + 1
        parts.append(data[:cut] if cut else data)
        held += len(data)
        if held > LONGEST and not cut:
            raise UsageMistake(f"line {line} is longer than {LONGEST >> 20} MiB")
        if cut:
            whole = b"".join(parts)
            yield _chunk(whole, line)
            line += whole.count(b"\n")
            parts, held = [data[cut:]], len(data) - cut
    whole = b"".join(parts)
    if whole:
        yield _chunk(whole, line)


def _without_mark(read: Callable[[int], bytes]) -> bytes:
    """The first bytes, without a byte order mark."""
    data = read(SIZE)
    while data and len(data) < 4 and (more := read(SIZE)):
        data += more
    if data.startswith(UTF16):
        raise UsageMistake("the data are UTF-16", hint="gradcli reads UTF-8: iconv -f utf-16 -t utf-8 FILE")
    return data.removeprefix(b"\xef\xbb\xbf")


def _chunk(data: bytes, line: int) -> Chunk:
    try:
        return Chunk(data.decode(), line, b"\0" not in data)
    except UnicodeDecodeError:
        return Chunk(data.decode("utf-8", "surrogateescape"), line, False)


def replaced(text: str) -> str:
    """A text with U+FFFD for each zero byte and each byte that was not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")


def is_clean(text: str) -> bool:
    """Whether a text has no zero byte in it, and none that was not UTF-8."""
    return "\0" not in text and (text.isascii() or not any("\udc80" <= sign <= "\udcff" for sign in text))
