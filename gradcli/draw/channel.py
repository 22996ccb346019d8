"""Wires with right angles between two columns: which vertical track each takes, so that none lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Net(NamedTuple):
    """A wire between two columns. source: the row where it comes in; targets: the rows where it goes out."""

    source: int
    targets: tuple[int, ...]

    @property
    def straight(self) -> bool:
        """Whether it needs no track."""
        return self.targets == (self.source,)

    @property
    def span(self) -> tuple[int, int]:
        """The rows that its track covers."""
        rows = (self.source, *self.targets)
        return min(rows), max(rows)


def tracks_of(nets: Sequence[Net]) -> list[int] | None:
    """The track of each net, from left to right; None if no order keeps them apart.

    Where one net comes in at the row where another goes out, its track is further to the left. Straight nets
    have the track 0 and take no room.
    """
    bent = [place for place, net in enumerate(nets) if not net.straight]
    leaves = {row: place for place in bent for row in nets[place].targets}
    after: dict[int, list[int]] = {place: [] for place in bent}  # those further to the right
    waits = dict.fromkeys(bent, 0)
    for place in bent:
        other = leaves.get(nets[place].source, place)
        if other != place:
            after[place].append(other)
            waits[other] += 1
    found = [0] * len(nets)
    least = dict.fromkeys(bent, 0)
    taken: list[list[tuple[int, int]]] = []  # the rows covered, by track
    ready = [place for place in bent if not waits[place]]
    done = 0
    while ready:
        place = ready.pop(0)
        done += 1
        found[place] = _free(taken, nets[place].span, least[place])
        for other in after[place]:
            least[other] = max(least[other], found[place] + 1)
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return found if done == len(bent) else None


def _free(taken: list[list[tuple[int, int]]], span: tuple[int, int], least: int) -> int:
    """The first track from `least` on where nothing covers the rows; now it is taken there."""
    track = least
    while track < len(taken) and any(low <= span[1] and span[0] <= high for low, high in taken[track]):
        track += 1
    while track >= len(taken):
        taken.append([])
    taken[track].append(span)
    return track
