"""The kernel: a mapping of arrays to a mapping of arrays, block by block in NumPy's functions, or in C."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gradcli.batch import elementary
from gradcli.batch.blocks import Blocks
from gradcli.batch.steps import planned
from gradcli.batch.table import Array
from gradcli.naming import Names
from gradcli.program import Program

Kernel = Callable[[Mapping[str, Array]], dict[str, Array]]
FUNCTIONS = {"exact": elementary.exact, "numpy": elementary.quick}
KERNELS = (*FUNCTIONS, "c")


def kernel(
    program: Program,
    names: Names,
    ties: str = "first",
    wrt: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    kind: str = "exact",
) -> Kernel:
    """The function that computes rows, any number of them at once.

    In: for each input, spelled as in the program ("x", "w[0]"), its numbers, shape (rows,). Out: by name, the numbers
    of each stage that the output needs, and the gradient of each input of the variables in `wrt` (all if None),
    shape (rows,), or () where there are no inputs; of these those in `only`, if it is given. Nothing raises because
    of a value. kind: one of KERNELS; "exact" gives each row the numbers of `evaluate`, bit for bit. Memory beyond
    inputs and results does not depend on the number of rows.
    """
    if kind == "c":
        from gradcli.batch import native

        return native.kernel(program, names, ties, wrt, only)
    plan = planned(program, names, ties, wrt)
    blocks = Blocks(plan, FUNCTIONS[kind], list(plan.results if only is None else only))

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        if not inputs:
            return {name: numbers[0] for name, numbers in blocks.run({}, 1).items()}
        return blocks.run(inputs, len(next(iter(inputs.values()))))

    return run
