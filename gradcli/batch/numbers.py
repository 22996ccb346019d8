"""Rows of numbers: a block's columns to arrays, through the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gradcli.batch.binding import Binding
from gradcli.batch.stream import Done
from gradcli.batch.table import Array, Block, Faults

Table = dict[str, Array]


class Numbers(NamedTuple):
    """What computes blocks of a program of numbers.

    kernel: arrays of the inputs to arrays of all that is added, shape (rows,) each.
    troubles: how often each (kind, stage) is met in arrays of inputs, stages and gradients.
    """

    binding: Binding
    kernel: Callable[[Table], Table]
    troubles: Callable[[Table], Mapping[tuple[str, str], int]]

    def computed(self, block: Block) -> Done:
        """The results of a block's good rows, and why the others have none."""
        inputs, faults = gathered(block, self.binding)
        good = np.setdiff1d(np.arange(len(block.lines)), list(faults)) if faults else None
        if good is not None:
            inputs = {key: numbers[good] for key, numbers in inputs.items()}
        results = inputs | self.kernel(inputs)
        return Done(block, good, results, faults, self.troubles(results))


def gathered(block: Block, binding: Binding) -> tuple[Table, Faults]:
    """The inputs as arrays, shape (rows,) each, and the rows in which one of them is no number."""
    faults = dict(block.faults)
    inputs: Table = {}
    for key, name, places in binding.bound:
        inputs[key], found = block.column(name, places)
        for row, fault in found.items():
            faults.setdefault(row, fault._replace(column=name))
    for key, number in binding.fixed.items():
        inputs[key] = np.full(len(block.lines), number)
    return inputs, faults
