"""The objects that gradcli gives to Python: a program that can be called, and what it is at a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from gradcli.api import arguments
from gradcli.api.shown import Evaluated, Stage, Told
from gradcli.backward import TIES
from gradcli.calculate import calculated, gradients, varying
from gradcli.errors import GradError, PointMistake, UsageMistake, did_you_mean, listed
from gradcli.evaluate import Evaluation
from gradcli.findings import findings
from gradcli.naming import names_of
from gradcli.point import Point
from gradcli.printer import text_of
from gradcli.program import Program
from gradcli.staging import stage

if TYPE_CHECKING:
    from gradcli.api.points import Points

T = TypeVar("T")
LARGEST = 5_000  # stages that are compiled to a function; more are computed one by one


class Compiled:
    """A program that can be called: `f(3.0, -4.0)` and `f(x=3.0, y=-4.0)` give the value and the gradient by name.

    >>> import gradcli
    >>> f = gradcli.compile("x*y")
    >>> f(3, -4)
    (-12.0, {'x': -4.0, 'y': 3.0})
    >>> [stage.code for stage in gradcli.compile("(x + y)*z").stages(x=-2, y=5, z=-4)]
    ['x + y', 'xpy * z']

    Numbers give numbers. With arrays where the program has numbers it is computed at many points: the arrays are
    broadcast together, and so is each gradient, which is that of its point. A program over arrays, such as
    `sum(W @ x)`, takes arrays and is computed once. Nothing raises because of a value; what does not fit is a
    GradError.

    text: the program. variables: the names of its inputs, in order, which is that of arguments by position.
    """

    # What is called is a function of its own for each program: through a method a call would cost a fifth more.
    __slots__ = ("__call__", "__weakref__", "_fuse", "_points", "_spelled", "_wrt", "program", "ties")

    __call__: Callable[..., tuple[Any, dict[str, Any]]]

    def __init__(self, program: Program, ties: str, wrt: list[str] | None, fuse: bool) -> None:
        self.program = program
        self.ties = ties
        self._wrt = wrt
        self._fuse = fuse
        self._points: Points | None = None
        self._spelled = program.variables
        self.__call__ = self._first

    @classmethod
    def of(cls, text: str, wrt: str | Sequence[str] | None = None, ties: str = "first", fuse: bool = True) -> Compiled:
        """The program of a text; see `compile`. Raises GradError."""
        if not isinstance(text, str):
            raise UsageMistake(f"a program is a text, not of type {type(text).__name__[:40]}")
        _chosen("ties", ties, tuple(TIES))
        try:
            program = stage(text, fuse)
            return cls(program, ties, _wanted(program, wrt), fuse)
        except GradError as error:
            raise error.inside(text) from None

    @property
    def text(self) -> str:
        """The program as it was written."""
        return self.program.text

    @property
    def variables(self) -> list[str]:
        """The names of the inputs, in order of first appearance."""
        return self.program.variables

    def value(self, /, *args: Any, **named: Any) -> Any:
        """The value of the output.

        >>> import gradcli
        >>> gradcli.compile("log(x)").value(1.0)
        0.0
        """
        return self(*args, **named)[0]

    def gradient(self, /, *args: Any, **named: Any) -> dict[str, Any]:
        """The gradient by variable.

        >>> import gradcli
        >>> gradcli.compile("sigmoid(w[0]*x[0] + w[1])").gradient(w=[2, -2], x=[1])
        {'w': [0.25, 0.25], 'x': [0.5]}
        """
        return self(*args, **named)[1]

    def at(self, /, *args: Any, **named: Any) -> Evaluated:
        """Everything at one point: value, gradient, each stage with both, and warnings.

        >>> import gradcli
        >>> found = gradcli.compile("max(x, y)").at(x=3, y=3)
        >>> found.gradient, [warning.kind for warning in found.warnings]
        ({'x': 1.0, 'y': 0.0}, ['tie'])
        """
        point = self._point(args, named)
        evaluation = self._evaluation(point)
        names = names_of(evaluation.program)
        stages = [
            Stage(
                names.of[line],
                line.gate.name,
                text_of(line, names.of.get),
                _shown(evaluation, evaluation.values[line.index]),
                _shown(evaluation, evaluation.gradients[line.index])
                if line is evaluation.program.output or evaluation.active[line.index]
                else None,
            )
            for line in evaluation.program.lines
        ]
        value, gradient = self._told(evaluation, point)
        return Evaluated(value, gradient, stages, findings(evaluation, self.ties, names))

    def stages(self, /, *args: Any, **named: Any) -> list[Stage]:
        """The stages with their values and gradients at a point; without a point, their names and code."""
        if args or named or not self.variables:
            return self.at(*args, **named).stages
        names = names_of(self.program)
        return [Stage(names.of[line], line.gate.name, text_of(line, names.of.get)) for line in self.program.lines]

    def code(self, target: str = "python", form: str = "function", style: str = "plain", name: str = "") -> str:
        """The program as code in another language, as `gradcli codegen` writes it.

        target: python, numpy, c, javascript, torch, jax or latex; form: function, script or lines; style: plain, note
        or df; name: of the function.

        >>> import gradcli
        >>> print(gradcli.compile("x*y").code(form="lines"), end="")
        f = x * y  # (1)
        # backprop f = x * y  (1)
        dx = y
        dy = x
        """
        from gradcli.codegen import TARGETS, generate
        from gradcli.codegen.target import FORMS, STYLES, Options

        for word, given, choices in (("target", target, TARGETS), ("form", form, FORMS), ("style", style, STYLES)):
            _chosen(word, given, choices)
        return self._inside(lambda: generate(self.program, target, Options(form, style, name), self.ties, self._wrt))

    def explain(self, /, *args: Any, **named: Any) -> Told:
        """What each gate does to the gradient at a point, in words and numbers.

        >>> import gradcli
        >>> told = gradcli.compile("x*y + x").explain(x=3, y=-4)
        >>> [(ledger.gradient, ledger.terms) for ledger in told.facts.ledgers]
        [('dx', [('f', 1.0), ('xy', -4.0)])]
        """
        from gradcli.explain import explained

        point = self._point(args, named)
        return Told(explained(self._evaluation(point), point.values, self.ties, self._wrt))

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 200 else self.text[:197] + "..."
        return f"gradcli.compile({text!r})"

    def _repr_svg_(self) -> str:
        """The circuit, as notebooks show it."""
        from gradcli.draw.circuit import circuit_of
        from gradcli.draw.svg import svg

        return svg(circuit_of(self.program, None))

    def together(self, point: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
        """A point that is given in two ways as one. Raises PointMistake for a name given twice."""
        return self._inside(lambda: arguments.together(self.program, [point], values, self._spelled))

    # -- calls ----------------------------------------------------------------------------

    def _first(self, /, *args: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        """The first call, that makes the function which all further ones go to."""
        if self.program.graph.arrays or len(self.program.lines) > LARGEST:
            self.__call__ = lambda *args, **named: self._otherwise(args, named)
        else:
            from gradcli.api.function import function

            made = self._inside(lambda: function(self.program, self.ties, self._wrt, self._otherwise))
            self._spelled = list(made.__code__.co_varnames[: made.__code__.co_argcount])
            self.__call__ = made
        return self(*args, **named)

    def _otherwise(self, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Value and gradient of anything but floats, and where Python's arithmetic raises."""
        values = self._inside(lambda: arguments.together(self.program, args, named, self._spelled))
        if not self.program.graph.arrays and self._are_many(values):
            return self._inside(lambda: self._many().at(values))
        point = self._inside(lambda: arguments.point_of(values))
        return self._told(self._evaluation(point), point)

    def _are_many(self, values: Mapping[str, Any]) -> bool:
        """Whether some value of a program of numbers has an axis of points."""
        from gradcli.codegen.code import shapes_of

        if not any(map(arguments.is_array, values.values())):
            return False
        ranks = {name: len(shape) for name, shape in shapes_of(self.program).items()}
        return any(_rank(value) > ranks.get(name, 0) for name, value in values.items())

    def _many(self) -> Points:
        if self._points is None:
            from gradcli.api.points import Points

            self._points = Points(self.program, names_of(self.program), self.ties, self._wrt)
        return self._points

    def _point(self, args: Sequence[Any], named: Mapping[str, Any]) -> Point:
        if len(args) > len(self.variables):
            raise PointMistake(f"{len(args)} values for {len(self.variables)} inputs", hint=_order(self.program))
        return self._inside(lambda: arguments.point_of(arguments.together(self.program, args, named, self._spelled)))

    def _evaluation(self, point: Point) -> Evaluation:
        return self._inside(lambda: calculated(self.program, point, self.ties, self._wrt, self._fuse).evaluation)

    def _told(self, evaluation: Evaluation, point: Point) -> tuple[Any, dict[str, Any]]:
        inputs = varying(evaluation.program) if self._wrt is None else self._wrt
        found = gradients(evaluation, point.values, inputs)
        if evaluation.program.shapes:
            import numpy as np

            found = {name: np.asarray(part) if isinstance(part, list) else part for name, part in found.items()}
        return _shown(evaluation, evaluation.values[evaluation.program.output.index]), found

    def _inside(self, work: Callable[[], T]) -> T:
        """The result; a mistake gets the text that its place points into."""
        try:
            return work()
        except GradError as error:
            raise error.inside(self.text) from None


