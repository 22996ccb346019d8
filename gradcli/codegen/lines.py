"""Assignments as lines of a language: the forward pass, the backward pass, and the functions that they call."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from gradcli.codegen.code import Assignment, Code, Variable
from gradcli.codegen.target import Line
from gradcli.errors import UsageMistake
from gradcli.exact import COMPARISONS, digits_of
from gradcli.formula import formula
from gradcli.gates import GATES, NUMBER, Gate, operator_of, parameters
from gradcli.graph import Input, Node
from gradcli.local import Expression
from gradcli.printer import condition_text, operand_text, text_of
from gradcli.program import base_of

BUILT_IN = ("neg", "copy", "where")


class Writer:
    """Spells the parts of one program's code."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.target = code.target
        self.names = code.names
        self.dialect = code.target.dialect
        if code.style != "plain":
            self.dialect = code.target.notes or self.dialect
        self.leaf_of = {code.gradients[leaf]: leaf for leaf in code.program.inputs if leaf in code.gradients}
        self.touched: dict[str, set[tuple[int, ...]]] = {}  # the elements that receive something, by variable
        for leaf in self.leaf_of.values():
            assert isinstance(leaf.static, Input)
            self.touched.setdefault(leaf.static.base, set()).add(leaf.static.places)
        self.lists = self._lists() if self.target.lists else {}
        self.made: set[str] = set()
        self.pieces: dict[Node, tuple[str, list[int]]] = {}
        self.values: dict[Node, str] = {}
        self.accumulated = code.accumulated
        self.changing = {code.names[target] for target in code.accumulated}

    # -- expressions ----------------------------------------------------------------------

    def value(self, line: Node) -> str:
        """What a line computes; gates that the note spells out are spelled out in its style."""
        if line not in self.values:
            defined = self.code.style != "plain" and line.gate.fuses
            self.values[line] = self.text(self.code.formulas.line(line, defined, self.target.pairs))
        return self.values[line]

    def text(self, expression: Expression) -> str:
        """An expression on the right of an equals sign."""
        rule, letters = expression
        names = self.names
        text, places = self.pieces.get(rule) or self._split(rule)
        return text % tuple([names[letters[place]] for place in places])

    def _split(self, rule: Node) -> tuple[str, list[int]]:
        """A formula as spelled, with %s for each letter, and which letters these are."""
        if rule.gate is NUMBER:
            text = self.dialect.number(str(rule.static))
        else:
            text = operand_text(rule, self._name, self.dialect)
            text = text[1:-1] if _is_choice(rule) and text.startswith("(") else text
        pieces = text.replace("%", "%%").split("\0")
        self.pieces[rule] = "%s".join(pieces[::2]), [int(letter) for letter in pieces[1::2]]
        return self.pieces[rule]

    def factor(self, expression: Expression) -> str:
        """A local gradient as the note writes it: (1), (2 * xpy), w[0]."""
        if bare(expression) is not None:
            return self.text(expression)
        return f"({digits_of(expression.rule) or self.text(expression)})"

    def read(self) -> set[Node]:
        """The nodes whose names the backward pass reads."""
        alike: dict[tuple[Node, int], list[list[Node]]] = {}  # by formula, what stands for its letters
        for group in self.code.groups:
            for assignment in group.assignments:
                rule, letters = assignment.value
                alike.setdefault((rule, len(letters)), []).append(letters)
        found: set[Node] = set()
        for (rule, _), rows in alike.items():
            columns = list(zip(*rows, strict=True))
            found.update(*(columns[place] for place in (self.pieces.get(rule) or self._split(rule))[1]))
        return found

    # -- forward --------------------------------------------------------------------------

    def forward(self) -> Iterator[str]:
        """The lines of the forward pass, each with its number."""
        if self.code.style != "plain":
            for gate in {line.gate.name: line.gate for _, line in self.code.stages if line.gate.fuses}.values():
                told = f"{gate.name} as the note writes it, {gate.means}: not finite where exp overflows"
                yield self.target.comment(f"{told} (the plain style is)")
        names, assign, comment = self.names, self.target.assign, self.target.comment
        for number, line in self.code.stages:
            text = assign(Line(names[line], self.value(line)))
            yield f"{text}  {comment(f'({number})')}"

    # -- backward -------------------------------------------------------------------------

    def backward(self) -> Iterator[str]:
        """The groups of the backward pass, each under its header; what receives nothing is 0."""
        for variable in self.code.wanted:
            if variable.shape and variable.name not in self.lists:
                yield from self.target.zeros(variable, self._untouched(variable))
        names, comment = self.names, self.target.comment
        for line, number, assignments in self.code.groups:
            yield comment(f"backprop {names[line]} = {self.value(line)}  ({number})")
            yield from self._mixed(assignments) if self.lists else self._assigned(assignments)
        for variable in self.code.wanted:
            if not variable.shape and variable.name not in self.touched:
                yield self._line(variable.sum, self.zero(variable), False)

    def zero(self, variable: Variable) -> str:
        """The gradient of a variable that receives nothing."""
        return self.target.nothing(variable) or self.dialect.number("0")

    def _assigned(self, assignments: list[Assignment]) -> Iterator[str]:
        """Each assignment as a line, behind the one for its local gradient if that has a name."""
        for assignment in assignments:
            target, value, accumulates, _, local = assignment
            if local:
                self.changing.add(local)
                yield self._line(local, self.text(value), False)
            name, sent = self.names[target], self.contribution(assignment)
            if target in self.leaf_of:
                sent = self.target.reduced(sent, "[" in name)
            yield self._line(name, sent, accumulates)

    def _mixed(self, assignments: list[Assignment]) -> Iterator[str]:
        """The same, where some gradients are written as lists."""
        done = set()
        for assignment in assignments:
            leaf = self.leaf_of.get(assignment.target)
            base = base_of(leaf) if leaf is not None else ""
            if base not in self.lists:
                yield from self._assigned([assignment])
            elif base not in done:
                done.add(base)
                yield self._list(self.lists[base])

    def _line(self, name: str, value: str, accumulates: bool) -> str:
        makes = name not in self.made and name.isidentifier()  # no element, and nothing behind a pointer
        self.made.add(name)
        return self.target.assign(Line(name, value, accumulates, makes, name in self.changing))

    def contribution(self, assignment: Assignment) -> str:
        """What an assignment adds to its target."""
        target, value, accumulates, upstream, local = assignment
        if upstream is None:
            text = self.text(value)
            changes = not accumulates and target in self.accumulated
            return self.target.owned(text) if changes and bare(value) is not None else text
        if local:
            return f"{self.names[upstream]} * {local}"
        return f"{self.factor(value)} * {self.names[upstream]}"

    # -- inputs with elements -------------------------------------------------------------

    def _lists(self) -> dict[str, list[Assignment]]:
        """The variables whose gradient one group gives whole, each element once: its assignments in order."""
        found: dict[str, list[tuple[int, Assignment]]] = {}
        for group in self.code.groups:
            for assignment in group.assignments:
                leaf = self.leaf_of.get(assignment.target)
                if leaf is not None:
                    found.setdefault(base_of(leaf), []).append((group.number, assignment))
        sizes = {variable.name: variable.shape for variable in self.code.wanted if len(variable.shape) == 1}
        return {
            name: sorted((assignment for _, assignment in sent), key=self._place)
            for name, sent in found.items()
            if name in sizes
            and len(sent) == sizes[name][0] == len({assignment.target for _, assignment in sent})
            and len({number for number, _ in sent}) == 1
        }

    def _place(self, assignment: Assignment) -> tuple[int, ...]:
        return self.leaf_of[assignment.target].static.places  # type: ignore[union-attr]

    def _list(self, assignments: list[Assignment]) -> str:
        """`dx = [w[0] * ddot, w[1] * ddot]`."""
        base = base_of(self.leaf_of[assignments[0].target])
        gradient = next(variable.gradient for variable in self.code.variables if variable.name == base)
        values = [self.contribution(assignment) for assignment in assignments]
        return self._line(gradient, f"[{', '.join(value.replace('(1) *', '1.0 *') for value in values)}]", False)

    def _untouched(self, variable: Variable) -> list[tuple[int, ...]]:
        """The elements of a variable that receive nothing."""
        touched = self.touched.get(variable.name, set())
        return [places for places in product(*map(range, variable.shape)) if places not in touched]

    # -- functions ------------------------------------------------------------------------

    def functions(self) -> Iterator[list[str]]:
        """The small functions that the code calls, each behind those that it calls itself; once all is spelled."""
        done: set[str] = set()
        for rule in list(self.pieces):
            for name in self._called(rule):
                yield from self._function(name, done)

    def _function(self, name: str, done: set[str]) -> Iterator[list[str]]:
        if name in done:
            return
        done.add(name)
        if name in self.target.helpers:
            yield self.target.helpers[name]
            return
        if self._spelled(GATES[name]):
            return
        gate = GATES[name]
        if not (gate.stable or gate.means):
            raise UsageMistake(f"{self.target.name} has no {name}", hint=f"gradcli cannot write the gate {name} there")
        rule = formula(gate.stable or gate.means)
        for inner in self._called(rule):
            yield from self._function(inner, done)
        yield self._small(name, list(parameters(gate)), rule)

    def _small(self, name: str, letters: list[str], rule: Node) -> list[str]:
        """A small function; a formula for some operands returns early, a choice between names stays a choice."""
        if self.target.early is None or rule.gate.name != "where" or not rule.operands[1].operands:
            return self.target.function(name, letters, self._bare(rule))
        condition, early, rest = rule.operands
        guard = condition_text(condition, lambda node: None, self.dialect), self._bare(early)
        return self.target.early(name, letters, self._bare(rest), [guard])

    def _spelled(self, gate: Gate) -> bool:
        """Whether the language itself has a gate."""
        return gate.name in self.dialect.forms or operator_of(gate) != "" or gate.name in BUILT_IN

    def _bare(self, rule: Node) -> str:
        text = text_of(rule, lambda node: None, self.dialect)
        return text[1:-1] if _is_choice(rule) and text.startswith("(") else text

    def _name(self, node: Node) -> str | None:
        """A letter of a formula, between marks that no language has; the name of a constant that has a line."""
        return f"\0{node.static.base}\0" if isinstance(node.static, Input) else self.names.get(node)

    def _called(self, rule: Node) -> Iterator[str]:
        """The gates of a formula that have no form of their own for their operands."""
        waiting = [rule]
        while waiting:
            node = waiting.pop()
            if node.operands:
                if self.dialect.form is None or self.dialect.form(node, self._name) is None:
                    yield node.gate.name
                waiting.extend(reversed(node.operands))


def bare(expression: Expression) -> Node | None:
    """The node that an expression is, if it is nothing else."""
    rule, letters = expression
    return letters[int(rule.static.base)] if isinstance(rule.static, Input) else None


def _is_choice(node: Node) -> bool:
    """Whether a language may spell an expression with `if` or `?`, in parentheses."""
    return node.gate.name == "where" or node.gate.name in COMPARISONS
