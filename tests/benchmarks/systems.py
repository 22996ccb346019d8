"""gradcli, the bare tape and the peers: each takes a text and a point and gives what is to be timed.

Peers that are not installed are left out. Those that cannot read a long text get the expression from
the bare tape, entry by entry, through the operators that they overload ("torch, built"): reading is
then not in their time.
"""

from __future__ import annotations

import gc
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tape

Point = dict[str, float]
Answer = tuple[float, list[float]] | None
Run = Callable[[], Answer]


# -- gradcli ------------------------------------------------------------------------------


def gradcli(text: str, point: Point) -> Run:
    """Text to value and gradient."""
    from gradcli.evaluate import evaluate
    from gradcli.point import Point as Bound
    from gradcli.point import bind
    from gradcli.staging import stage

    gc.disable()  # as on the command line

    def run() -> Answer:
        program = stage(text)
        leaves, _ = bind(program, Bound(point, frozenset()))
        evaluation = evaluate(program, leaves)
        return evaluation.value(program.output), [evaluation.gradient(leaf) for leaf in program.inputs]

    return run


def names(text: str, point: Point) -> Run:
    """A staged program to the names of its stages and gradients."""
    from gradcli.naming import names_of
    from gradcli.staging import stage

    gc.disable()
    program = stage(text)
    return lambda: names_of(program) and None


def printed(text: str, point: Point) -> Run:
    """The whole command, from files to one JSON object with every stage: gradcli eval -f ... --at @... --json."""
    from gradcli.cli.main import commands

    folder = Path(tempfile.mkdtemp())
    (folder / "f.grad").write_text(text)
    (folder / "point.json").write_text(json.dumps(point))
    arguments = ["-f", f"{folder}/f.grad", "--at", f"@{folder}/point.json", "--json", "-o", f"{folder}/out.json"]

    def run() -> Answer:
        commands.main(["eval", *arguments], standalone_mode=False)
        shutil.rmtree(folder)
        return None

    return run


def bare_tape(text: str, point: Point) -> Run:
    """The yardstick, with the garbage collector off as well."""
    gc.disable()

    def run() -> Answer:
        value, gradient = tape.value_and_gradient(text, point)
        return value, list(gradient.values())

    return run


# -- peers --------------------------------------------------------------------------------