def compile(text: str, *, wrt: str | Sequence[str] | None = None, ties: str = "first", fuse: bool = True) -> Compiled:
    """A program ready to be called.

    text: statements of the language. wrt: the names whose gradient is asked for, all if None. ties: who takes the
    gradient of a max or min at a tie: first, last, split or both. fuse: as opposed to one elementary gate a stage.
    Raises GradError where the text is no program; the error knows the place (`span`) and what to write (`hint`).

    >>> import gradcli
    >>> gradcli.compile("(x + y)*z")(-2.0, 5.0, -4.0)
    (-12.0, {'x': -4.0, 'y': -4.0, 'z': 3.0})
    >>> try:
    ...     gradcli.compile("x + sigmod(y)")
    ... except gradcli.GradError as error:
    ...     print(error, error.span, error.hint)
    unknown function 'sigmod' Span(start=4, end=10) did you mean 'sigmoid'?
    """
    return Compiled.of(text, wrt, ties, fuse)


def gradient(text: str, point: Mapping[str, Any] | None = None, /, **values: Any) -> dict[str, Any]:
    """The gradient of a program at a point, by variable.

    point: values by name, for names that cannot be written as arguments (`lambda`); values: the others.

    >>> import gradcli
    >>> gradcli.gradient("x*y", x=3, y=-4)
    {'x': -4.0, 'y': 3.0}
    """
    found = Compiled.of(text)
    return found.gradient(found.together(point, values))


