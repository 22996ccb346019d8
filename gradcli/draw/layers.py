"""Circuit to Layers: which column each part stands in, and in which order, so that few wires cross.

The method of Sugiyama, Tagawa and Toda (1981): longest paths give the columns, a wire that skips a column
gets a slot there, sweeps order the slots by the middle of
their neighbours, and neighbours that cross less the other way round change places.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from gradcli.draw.circuit import Circuit

SWEEPS = 12
EXCHANGES = 4


class Slot(NamedTuple):
    """A place in a column. part: what stands there, or whose wire passes; passes: the latter."""

    part: int
    passes: bool


class Link(NamedTuple):
    """A piece of a wire from one column to the next. source, target: rows in their columns.

    port: the place among the operands where it enters, counted from above; ports: how many there are.
    """

    source: int
    target: int
    port: int = 0
    ports: int = 1


class Layers(NamedTuple):
    """columns: from left to right, each from above to below; links: from each column to the next."""

    columns: list[list[Slot]]
    links: list[list[Link]]


def column_of(circuit: Circuit) -> list[int]:
    """The column of each part: inputs in the first, gates behind all their operands, the output in the last."""
    columns: list[int] = []
    for part in circuit.parts:
        columns.append(1 + max((columns[operand] for operand in part.operands), default=-1))
    if circuit.output >= 0:
        columns[circuit.output] = max(columns)
    return columns


def layered(circuit: Circuit) -> Layers:
    """The columns of a circuit with few crossings."""
    return _Columns(circuit).layers()


def unsorted(circuit: Circuit) -> Layers:
    """The columns of a circuit as they come."""
    return _Columns(circuit).linked()


class _Columns:
    """Columns of slots, and for each column the wires to the one before it."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        column = column_of(circuit)
        self.columns: list[list[Slot]] = [[] for _ in range(max(column) + 1)]
        self.entering: dict[tuple[int, Slot], list[Slot]] = {}  # by column and slot, in the order of operands
        for place in self._in_order():
            self.columns[column[place]].append(Slot(place, False))
        for place, part in enumerate(circuit.parts):
            self.entering[column[place], Slot(place, False)] = [
                self._reach(operand, column[operand], column[place] - 1) for operand in part.operands
            ]

    def _in_order(self) -> list[int]:
        """The parts as one meets them on the way back from the output, operands from the first to the last."""
        met: dict[int, None] = {}
        waiting = [*reversed(range(len(self.circuit.parts))), self.circuit.output]
        if self.circuit.output < 0:
            waiting.pop()
        while waiting:
            place = waiting.pop()
            if place not in met:
                met[place] = None
                waiting.extend(reversed(self.circuit.parts[place].operands))
        return list(met)

    def _reach(self, part: int, begin: int, end: int) -> Slot:
        """The slot from which the wire of a part comes into the column behind `end`."""
        if begin == end:
            return Slot(part, False)
        passing = Slot(part, True)
        for column in range(end, begin, -1):
            if (column, passing) in self.entering:
                break
            self.columns[column].append(passing)
            self.entering[column, passing] = [passing if column - 1 > begin else Slot(part, False)]
        return passing

    # -- order ----------------------------------------------------------------------------

    def layers(self) -> Layers:
        """The best order that the sweeps meet."""
        best, fewest = self.columns, self._crossings()
        for sweep in range(SWEEPS):
            if fewest == 0:
                break
            self._sweep(forward=sweep % 2 == 1)
            for _ in range(EXCHANGES):
                changed = [self._exchange(column) for column in range(len(best))]
                if not any(changed):
                    break
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = list(self.columns), crossings
        self.columns = best
        return self.linked()

    def linked(self) -> Layers:
        """The columns as they are now, with the wires between them."""
        return Layers(self.columns, [self._links(column) for column in range(1, len(self.columns))])

    def _sweep(self, forward: bool) -> None:
        """Order each column by the middle of what it is connected to in the one that was ordered before it."""
        count = len(self.columns)
        self.columns = list(self.columns)
        for column in range(1, count) if forward else range(count - 2, -1, -1):
            rows = _rows(self.columns[column])
            middles = self._behind(column) if forward else self._ahead(column, rows)
            self.columns[column] = _sorted_by_middle(self.columns[column], middles, rows)

    def _behind(self, column: int) -> dict[Slot, list[float]]:
        """For each slot of a column, the rows from which wires come into it."""
        rows = _rows(self.columns[column - 1])
        return {slot: [rows[source] for source in self.entering[column, slot]] for slot in self.columns[column]}

    def _ahead(self, column: int, rows: dict[Slot, float]) -> dict[Slot, list[float]]:
        """For each slot of a column, the rows to which its wire goes; a port is a part of a row."""
        found: dict[Slot, list[float]] = {slot: [] for slot in self.columns[column]}
        for row, slot in enumerate(self.columns[column + 1]):
            sources = self._ported(column + 1, slot, rows)
            for port, source in enumerate(sources):
                found[source].append(row + (port + 1) / (len(sources) + 1) - 0.5)
        return found

    def _exchange(self, column: int) -> bool:
        """Change places of neighbours in a column where fewer wires cross then; whether any has changed."""
        slots = self.columns[column] = list(self.columns[column])
        changed = False
        ends = self._ends(column)
        for place in range(len(slots) - 1):
            upper, lower = slots[place], slots[place + 1]
            now = sum(_inversions(side[upper], side[lower]) for side in ends)
            then = sum(_inversions(side[lower], side[upper]) for side in ends)
            if then < now:
                slots[place], slots[place + 1] = lower, upper
                changed = True
        return changed

    def _ends(self, column: int) -> list[dict[Slot, list[tuple[float, int]]]]:
        """For each slot of a column where its wires come from, and where they go to: rows, and ports that are fixed."""
        sides = []
        if column:
            rows = _rows(self.columns[column - 1])
            sides.append(
                {slot: [(rows[one], 0) for one in self.entering[column, slot]] for slot in self.columns[column]}
            )
        if column + 1 < len(self.columns):
            leaving: dict[Slot, list[tuple[float, int]]] = {slot: [] for slot in self.columns[column]}
            for row, slot in enumerate(self.columns[column + 1]):
                fixed = not slot.passes and self.circuit.parts[slot.part].ordered
                for port, source in enumerate(self.entering[column + 1, slot]):
                    leaving[source].append((float(row), port * fixed))
            sides.append(leaving)
        return sides

    def _ported(self, column: int, slot: Slot, rows: dict[Slot, float]) -> list[Slot]:
        """What enters a slot, from above to below."""
        sources = self.entering[column, slot]
        if slot.passes or self.circuit.parts[slot.part].ordered:
            return sources
        return sorted(sources, key=lambda source: rows[source])

    def _links(self, column: int) -> list[Link]:
        """The wires into a column."""
        rows = _rows(self.columns[column - 1])
        links = []
        for target, slot in enumerate(self.columns[column]):
            sources = self._ported(column, slot, rows)
            links += [Link(int(rows[source]), target, port, len(sources)) for port, source in enumerate(sources)]
        return links

    def _crossings(self) -> int:
        """How often wires cross, but for those that enter the same port or leave the same slot."""
        return sum(crossings(self._links(column)) for column in range(1, len(self.columns)))


def crossings(links: list[Link]) -> int:
    """How many pairs of links cross."""
    count = 0
    seen: list[tuple[int, int, int]] = []
    for link in sorted(links, key=lambda link: (link.source, link.target, link.port)):
        end = (link.target, link.port, link.source)
        count += len(seen) - bisect_left(seen, end)
        insort(seen, end)
    return count


def _inversions(upper: list[tuple[float, int]], lower: list[tuple[float, int]]) -> int:
    """How many wires of two neighbours cross on one side."""
    return sum(first > second for first in upper for second in lower)


def _rows(column: list[Slot]) -> dict[Slot, float]:
    return {slot: float(row) for row, slot in enumerate(column)}


def _sorted_by_middle(column: list[Slot], middles: dict[Slot, list[float]], places: dict[Slot, float]) -> list[Slot]:
    """The slots by the mean of their neighbours; those without any keep their places."""
    keys = {slot: sum(found) / len(found) for slot, found in middles.items() if found}
    movable = iter(sorted(keys, key=lambda slot: (keys[slot], places[slot])))
    return [next(movable) if slot in keys else slot for slot in column]
