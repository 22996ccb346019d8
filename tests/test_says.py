"""What the table says that a gate does to a gradient, held against what it does: a property for each sentence.

A sentence stands here as it stands in the table, so that none is changed without its property. Operands are drawn
at random; slopes are written here in Python's and NumPy's own functions, never taken from the table's rules.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from calculation import calculate

from gradcli.array_gates import ARRAY_GATES
from gradcli.gates import GATES, Gate, parameters

DRAWS = 60


class Passage(NamedTuple):
    """A gate at a point: the operands by letter, its value, what arrives, and what each operand receives."""

    at: dict[str, float]
    out: float
    dout: float
    sent: dict[str, float]

    @property
    def local(self) -> float:
        """What the only operand receives, for each unit that arrives."""
        (share,) = self.sent.values()
        return share / self.dout

    @property
    def x(self) -> float:
        """The only operand."""
        (value,) = self.at.values()
        return value


def passage(gate: Gate, at: dict[str, float], dout: float) -> Passage:
    """A gate whose output is multiplied by what is to arrive."""
    found = calculate(f"y_ = {gate.form.replace(', ...', '')}; dout_*y_", at | {"dout_": dout})
    return Passage(at, found.named["y_"].value, dout, {letter: found.gradient.get(letter, 0.0) for letter in at})


def near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)


def multiplies(slope: Callable[[float], float]) -> Callable[[Passage], bool]:
    return lambda p: near(p.local, slope(p.x))


def routes(choose: Callable[..., Any]) -> Callable[[Passage], bool]:
    """The operand that has the chosen value receives all, the other exactly nothing."""
    return lambda p: all(
        p.sent[name] == (p.dout if p.at[name] == choose(p.at["a"], p.at["b"]) else 0.0) for name in ("a", "b")
    )


def nothing(p: Passage) -> bool:
    return not any(p.sent.values())


def stretches(sign: float, steepest: float) -> Callable[[Passage], bool]:
    """At least as much as arrives, and at 0.99 of the way to the ends a good deal more."""
    return lambda p: p.local * sign >= 1 - 1e-12 and (abs(p.x) < 0.85 or p.local * sign > steepest)


def taken(p: Passage) -> bool:
    way, other = ("a", "b") if p.at["cond"] else ("b", "a")
    return p.sent[way] == p.dout and p.sent[other] == 0 == p.sent["cond"]


def across(p: Passage) -> bool:
    """The gradient is at a right angle to (x, y), and as long as dout over the radius."""
    x, y, dx, dy = p.at["x"], p.at["y"], p.sent["x"], p.sent["y"]
    return near(x * dx + y * dy, 0.0) and near(math.hypot(dx, dy), abs(p.dout) / math.hypot(x, y))


def gates_itself(p: Passage) -> bool:
    """Far away to both sides, where the drawn operand is only the sign."""
    gate = "silu" if near(p.out, p.x / (1 + math.exp(-p.x))) else "gelu"
    far = passage(GATES[gate], {"x": math.copysign(40.0, p.x)}, p.dout)
    return near(far.local, 1.0 if p.x > 0 else 0.0)


def bell(sign: float) -> Callable[[Passage], bool]:
    return multiplies(lambda x: sign * 2 / math.sqrt(math.pi) * math.exp(-x * x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


SAYS: dict[str, tuple[str, Callable[[Passage], bool]]] = {
    "add": ("add distributes: every operand receives the gradient unchanged",
            lambda p: p.sent == {"a": p.dout, "b": p.dout}),
    "sub": ("sub distributes: the second operand receives the gradient with its sign turned",
            lambda p: p.sent == {"a": p.dout, "b": -p.dout}),
    "mul": ("mul swaps: each operand receives the gradient times the other one",
            lambda p: p.sent == {"a": p.dout * p.at["b"], "b": p.dout * p.at["a"]}),
    "div": ("div divides the gradient by the denominator, which gets that times minus the quotient",
            lambda p: near(p.sent["a"], p.dout / p.at["b"])
            and near(p.sent["b"], -p.sent["a"] * p.at["a"] / p.at["b"])),
    "neg": ("neg turns the sign of the gradient", lambda p: p.sent["a"] == -p.dout),
    "pow": ("a power multiplies its base's gradient by the exponent and the next lower power",
            lambda p: near(p.sent["a"], p.dout * p.at["b"] * p.at["a"] ** (p.at["b"] - 1))),
    "square": ("a square multiplies the gradient by twice its input", multiplies(lambda x: 2 * x)),
    "copy": ("a copy passes the gradient unchanged", lambda p: p.local == 1),
    "exp": ("exp multiplies the gradient by its own output", lambda p: near(p.local, p.out)),
    "expm1": ("expm1 multiplies the gradient by exp of its input", multiplies(math.exp)),
    "log": ("log divides the gradient by its input: small inputs receive large gradients", multiplies(lambda x: 1 / x)),
    "log1p": ("log1p divides the gradient by one plus its input", multiplies(lambda x: 1 / (1 + x))),
    "log2": ("log2 divides the gradient by its input times log(2)", multiplies(lambda x: 1 / (x * math.log(2)))),
    "log10": ("log10 divides the gradient by its input times log(10)", multiplies(lambda x: 1 / (x * math.log(10)))),
    "sqrt": ("sqrt multiplies the gradient by half of one over its output", lambda p: near(p.local, 0.5 / p.out)),
    "cbrt": ("cbrt divides the gradient by three times the square of its output",
             lambda p: near(p.local, 1 / (3 * p.out**2))),
    "hypot": ("hypot shares the gradient in proportion to its operands, as the sides of a triangle",
              lambda p: near(p.sent["a"] * p.at["b"], p.sent["b"] * p.at["a"])
              and near(math.hypot(*p.sent.values()), abs(p.dout)) and p.sent["a"] * p.at["a"] * p.dout >= 0),
    "sin": ("sin multiplies the gradient by cos of its input", multiplies(math.cos)),
    "cos": ("cos multiplies the gradient by minus sin of its input", multiplies(lambda x: -math.sin(x))),
    "tan": ("tan multiplies the gradient by one plus the square of its output", lambda p: near(p.local, 1 + p.out**2)),
    "asin": ("asin stretches the gradient, most near -1 and 1", stretches(1, 1.8)),
    "acos": ("acos turns the sign of the gradient and stretches it, most near -1 and 1", stretches(-1, 1.8)),
    "atan": ("atan divides the gradient by one plus the square of its input", multiplies(lambda x: 1 / (1 + x * x))),
    "atan2": ("atan2 turns the gradient across the radius and divides it by the radius", across),
    "sinh": ("sinh multiplies the gradient by cosh of its input", multiplies(math.cosh)),
    "cosh": ("cosh multiplies the gradient by sinh of its input", multiplies(math.sinh)),
    "tanh": ("tanh squashes: far from 0 it passes almost no gradient",
             lambda p: near(p.local, 1 / math.cosh(p.x) ** 2)
             and abs(passage(GATES["tanh"], {"x": p.x + math.copysign(4, p.x)}, 1).local) < 0.002),
    "asinh": ("asinh divides the gradient by sqrt(x**2 + 1)", multiplies(lambda x: 1 / math.sqrt(x * x + 1))),
    "acosh": ("acosh divides the gradient by sqrt(x**2 - 1)", multiplies(lambda x: 1 / math.sqrt(x * x - 1))),
    "atanh": ("atanh stretches the gradient, most near -1 and 1", stretches(1, 3.5)),
    "erf": ("erf passes the gradient through a bell curve around 0", bell(1)),
    "erfc": ("erfc turns the sign of the gradient and passes it through a bell curve around 0", bell(-1)),
    "max": ("max routes: the largest operand receives the whole gradient, the others none", routes(max)),
    "min": ("min routes: the smallest operand receives the whole gradient, the others none", routes(min)),
    "where": ("where routes: the branch taken receives the whole gradient, the other none", taken),
    "relu": ("relu routes: it passes the whole gradient where its input is positive, else none",
             lambda p: p.sent["x"] == (p.dout if p.x > 0 else 0)),
    "leaky_relu": ("leaky_relu passes the gradient where the input is positive, else a hundredth",
                   multiplies(lambda x: 1.0 if x > 0 else 0.01)),
    "abs": ("abs passes the gradient with the sign of its input", lambda p: p.local == math.copysign(1, p.x)),
    "sign": ("sign is flat: no gradient passes", nothing),
    "floor": ("floor is flat: no gradient passes", nothing),
    "ceil": ("ceil is flat: no gradient passes", nothing),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), ("a comparison passes no gradient", nothing)),
    "sigmoid": ("a sigmoid passes at most a quarter of the gradient",
                lambda p: 0 < p.local <= 0.25 and near(passage(GATES["sigmoid"], {"x": 0.0}, p.dout).local, 0.25)),
    "softplus": ("softplus multiplies the gradient by the sigmoid of its input", multiplies(sigmoid)),
    "silu": ("silu gates itself: far right of 0 it passes the whole gradient, far left of it none", gates_itself),
    "gelu": ("gelu gates itself: far right of 0 it passes the whole gradient, far left of it none", gates_itself),
}  # fmt: skip


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_what_the_table_says_of_a_gate(gate: Gate) -> None:
    sentence, holds = SAYS[gate.name]
    assert gate.says == sentence
    source = random.Random(gate.name)
    for _ in range(DRAWS):
        at = {letter: source.uniform(*between) for letter, between in zip(parameters(gate), gate.near, strict=True)}
        at |= {"cond": float(source.random() < 0.5)} if "cond" in at else {}
        found = passage(gate, at, source.choice([-1, 1]) * source.uniform(0.1, 3))
        assert holds(found), found


def test_an_input_collects_the_gradients_of_all_its_uses() -> None:
    for seed in range(DRAWS):
        x, y = random.Random(seed).uniform(-2, 2), random.Random(-seed).uniform(-2, 2)
        assert near(calculate("x*y + sin(x) - x", {"x": x, "y": y}).gradient["x"], y + math.cos(x) - 1)


# -- arrays -------------------------------------------------------------------------------

Arrays = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


class Sent(NamedTuple):
    """A gate of arrays: operands, output, the gradient that arrives, and those that are sent, by name."""

    at: Arrays
    out: Any
    dout: Any
    sent: Arrays


def soft(a: Any) -> Any:
    return np.exp(a) / np.sum(np.exp(a), axis=-1, keepdims=True)


def alone(a: Any, entry: Any) -> Any:
    return np.where(a == entry, 1.0, 0.0)


def others(a: Any) -> Any:
    flat = a.ravel()
    return np.array([np.prod(np.delete(flat, place)) for place in range(flat.size)]).reshape(a.shape)


def cofactors(a: Any) -> Any:
    def minor(i: int, j: int) -> Any:
        return np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))

    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(len(a))] for i in range(len(a))])


def scattered(shape: tuple[int, ...], index: Any, values: Any) -> Any:
    zeros = np.zeros(shape)
    np.add.at(zeros, index, values)
    return zeros


A23, B34, A33, V3 = (2, 3), (3, 4), (3, 3), (3,)
Wanted = Callable[[Sent], Arrays]
# For each row: the sentence, a program of it, the shapes of its operands, and what they are to receive.
ARRAYS: dict[str, tuple[str, str, dict[str, tuple[int, ...]], Wanted]] = {
    "matmul": ("matmul swaps like mul, with a transpose so that the shapes fit", "A @ B", {"A": A23, "B": B34},
               lambda s: {"A": s.dout @ s.at["B"].T, "B": s.at["A"].T @ s.dout}),
    "dot": ("dot swaps: each vector receives the gradient times the other one", "a @ b", {"a": V3, "b": V3},
            lambda s: {"a": s.dout * s.at["b"], "b": s.dout * s.at["a"]}),
    "matvec": ("a matrix receives the outer product of the gradient and the vector", "A @ x", {"A": A23, "x": V3},
               lambda s: {"A": np.outer(s.dout, s.at["x"])}),
    "vecmat": ("a matrix receives the outer product of the vector and the gradient", "x @ A", {"x": V3, "A": B34},
               lambda s: {"A": np.outer(s.at["x"], s.dout)}),
    "bmm": ("a stack of products swaps like mul, pair by pair, with transposes so that the shapes fit", "A @ B",
            {"A": (2, *A23), "B": (2, *B34)},
            lambda s: {"A": np.stack([d @ b.T for d, b in zip(s.dout, s.at["B"], strict=True)]),
                       "B": np.stack([a.T @ d for d, a in zip(s.dout, s.at["A"], strict=True)])}),
    "outer": ("outer swaps: each vector receives the gradient matrix times the other one", "outer(a, b)",
              {"a": (2,), "b": V3}, lambda s: {"a": s.dout @ s.at["b"], "b": s.dout.T @ s.at["a"]}),
    "transpose": ("a transpose sends the gradient back transposed", "A.T", {"A": A23}, lambda s: {"A": s.dout.T}),
    "permute": ("transpose sends each axis back to where it came from", "transpose(A, (2, 0, 1))", {"A": (2, 3, 4)},
                lambda s: {"A": np.moveaxis(s.dout, 0, 2)}),
    "reshape": ("reshape sends the same numbers back in the old shape", "reshape(A, (3, 2))", {"A": A23},
                lambda s: {"A": np.array(s.dout.ravel().tolist()).reshape(2, 3)}),
    "index": ("an index sends the gradient to the entries that were taken, 0 to the others", "A[1:, 0]", {"A": A33},
              lambda s: {"A": scattered(A33, (slice(1, None), 0), s.dout)}),
    "pick": ("picking rows adds the gradient at the entries that were picked", "A[i]", {"A": A33, "i": (4,)},
             lambda s: {"A": scattered(A33, s.at["i"].astype(int), s.dout)}),
    "pick2": ("picking entries adds the gradient at those that were picked", "A[i, j]",
              {"A": A33, "i": (4,), "j": (4,)},
              lambda s: {"A": scattered(A33, (s.at["i"].astype(int), s.at["j"].astype(int)), s.dout)}),
    "concatenate": ("concatenate cuts the gradient into its parts", "concatenate([a, b])", {"a": (2,), "b": V3},
                    lambda s: {"a": s.dout[:2], "b": s.dout[2:]}),
    "stack": ("stack takes the gradient apart again", "stack([a, b])", {"a": V3, "b": V3},
              lambda s: {"a": s.dout[0], "b": s.dout[1]}),
    "sum": ("sum passes the whole gradient to every entry", "sum(A)", {"A": A23},
            lambda s: {"A": np.full(A23, s.dout)}),
    "mean": ("mean passes an equal share of the gradient to every entry", "mean(A)", {"A": A23},
             lambda s: {"A": np.full(A23, s.dout / 6)}),
    "prod": ("prod multiplies the gradient by the product of the other entries", "prod(A)", {"A": A23},
             lambda s: {"A": s.dout * others(s.at["A"])}),
    "amax": ("max routes: the largest entry receives the whole gradient, the others none", "max(A)", {"A": A23},
             lambda s: {"A": s.dout * alone(s.at["A"], s.at["A"].max())}),
    "amin": ("min routes: the smallest entry receives the whole gradient, the others none", "min(A)", {"A": A23},
             lambda s: {"A": s.dout * alone(s.at["A"], s.at["A"].min())}),
    "var": ("var passes twice the distance from the mean, shared among the entries", "var(A)", {"A": A23},
            lambda s: {"A": s.dout * 2 * (s.at["A"] - s.at["A"].mean()) / 6}),
    "std": ("std passes the distance from the mean in standard deviations, shared", "std(A)", {"A": A23},
            lambda s: {"A": s.dout * (s.at["A"] - s.at["A"].mean()) / s.at["A"].std() / 6}),
    "norm": ("norm shares the gradient in proportion to the entries", "norm(A)", {"A": A23},
             lambda s: {"A": s.dout * s.at["A"] / math.sqrt((s.at["A"] ** 2).sum())}),
    "logsumexp": ("logsumexp shares the gradient as softmax does", "logsumexp(A)", {"A": V3},
                  lambda s: {"A": s.dout * soft(s.at["A"])}),
    "softmax": ("softmax subtracts the gradient's mean, weighted by the output, and multiplies by the output",
                "softmax(A)", {"A": V3},
                lambda s: {"A": soft(s.at["A"]) * (s.dout - np.average(s.dout, weights=soft(s.at["A"])))}),
    "log_softmax": ("log_softmax subtracts the sum of the gradient times the softmax", "log_softmax(A)", {"A": V3},
                    lambda s: {"A": s.dout - s.dout.sum() * soft(s.at["A"])}),
    "cumsum": ("an entry of cumsum's operand receives the gradients of all sums it is in", "cumsum(A)", {"A": V3},
               lambda s: {"A": np.array([s.dout[place:].sum() for place in range(3)])}),
    "trace": ("trace passes the gradient to the diagonal", "trace(A)", {"A": A33}, lambda s: {"A": s.dout * np.eye(3)}),
    "det": ("det multiplies the gradient by the cofactors", "det(A)", {"A": A33},
            lambda s: {"A": s.dout * cofactors(s.at["A"])}),
    "inv": ("inv sends the gradient back between two transposed inverses, with its sign turned", "inv(A)", {"A": A33},
            lambda s: {"A": -np.linalg.inv(s.at["A"]).T @ s.dout @ np.linalg.inv(s.at["A"]).T}),
    "solve": ("solve solves the transposed system for the gradient", "solve(A, B)", {"A": A33, "B": B34},
              lambda s: {"B": np.linalg.solve(s.at["A"].T, s.dout)}),
    "solve_vector": ("solve solves the transposed system for the gradient", "solve(A, b)", {"A": A33, "b": V3},
                     lambda s: {"b": np.linalg.solve(s.at["A"].T, s.dout)}),
    "shape": ("a shape passes no gradient", "sum(A.shape)*sum(b)", {"A": A23, "b": V3},
              lambda s: {"A": np.zeros(A23), "b": np.full(V3, s.dout * 5)}),
    "extent": ("a size passes no gradient", "A.shape[1]*sum(b)", {"A": A23, "b": V3},
               lambda s: {"A": np.zeros(A23), "b": np.full(V3, s.dout * 3)}),
    "arange": ("arange passes no gradient", "arange(3) @ b", {"b": V3}, lambda s: {"b": s.dout * np.arange(3.0)}),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAY_GATES)
def test_what_the_table_says_of_a_gate_of_arrays(name: str) -> None:
    sentence, program, shapes, wanted = ARRAYS[name]
    assert ARRAY_GATES[name].says == sentence
    for seed in range(12):
        source = np.random.default_rng(seed)
        at = {word: drawn(source, shape) for word, shape in shapes.items()}
        at |= {word: source.integers(0, 3, shapes[word]).astype(float) for word in ("i", "j") if word in at}
        out = np.asarray(calculate(f"f_ = {program}; sum(f_)", as_lists(at)).named["f_"].value)
        dout = source.normal(size=out.shape)
        seeded = calculate(f"f_ = {program}", as_lists(at) | {"df_": dout.tolist()})
        sent = {word: np.asarray(gradient) for word, gradient in seeded.gradient.items()}
        for word, gradient in wanted(Sent(at, out, dout, sent)).items():
            assert sent[word] == pytest.approx(gradient, rel=1e-9, abs=1e-12), (word, seed)


def drawn(source: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers around 0; square matrices are far from singular."""
    return source.normal(size=shape) + (3 * np.eye(3) if shape == A33 else 0.0)


def as_lists(at: Arrays) -> dict[str, Any]:
    return {word: array.tolist() for word, array in at.items()}