def _wanted(program: Program, wrt: str | Sequence[str] | None) -> list[str] | None:
    if wrt is None:
        return None
    asked = [name.strip() for name in wrt.split(",")] if isinstance(wrt, str) else list(wrt)
    unknown = [name for name in asked if name not in program.variables]
    if unknown or not asked:
        hint = did_you_mean(unknown[0], program.variables) if unknown else ""
        raise UsageMistake(f"wrt: the program has no input {listed(unknown) or 'without a name'}", hint=hint)
    return [name for name in program.variables if name in asked]


def _chosen(word: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        hint = did_you_mean(str(given), list(choices)) or f"one of {', '.join(choices)}"
        raise UsageMistake(f"{word} cannot be '{str(given)[:60]}'", hint=hint)


def _rank(value: Any) -> int:
    if isinstance(value, list | tuple):
        return 1 + (_rank(value[0]) if value else 0)
    return int(getattr(value, "ndim", 0))


def _order(program: Program) -> str:
    return f"in order: {', '.join(program.variables[:8])}" if program.variables else "the program has none"


def _shown(evaluation: Evaluation, value: Any) -> Any:
    """A value or gradient as Python's own float, or as an array; 0 where nothing flows."""
    if value is None:
        return 0.0
    return value if getattr(value, "ndim", 0) else float(value)
