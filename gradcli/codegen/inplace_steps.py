"""A program over arrays as steps of one operation each, whose results go to buffers where NumPy can write there."""

from __future__ import annotations

from collections.abc import Iterable

from gradcli.array_gates import PRODUCTS
from gradcli.array_local import Entry
from gradcli.codegen.array_code import ArrayCode, Sent, zeroed
from gradcli.codegen.buffers import Step, Value, owner, view
from gradcli.codegen.numpy_arrays import MASKS, ArrayWriter
from gradcli.dimensions import Shape
from gradcli.exact import is_number
from gradcli.gates import CONSTANT, GATES, NUMBER
from gradcli.graph import Graph, Node, Settings
from gradcli.local import Expression

SAME_NAME = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "floor",
    "ceil",
)
UFUNCS = {
    **{name: name for name in (*SAME_NAME, "sign")},
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "max": "maximum",
    "min": "minimum",
    "abs": "absolute",
}
REDUCERS = {"sum": "sum", "mean": "mean", "amax": "max", "amin": "min"}
VIEWS = ("transpose", "mT", "permute")
LEAVES = (NUMBER, CONSTANT)


class Steps:
    """The steps of one program, in order.

    gradients: by name their values, the last one.
    """

    def __init__(self, code: ArrayCode, writer: ArrayWriter) -> None:
        self.code = code
        self.formulas = code.formulas
        self.writer = writer
        self.steps: list[Step] = []
        self.values: dict[Node, Value] = {}  # by what letters stand for: a stage, an input, a gradient
        self.gradients: dict[str, Value] = {}  # by name in the code
        self.taken = set(writer.names.values()) | set(writer.spelled.values()) | set(writer.of.values())
        self.shapes = code.program.shapes
        self.sizes = {size for leaf in code.program.inputs for size in self.shapes[leaf] if not leaf.static.places}  # type: ignore[union-attr]
        self.arriving = {writer.of[leaf]: leaf for leaf in code.gradients if leaf not in code.names}
        self.letter, self.temporaries = _prefix("t", self.taken), 0
        self.buffer = _prefix("buffer", self.taken)
        self.one = _prefix("ones", self.taken)
        self.ones: dict[Shape, str] = {}  # by shape, arrays of ones
        self.squares = {line.operands[0] for line, _ in code.stages if self._sums_squares(line)}

    # -- steps ----------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line of comment."""
        self.steps.append(Step([], None, [], lambda number: [text]))

    def read(self, rule: Node) -> list[Value]:
        """The values that a formula reads."""
        return [self.values[node] for node in self.formulas.letters_in(rule) if node in self.values]

    def text(self, rule: Node, masks: bool = False) -> str:
        """A formula."""
        expression = Expression(rule, self.formulas.letters)
        return self.writer.text(expression, dialect=MASKS) if masks else self.writer.text(expression)

    def plain(self, name: str, rule: Node, shape: Shape) -> Value:
        """A value that NumPy finds memory for, or a view."""
        reads, text = self.read(rule), self.text(rule)
        value = view(reads, Value(shape))
        self.steps.append(Step(reads, None, [], lambda number: [f"{name} = {text}"]))
        return value

    def written(self, name: str, call: str, rules: Iterable[Node], shape: Shape, over: bool = False) -> Value:
        """A value that is written to a buffer. call: without its end; over: whether operands may be written over."""
        value = owner(shape)
        reads = [one for rule in rules for one in self.read(rule)]
        begin = f"{name} = {call}, out={self.buffer}"
        self.steps.append(Step(reads, value, reads if over else [], lambda number: [f"{begin}{number})"]))
        return value

    def temporary(self) -> str:
        """A name that is free."""
        self.temporaries += 1
        return f"{self.letter}{self.temporaries}"

    # -- expressions ----------------------------------------------------------------------

    def store(self, name: str, rule: Node, shape: Shape) -> Value:
        """The value of an expression under a name; what is in it gets steps before."""
        if self._is_atom(rule):
            return self.plain(name, rule, self.formulas.own[rule])
        if rule.gate.name == "softmax":
            return self._softmax(name, rule)
        if zeroed(rule) and self._fits(rule.operands[0], shape) and self._fits(rule.operands[2], shape):
            return self._routed(name, rule)
        operands = [self.atom(operand) for operand in rule.operands]
        if rule.gate.name == "where":
            operands[0] = rule.operands[0]  # a condition stays one
        own = self.formulas.own[rule]
        made = self._rebuilt(rule, operands)
        call = self._call(rule, operands) if self._has_buffer(own) else ""
        return (
            self.written(name, call, operands, own, rule.gate.name in UFUNCS) if call else self.plain(name, made, own)
        )

    def atom(self, rule: Node) -> Node:
        """An expression as an operand: itself if it costs nothing, else a variable that holds it."""
        if self._is_atom(rule):
            return rule
        leaf = self.formulas.graph.placeholder()
        name = self.writer.names[leaf] = self.temporary()
        self.values[leaf] = self.store(name, rule, self.formulas.own[rule])
        own = self.formulas.own[rule]
        return self.formulas.letter(leaf, own, own).node

    def _is_atom(self, rule: Node) -> bool:
        """Whether an expression is a name, a view of one, or made of numbers."""
        if not rule.operands or rule.gate.name in ("extent", "arange"):
            return True
        if rule.gate.name in VIEWS or not self.formulas.own.get(rule, (0,)):
            return all(self._is_atom(operand) and self._is_number_or_view(rule, operand) for operand in rule.operands)
        return False

    def _is_number_or_view(self, rule: Node, operand: Node) -> bool:
        return rule.gate.name in VIEWS or operand.gate in LEAVES or not self.formulas.own.get(operand, ())

    def _fits(self, rule: Node, shape: Shape) -> bool:
        return self.formulas.own[rule] == shape and self._has_buffer(shape)

    def _has_buffer(self, shape: Shape) -> bool:
        """Whether arrays of a shape can be made beforehand."""
        return shape != () and all(isinstance(size, int) or size in self.sizes for size in shape)

    def _rebuilt(self, rule: Node, operands: list[Node]) -> Node:
        """A gate on other operands."""
        if rule.static is None:
            made = Graph().alone(rule.gate, tuple(operands))
        else:
            made = Graph().array(rule.gate, tuple(operands), rule.static)  # type: ignore[arg-type]
        self.formulas.own[made] = self.formulas.own[rule]
        return made

    def _call(self, rule: Node, operands: list[Node]) -> str:
        """The call of NumPy's function for a gate, without its end; empty if it has none that writes to a buffer."""
        gate, texts = rule.gate.name, [self.text(operand) for operand in operands]
        if gate in ("max", "min", "add") and len(texts) == 2 and operands[0].gate in LEAVES:
            texts.reverse()  # NumPy is quicker with the number last
        if gate in UFUNCS and len(texts) <= 2:
            return f"np.{UFUNCS[gate]}({', '.join(texts)}"
        if gate == "pow" and is_number(rule.operands[1], 2):
            return f"np.square({texts[0]}"
        if gate == "relu":
            return f"np.maximum({texts[0]}, 0.0"
        if gate == "sqrt":
            return f"np.sqrt({texts[0]}"
        if gate in PRODUCTS:
            if operands[0].gate.name == "transpose" and len(self.formulas.own[operands[0]]) == 2:
                return f"np.dot({', '.join(texts)}"  # quicker there than np.matmul, and elsewhere slower
            return f"np.matmul({', '.join(texts)}"
        if gate in REDUCERS:
            settings = dict(_settings(rule))
            own = self.formulas.own[operands[0]]
            if gate == "sum" and len(own) == 2 and settings["axis"] in (0, 1) and self._has_buffer(own):
                return self._product_with_ones(texts[0], own, settings["axis"] == 0, bool(settings["keepdims"]))
            keep = ", keepdims=True" if settings["keepdims"] else ""
            return f"np.{REDUCERS[gate]}({texts[0]}, axis={settings['axis']}{keep}"
        return ""

    def _product_with_ones(self, text: str, shape: Shape, down: bool, keepdims: bool) -> str:
        """The sum along an axis of a matrix: BLAS does it in a third of the time."""
        size = shape[0] if down else shape[1]
        kind: Shape = (size,) if not keepdims else (1, size) if down else (size, 1)
        name = self.ones.setdefault(kind, f"{self.one}{len(self.ones)}")
        return f"np.matmul({name}, {text}" if down else f"np.matmul({text}, {name}"

    def _routed(self, name: str, rule: Node) -> Value:
        """where(condition, 0, gradient): as whole numbers, bits times 0 or 1, inf and nan become 0 too."""
        condition, _, gradient = rule.operands
        shape = self.formulas.own[gradient]
        mask = owner(shape, "bool")
        wide = [self.atom(operand) for operand in condition.operands]
        tested = self.text(wide[0]), self.text(wide[1])
        compare = COMPARE[condition.gate.name]
        kept = self.temporary()
        self.steps.append(
            Step([one for operand in wide for one in self.read(operand)], mask, [], lambda number: [
                f"{kept} = np.{compare}({', '.join(tested)}, out={self.buffer}{number})",
                f"np.logical_not({kept}, out={kept})",
            ])
        )  # fmt: skip
        value = owner(shape)
        reads, source = self.read(gradient), self.text(gradient)
        self.steps.append(
            Step([*reads, mask], value, reads, lambda number: [
                f"{name} = {self.buffer}{number}",
                f"np.multiply({source}.view(np.int64), {kept}, out={name}.view(np.int64))",
            ])
        )  # fmt: skip
        return value

    def _softmax(self, name: str, rule: Node) -> Value:
        """exp(A) as shares of its sum, shifted."""
        operand, axis = self.atom(rule.operands[0]), dict(_settings(rule))["axis"]
        own = self.formulas.own[rule]
        if not self._has_buffer(own):
            return self.plain(name, self._rebuilt(rule, [operand]), own)
        text = self.text(operand)
        value = self.written(name, f"np.subtract({text}, np.max({text}, axis={axis}, keepdims=True)", [operand], own)
        step = self.steps.pop()
        more = [f"np.exp({name}, out={name})", f"{name} /= np.sum({name}, axis={axis}, keepdims=True)"]
        self.steps.append(step._replace(lines=lambda number: [*step.lines(number), *more]))
        return value

    # -- the program ----------------------------------------------------------------------

    def forward(self) -> None:
        """The steps of the stages."""
        for line, value in self.code.stages:
            name = self.writer.names[line]
            if line in self.squares:
                continue
            if self._sums_squares(line):  # the square is never needed
                base = self.formulas.value(line.operands[0].operands[0]).node
                text, reads = self.text(base), self.read(base)
                call = f"{name} = np.vdot({text}, {text})"
                self.steps.append(Step(reads, None, [], lambda number, call=call: [call]))  # type: ignore[misc]
                self.values[line] = Value(())
            elif self._is_known(line):
                rule = self.formulas.work_of(line).node
                self.values[line] = self.store(name, rule, self.shapes[line])
            else:
                self.values[line] = self.plain(name, value.rule, self.shapes[line])

    def _sums_squares(self, line: Node) -> bool:
        """Whether a stage is the sum of all squares of a variable of the code."""
        if (
            line.gate.name != "sum"
            or dict(_settings(line))["axis"] is not None
            or line.operands[0] not in self.code.once
        ):
            return False
        square = line.operands[0]
        base = square.operands[0]
        named = not base.constant and not self.code.program.inside[base.index] and self.shapes[base] != ()
        return _is_square(square) and named and self.shapes[line] == ()

    def _is_known(self, line: Node) -> bool:
        """Whether a stage may be written by the same rules as gradients."""
        inner = [operand for operand in line.operands if operand.operands and self.code.program.inside[operand.index]]
        simple = line.gate.name in (*UFUNCS, *PRODUCTS, *REDUCERS, "relu", "sqrt", "softmax")
        square = line.gate.name == "pow" and is_number(line.operands[1], 2)
        wide = line.gate.routes and len(line.operands) > 2
        return (simple or square) and not wide and all(map(self._is_inner, inner))

    def _is_inner(self, node: Node) -> bool:
        if not node.operands or not self.code.program.inside[node.index]:
            return True
        return node.gate.name in ("add", "sub", "mul", "neg", "div") and all(map(self._is_inner, node.operands))

    def backward(self) -> None:
        """The steps of the gradients."""
        texts = {line: self.text(value.rule) for line, value in self.code.stages}
        for line, sent in self.code.groups:
            self.say(f"# backprop {self.writer.names[line]} = {texts[line]}")
            for one in sent:
                self._receive(one)

    def _receive(self, sent: Sent) -> None:
        writer = self.writer
        name, rule = writer.of[sent.to], sent.term.node
        writer.made.add(name)
        old = self.gradients.get(name)
        own = self.formulas.own[rule]
        shape = self.shapes[sent.to]
        if sent.entry is not None:
            self._put(self._entries(sent, name, self.atom(rule), sent.entry, old), sent, name)
        elif "[" in name:
            kept = self.text(self.atom(rule))
            reads = self.read(rule)
            sign = "=" if sent.first else "+="
            self.steps.append(Step(reads, None, [], lambda number: [f"{name} {sign} {kept}"]))
        elif old is not None:
            self._put(self._added(name, self.atom(rule), old), sent, name)
        elif (sent.whole or sent.owned) and self._has_buffer(shape):
            atom = self.atom(rule)
            self._put(self.written(name, f"np.positive({self.text(atom)}", [atom], shape), sent, name)
        elif sent.whole or sent.owned:
            text = self.text(self.atom(rule))
            made = f"np.full_like({writer.names[sent.to]}, {text})" if sent.whole else f"np.copy({text})"
            self.steps.append(Step(self.read(rule), None, [], lambda number: [f"{name} = {made}"]))
            self._put(Value(shape), sent, name)
        else:
            self._put(self.store(name, rule, own), sent, name)

    def _put(self, value: Value, sent: Sent, name: str) -> None:
        self.gradients[name] = value
        if name in self.arriving:
            self.values[self.arriving[name]] = value

    def _added(self, name: str, atom: Node, old: Value) -> Value:
        """A gradient and what is added to it."""
        text, reads, shape = self.text(atom), self.read(atom), old.kind[0]
        if not self._has_buffer(shape):
            self.steps.append(Step([old, *reads], None, [], lambda number: [f"{name} = {name} + {text}"]))
            return Value(shape)
        value = owner(shape)
        lines = f"{name} = np.add({name}, {text}, out={self.buffer}"
        self.steps.append(Step([old, *reads], value, [old, *reads], lambda number: [f"{lines}{number})"]))
        return value

    def _entries(self, sent: Sent, name: str, atom: Node, entry: Entry, old: Value | None) -> Value:
        """A gradient, and what is put or added at some of its entries."""
        shape, text = self.shapes[sent.to], self.text(atom)
        reads = [*self.read(atom), *(one for pick in entry.picks for one in self.read(pick.rule))]
        key = self.writer.key(entry, entry.repeated)
        sign = "=" if sent.first else "+="
        last = f"np.add.at({name}, {key}, {text})" if entry.repeated else f"{name}[{key}] {sign} {text}"
        like = self.writer.names[sent.to]
        if not self._has_buffer(shape):
            begin = f"np.zeros_like({like})" if sent.first else f"np.copy({name})"
            needed = [*reads, old] if old else reads
            self.steps.append(Step(needed, None, [], lambda number: [f"{name} = {begin}", last]))
            return Value(shape)
        value = owner(shape)
        before = [old] if old else []
        first = f"{name} = np.positive({name}, out={self.buffer}" if old else f"{name} = {self.buffer}"
        then = [last] if old else [f"{name}.fill(0.0)", last]
        end = ")" if old else ""
        self.steps.append(Step([*before, *reads], value, before, lambda number: [f"{first}{number}{end}", *then]))
        return value


COMPARE = {
    "gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal"
}  # fmt: skip


def _prefix(word: str, taken: set[str]) -> str:
    """What no name begins with that has digits behind it."""
    while any(name.startswith(word) and name[len(word) :].isdigit() for name in taken):
        word += "_"
    return word


def _settings(rule: Node) -> Settings:
    assert isinstance(rule.static, tuple)
    return rule.static  # type: ignore[return-value]


def _is_square(line: Node) -> bool:
    """Whether a stage is the square of a variable of the code."""
    if line.gate is GATES["mul"]:
        return line.operands[0] is line.operands[1]
    return line.gate is GATES["pow"] and is_number(line.operands[1], 2)
