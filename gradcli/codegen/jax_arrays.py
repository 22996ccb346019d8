"""JAX for programs whose shapes are known: NumPy's lines with a custom_vjp around them; arrays never change there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gradcli.array_local import Entry
from gradcli.codegen import pythonic
from gradcli.codegen.array_code import ArrayCode, Sent
from gradcli.codegen.numpy_arrays import MASKS, ArrayWriter
from gradcli.codegen.target import Options
from gradcli.dimensions import written
from gradcli.errors import UsageMistake
from gradcli.local import Expression

SPECIAL = {"erf": "jax.scipy.special.erf", "erfc": "jax.scipy.special.erfc"}


def array_frame(code: ArrayCode, options: Options) -> Iterator[str]:
    """The text of a function with its vjp, or bare lines."""
    writer = _Writer(code, options)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from _in_jax([*forward, *backward])
        return
    if options.form == "script":
        raise UsageMistake("--form script is for programs of numbers", hint="--form function takes arrays")
    yield from ["import jax", "import jax.numpy as jnp", "", ""]
    for function in writer.functions():
        yield from [*_in_jax(function), "", ""]
    yield from _in_jax(_functions(writer, options, forward, backward))


def _functions(writer: _Writer, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    name, code = options.name, writer.code
    variables = [writer.spelled[one] for one in code.variables]
    arguments = ", ".join(variables)
    output = writer.names[code.program.output]
    stages = [writer.names[line] for line, _ in code.stages if line not in code.formulas.inlined]
    share = "" if code.seed else f"{writer.of[code.program.output]} * "
    results = [f"{share}{writer.gradient(one)}" if one in code.wanted else "None" for one in code.variables]
    read = set(re.findall(r"\w+", " ".join(line.partition("#")[0] for line in backward)))
    saved = [one for one in [*variables, *stages] if one in read]
    kept = ", ".join(saved) + "," * (len(saved) == 1) if saved else "()"
    yield from ["@jax.custom_vjp", f"def {name}({arguments}):"]
    yield from pythonic.docstring([f"{output}; its gradient is written out below.", "", *writer.sizes()])
    yield from [f"{pythonic.INDENT}return {name}_forward({arguments})[0]", "", ""]
    yield f"def {name}_forward({arguments}):"
    yield from pythonic.indented(
        [*writer.conversions(), *forward, f"return {output}, ({kept})" if saved else f"return {output}, ()", "", ""]
    )
    seed = writer.of[code.program.output]
    yield f"def {name}_backward(kept, {seed}):"
    yield from pythonic.indented([*([f"{kept} = kept"] if saved else []), *backward])
    yield from pythonic.indented([f"return ({', '.join(results)}{',' * (len(results) == 1)})", "", ""])
    yield f"{name}.defvjp({name}_forward, {name}_backward)"


def _in_jax(lines: Iterable[str]) -> Iterator[str]:
    """NumPy's names in JAX."""
    for line in lines:
        special = re.sub(r"np\.vectorize\(math\.(\w+), otypes=\[float\]\)", lambda found: SPECIAL[found[1]], line)
        yield re.sub(r"\bnp\.", "jnp.", special)


class _Writer(ArrayWriter):
    """Spells one program."""

    words = ("jax", "jnp", "kept")

    def sizes(self) -> Iterator[str]:
        """The arguments with their shapes."""
        for name, shape in self.shape_of().items():
            yield f"{self.spelled[name]} {written(shape)}{', whole numbers' if name in self.code.whole else ''}"

    def _assignment(self, sent: Sent) -> Iterator[str]:
        """What a gradient receives; one entry of a variable cannot be assigned to."""
        name = self.of[sent.to]
        if name.endswith("]"):
            raise UsageMistake(f"jax has no assignment to {name}", hint="--target numpy has")
        if not sent.zeroed:
            yield from super()._assignment(sent)
            return
        where, _, gradient = (Expression(one, self.code.formulas.letters) for one in sent.term.node.operands)
        self.made.add(name)
        yield f"{name} = np.where({self.text(where, dialect=MASKS)}, 0.0, {self.text(gradient)})"

    def _entry(self, sent: Sent, name: str, value: str, entry: Entry) -> Iterator[str]:
        """What entries of a gradient receive, as a new array."""
        before = f"np.zeros_like({self.names[sent.to]})" if sent.first else name
        yield f"{name} = {before}.at[{self.key(entry)}].add({value})"
