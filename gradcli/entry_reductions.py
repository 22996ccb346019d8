"""Gates that work along axes, as gates of numbers on one vector of entries; no rule for any slope stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.array_elementwise import Array
from gradcli.entry_writer import Writer
from gradcli.graph import Node

Along = Callable[[Writer, list[Node], Array, Mapping[str, Any]], list[Node]]  # one entry, or as many as there were


def _mean(to: Writer, entries: list[Node], ddof: int = 0) -> Node:
    return to.make("div", to.sum(entries), to.number(len(entries) - ddof))


def _var(to: Writer, entries: list[Node], ddof: int = 0) -> Node:
    mean = _mean(to, entries)
    return _mean_of_squares(to, [to.make("sub", entry, mean) for entry in entries], ddof)


def _mean_of_squares(to: Writer, entries: list[Node], ddof: int) -> Node:
    return to.make("div", _squares(to, entries), to.number(len(entries) - ddof))


def _squares(to: Writer, entries: list[Node]) -> Node:
    return to.sum([to.make("pow", entry, to.number(2)) for entry in entries])


def _best(to: Writer, name: str, entries: list[Node]) -> Node:
    return to.make(name, *entries) if len(entries) > 1 else entries[0]


def _log_sum(to: Writer, entries: list[Node], about: Node) -> Node:
    """log of the sum of exp(entry - about)."""
    return to.make("log", to.sum(to.make("exp", to.make("sub", entry, about)) for entry in entries))


def _largest(entries: list[Node], values: Array) -> Node:
    """The entry that is the largest at the point: what is subtracted so that nothing overflows."""
    return entries[int(np.argmax(np.where(np.isnan(values), -np.inf, values)))]


def _logsumexp(to: Writer, entries: list[Node], values: Array) -> Node:
    about = _largest(entries, values)
    return to.make("add", _log_sum(to, entries, about), about)


def _softmax(to: Writer, entries: list[Node], values: Array) -> list[Node]:
    about = _largest(entries, values)
    raised = [to.make("exp", to.make("sub", entry, about)) for entry in entries]
    total = to.sum(raised)
    return [to.make("div", part, total) for part in raised]


def _log_softmax(to: Writer, entries: list[Node], values: Array) -> list[Node]:
    about = _largest(entries, values)
    total = _log_sum(to, entries, about)
    return [to.make("sub", to.make("sub", entry, about), total) for entry in entries]


def _sums(to: Writer, entries: list[Node]) -> list[Node]:
    found = entries[:1]
    for entry in entries[1:]:
        found.append(to.make("add", found[-1], entry))
    return found


ALONG: dict[str, Along] = {
    "sum": lambda to, entries, values, settings: [to.sum(entries)],
    "mean": lambda to, entries, values, settings: [_mean(to, entries)],
    "prod": lambda to, entries, values, settings: [to.product(entries)],
    "amax": lambda to, entries, values, settings: [_best(to, "max", entries)],
    "amin": lambda to, entries, values, settings: [_best(to, "min", entries)],
    "var": lambda to, entries, values, settings: [_var(to, entries, settings["ddof"])],
    "std": lambda to, entries, values, settings: [to.make("sqrt", _var(to, entries, settings["ddof"]))],
    "norm": lambda to, entries, values, settings: [to.make("sqrt", _squares(to, entries))],
    "logsumexp": lambda to, entries, values, settings: [_logsumexp(to, entries, values)],
    "softmax": lambda to, entries, values, settings: _softmax(to, entries, values),
    "log_softmax": lambda to, entries, values, settings: _log_softmax(to, entries, values),
    "cumsum": lambda to, entries, values, settings: _sums(to, entries),
}
