"""`gradcli gates`: the table of gates, its local gradients and conventions at kinks."""

from __future__ import annotations

import click

from gradcli.cli import arguments, console
from gradcli.gates import GATES, Gate, parameters


@click.command(
    "gates",
    cls=arguments.Command,
    short_help="The gates it knows: form, local gradients, conventions at kinks.",
    epilog="""\b
Examples:
  gradcli gates
  gradcli gates | grep sigmoid
  gradcli gates | cut -f1""",
)
def command() -> None:
    """The gates: name, form, local gradients (out is the gate's value, dout the gradient that arrives), kinks.

    Tab-separated, one gate a line: those that work entry by entry, those of arrays, and what only rules have.
    """
    from gradcli.array_gates import ARRAY_ROWS, HELPER_ROWS

    for gate in (*GATES.values(), *ARRAY_ROWS):
        console.write("\t".join([gate.name, form(gate), rules(gate), gate.custom]) + "\n")
    for gate in HELPER_ROWS:
        console.write("\t".join([gate.name, form(gate), f"in rules only: {gate.says}", gate.custom]) + "\n")


def form(gate: Gate) -> str:
    """How a gate is written, with its other spellings."""
    written = gate.form.replace("index=None", "...").replace("[axis=0]", "[0]")
    return " | ".join([written, *(f"{alias}(...)" for alias in gate.aliases if not written.startswith(alias))])


def rules(gate: Gate) -> str:
    """The local gradients as they stand in the table."""
    if gate.routes == "operands":
        return "to one operand that equals out"
    if "..." in gate.pullback:
        return f"each operand receives {gate.pullback['...']}"
    shown = [f"d{letter} = {gate.pullback[letter]}" for letter in parameters(gate) if letter in gate.pullback]
    shown += [f"d{letter} = ({rule}) * dout" for letter, rule in gate.partials.items()]
    return "; ".join(shown) or "none"
