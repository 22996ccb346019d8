"""The shape of every node, and which row of the table a gate becomes by its operands' shapes.

A program and the shapes of its variables go in; out comes the program over arrays: each written
gate is the row that fits, elements of a variable that is used whole are indices, what shapes say
(`X.shape[0]`) is known. Where operands do not fit, the dimension analysis says what would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gradcli.array_gates import PRODUCTS, Setting, is_array_gate
from gradcli.dimensions import Misfit, Shape, indexed
from gradcli.errors import ShapeMistake
from gradcli.formula import formula
from gradcli.gates import INPUT, parameters
from gradcli.graph import Input, Node, Settings
from gradcli.program import Program
from gradcli.shaping import Shaping
from gradcli.staging import cut, used_by_statements
from gradcli.written_gates import BECOMES


def shaped(program: Program, shapes: Mapping[str, Shape], fuse: bool = True) -> Program:
    """The program over arrays. Raises ShapeMistake.

    shapes: of each variable, () for a number; sizes are numbers or names. fuse: as for `stage`; otherwise gates
    that others define are taken apart.
    """
    graph = _Carrying(program, shapes, fuse).run()
    return cut(program.text, graph.graph, fuse)._replace(shapes=graph.shapes)


class _Carrying(Shaping):
    """A program's graph carried over. new: what each of its nodes has become; whole: variables used as arrays."""

    def __init__(self, program: Program, variables: Mapping[str, Shape], fuse: bool) -> None:
        super().__init__()
        self.fuse = fuse
        self.program = program
        self.variables = variables
        self.new: dict[Node, Node] = {}
        self.whole = self._used_whole()

    def _used_whole(self) -> set[str]:
        """The variables that are used as arrays: elements of others are inputs of their own."""
        found = set()
        for leaf in self.program.inputs:
            assert isinstance(leaf.static, Input)
            base, places = leaf.static
            if not places or len(places) != len(self.variables[base]):
                found.add(base)
        return found

    def run(self) -> _Carrying:
        """Carry over all that statements need, in order."""
        old = self.program.graph
        uses = used_by_statements(old)
        for node in old.nodes:
            if uses[node.index] or node.gate is INPUT:
                self.new[node] = self._carried(node)
                if node in old.titles:
                    self._titled(node, old.titles[node])
        return self

    def _titled(self, node: Node, name: str) -> None:
        source = node.operands[0] if node.gate.name == "copy" else node
        shape = self.shapes[self.new[source]]
        carried = self.new[source]
        if source is not node and not self._just_made(carried):
            carried = self.graph.copy(carried, node.start, node.end)
        self.new[node] = self.graph.assign(name, carried, node.start, node.end)
        self.shapes[carried] = self.shapes[self.new[node]] = shape
        if self.new[source] in self.numbers:
            self.numbers[self.new[node]] = self.numbers[self.new[source]]

    def _just_made(self, node: Node) -> bool:
        """Whether a node can take a name where it stands: an element that became an index for this statement."""
        return node is self.graph.nodes[-1] and bool(node.operands) and node not in self.graph.titles

    def _carried(self, node: Node) -> Node:
        if node.gate is INPUT:
            return self._input(node)
        if not node.operands:
            return self.leaf(node)
        operands = tuple(self.new[operand] for operand in node.operands)
        if node.gate.name == "copy":
            return operands[0]
        try:
            return self._gate(node, operands)
        except Misfit as misfit:
            raise self._placed(misfit, node, operands) from None

    def _input(self, node: Node) -> Node:
        assert isinstance(node.static, Input)
        base, places = node.static
        if places and base not in self.whole:
            self._check_element(node, base, places)
            new = self.graph.element(base, places, node.start, node.end)
            self.shapes[new] = ()
            return new
        new = self.graph.name(base, node.start, node.start + len(base))
        self.shapes[new] = self.variables[base]
        if not places:
            return new
        try:
            return self.made("index", (new,), node, index=places)
        except Misfit as misfit:
            raise _no_element(node, base, misfit) from None

    def _check_element(self, node: Node, base: str, places: tuple[int, ...]) -> None:
        try:
            indexed(self.variables[base], places, ())
        except Misfit as misfit:
            raise _no_element(node, base, misfit) from None

    def _gate(self, node: Node, operands: tuple[Node, ...]) -> Node:
        name = node.gate.name
        if not is_array_gate(node.gate):
            return self.elementwise(node.gate, operands, node)
        settings = dict(node.static) if isinstance(node.static, tuple) and not isinstance(node.static, Input) else {}
        if node.gate.means and not self.fuse:
            letters = dict(zip(parameters(node.gate), operands, strict=True))
            return self._taken_apart(formula(node.gate.means), letters, settings, node)
        if name in BECOMES:
            return BECOMES[name](self, node, operands, **settings)
        return self.made(name, operands, node, **settings)

    def _taken_apart(
        self, rule: Node, letters: Mapping[str, Node], settings: Mapping[str, object], place: Node
    ) -> Node:
        """A definition of the table with operands in place of its letters, and its static parameters filled in."""
        if isinstance(rule.static, Input):
            return letters[rule.static.base]
        operands = tuple(self._taken_apart(operand, letters, settings, place) for operand in rule.operands)
        written = Node()
        written.gate, written.operands, written.static = rule.gate, rule.operands, rule.static
        written.start, written.end = place.start, place.end
        if operands and isinstance(rule.static, tuple):
            own = cast(Settings, rule.static)
            written.static = tuple((key, settings[one.name] if isinstance(one, Setting) else one) for key, one in own)
        return self._gate(written, operands) if operands else self.leaf(written)

    def _placed(self, misfit: Misfit, node: Node, operands: tuple[Node, ...]) -> ShapeMistake:
        from gradcli.misfits import product, repaired, stretched

        shapes = [self.shapes[operand] for operand in operands]
        titles = self.program.graph.titles
        given = [_written_operand(operand) for operand in node.operands]
        sources = [self._text(operand) for operand in given]
        texts = [titles.get(operand, source) for operand, source in zip(given, sources, strict=True)]
        if misfit.message:
            settings = dict(cast(Settings, node.static or ()))
            hint = misfit.hint or repaired(node.gate.name, texts, shapes, settings)
            return ShapeMistake(misfit.message, node.span, hint)
        explain = product if node.gate.name in PRODUCTS else stretched
        message, hint = explain(self._text(node), texts, shapes, sources)
        return ShapeMistake(message, node.span, hint)

    def _text(self, node: Node) -> str:
        """A node in the user's words, shortened."""
        text = self.program.text[node.start : node.end].strip()
        return text if len(text) <= 40 else text[:37] + "..."


def _no_element(node: Node, base: str, misfit: Misfit) -> ShapeMistake:
    return ShapeMistake(f"'{base}' has no element {node.static}: {misfit.message}", node.span, misfit.hint)


def _written_operand(node: Node) -> Node:
    """An operand as the user wrote it: a quotient is staged as num * (1/den), and nobody wrote 1/den."""
    inverse = node.gate.name == "div" and node.operands[0].start == node.operands[0].end
    return node.operands[1] if inverse else node