def spoken(text: str, leaves: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    """The text as Python, with a system's own numbers and functions."""
    return eval(text, {**leaves, **functions})


def built(recorded: tape.Tape, leaves: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    """The expression through a system's own operators, one entry of a tape after the other."""
    entries: list[Any] = []
    for gate, left, right in zip(*recorded[:3], strict=True):
        if gate == "x":
            entries.append(leaves[left])
        elif gate == "1":
            entries.append(left)
        elif gate == "*":
            entries.append(entries[left] * entries[right])
        elif gate == "+":
            entries.append(entries[left] + entries[right])
        elif gate == "-":
            entries.append(entries[left] - entries[right])
        elif gate == "/":
            entries.append(entries[left] / entries[right])
        elif gate == "**":
            entries.append(entries[left] ** int(entries[right]))
        elif gate == "max":
            entries.append(functions["max"](entries[left], entries[right]))
        else:
            entries.append(functions[gate](entries[left]))
    return entries[-1]


Made = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]


def torch(made: Made, point: Point) -> Run:
    import torch

    torch.set_num_threads(1)
    functions = {"sigmoid": torch.sigmoid, "exp": torch.exp, "sin": torch.sin, "max": torch.maximum}

    def run() -> Answer:
        leaves = {name: torch.tensor(x, dtype=torch.float64, requires_grad=True) for name, x in point.items()}
        value = made(leaves, functions)
        gradient = torch.autograd.grad(value, list(leaves.values()))
        return value.item(), [slope.item() for slope in gradient]

    return run


def casadi(made: Made, point: Point) -> Run:
    import casadi

    functions = {"exp": casadi.exp, "sin": casadi.sin, "max": casadi.fmax}
    functions["sigmoid"] = lambda x: 1 / (1 + casadi.exp(-x))

    def run() -> Answer:
        leaves = {name: casadi.SX.sym(name) for name in point}
        value = made(leaves, functions)
        inputs = casadi.vertcat(*leaves.values())
        function = casadi.Function("f", [inputs], [value, casadi.gradient(value, inputs)])
        number, gradient = function(list(point.values()))
        return float(number), casadi.densify(gradient).nonzeros()

    return run


def autograd(made: Made, point: Point) -> Run:
    import autograd.numpy as anp
    from autograd import value_and_grad

    functions = {"exp": anp.exp, "sin": anp.sin, "max": anp.maximum, "sigmoid": lambda x: 1 / (1 + anp.exp(-x))}
    both = value_and_grad(lambda numbers: made(dict(zip(point, numbers, strict=True)), functions))

    def run() -> Answer:
        value, gradient = both(list(point.values()))
        return float(value), [float(slope) for slope in gradient]

    return run


def jax(made: Made, point: Point) -> Run:
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    functions = {"sigmoid": jax.nn.sigmoid, "exp": jnp.exp, "sin": jnp.sin, "max": jnp.maximum}
    both = jax.value_and_grad(lambda leaves: made(leaves, functions))

    def run() -> Answer:
        value, gradient = both(dict(point))
        return float(value), [float(gradient[name]) for name in point]

    return run


def sympy(made: Made, point: Point) -> Run:
    import sympy

    functions = {"exp": sympy.exp, "sin": sympy.sin, "max": sympy.Max, "sigmoid": lambda x: 1 / (1 + sympy.exp(-x))}

    def run() -> Answer:
        leaves = {name: sympy.Symbol(name, real=True) for name in point}
        value = made(leaves, functions)
        wanted = [value, *(value.diff(leaf) for leaf in leaves.values())]
        compiled = sympy.lambdify(list(leaves.values()), wanted, modules="math", cse=True)
        number, *gradient = compiled(*point.values())
        return number, gradient

    return run


def micrograd(made: Made, point: Point) -> Run:
    from micrograd.engine import Value

    def gate(function: Callable[..., float], *slopes: Callable[..., float]) -> Callable[..., Value]:
        def apply(*operands: Value) -> Value:
            numbers = [operand.data for operand in operands]
            out = Value(function(*numbers), operands)

            def backward() -> None:
                for operand, slope in zip(operands, slopes, strict=True):
                    operand.grad += slope(out.data, *numbers) * out.grad

            out._backward = backward
            return out

        return apply

    functions = {
        "sigmoid": gate(lambda x: 1 / (1 + math.exp(-x)), lambda out, x: out * (1 - out)),
        "exp": gate(math.exp, lambda out, x: out),
        "sin": gate(math.sin, lambda out, x: math.cos(x)),
        "max": gate(max, lambda out, a, b: a >= b, lambda out, a, b: a < b),
    }

    def run() -> Answer:
        leaves = {name: Value(x) for name, x in point.items()}
        value = made(leaves, functions)
        value.backward()
        return value.data, [leaf.grad for leaf in leaves.values()]

    return run


def _from_text(peer: Callable[[Made, Point], Run]) -> Callable[[str, Point], Run]:
    return lambda text, point: peer(lambda leaves, functions: spoken(text, leaves, functions), point)


def _from_tape(peer: Callable[[Made, Point], Run]) -> Callable[[str, Point], Run]:
    def prepared(text: str, point: Point) -> Run:
        recorded = tape.record(text)
        return peer(lambda leaves, functions: built(recorded, leaves, functions), point)

    return prepared


PEERS = {peer.__name__: peer for peer in (micrograd, casadi, torch, autograd, jax, sympy)}
OWN = {"tape": bare_tape, "gradcli": gradcli, "gradcli names": names, "gradcli json": printed}
SYSTEMS: dict[str, Callable[[str, Point], Run]] = {
    **OWN,
    **{name: _from_text(peer) for name, peer in PEERS.items()},
    **{f"{name}, built": _from_tape(peer) for name, peer in PEERS.items()},
}
