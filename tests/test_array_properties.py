"""Random programs over random shapes: every gradient equals a complex step of a NumPy function made beside the text.

A complex step (Squire and Trapp, 1998) takes f(x + ih) for a tiny h: its imaginary part over h is the slope, without
a difference of near numbers. It knows nothing of backward rules or of broadcasting that is undone.
"""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from calculation import calculate

STEP = 1e-30
Shape = tuple[int, ...]
Function = Callable[[dict[str, Any]], Any]


class Made(NamedTuple):
    """An expression as text, and what it computes from arrays by name."""

    text: str
    value: Function


def binary(sign: str, operation: Callable[[Any, Any], Any]) -> Callable[["Maker", Shape, int], Made]:
    def make(maker: "Maker", shape: Shape, depth: int) -> Made:
        a, b = maker.made(shape, depth), maker.made(maker.narrowed(shape), depth)
        if maker.chance.random() < 0.5:
            a, b = b, a
        if sign == "/":
            b = Made(f"(2 + {b.text} * {b.text})", lambda at, b=b: 2 + b.value(at) ** 2)
        return Made(f"({a.text} {sign} {b.text})", lambda at: operation(a.value(at), b.value(at)))

    return make


def unary(form: str, function: Callable[[Any], Any]) -> Callable[["Maker", Shape, int], Made]:
    def make(maker: "Maker", shape: Shape, depth: int) -> Made:
        inner = maker.made(shape, depth)
        return Made(form.format(inner.text), lambda at: function(inner.value(at)))

    return make


def product(maker: "Maker", shape: Shape, depth: int) -> Made:
    if len(shape) not in (1, 2):
        return maker.made(shape, depth)
    inner = maker.size()
    a, b = maker.made((shape[0], inner), depth), maker.made((inner, *shape[1:]), depth)
    return Made(f"({a.text} @ {b.text})", lambda at: a.value(at) @ b.value(at))


def total(maker: "Maker", shape: Shape, depth: int) -> Made:
    axis, kept = maker.chance.randint(0, len(shape)), maker.chance.random() < 0.4 and 1 in shape
    if kept:
        axis = shape.index(1)
        before = (*shape[:axis], maker.size(), *shape[axis + 1 :])
    else:
        before = (*shape[:axis], maker.size(), *shape[axis:])
    gate = maker.chance.choice(["sum", "mean"])
    inner = maker.made(before, depth)
    text = f"{gate}({inner.text}, axis={axis}{', keepdims=True' if kept else ''})"
    return Made(text, lambda at: getattr(np, gate)(inner.value(at), axis=axis, keepdims=kept))


def reshaped(maker: "Maker", shape: Shape, depth: int) -> Made:
    if not shape:
        return total(maker, shape, depth)
    before = maker.chance.choice([(int(np.prod(shape)),), shape[::-1], (1, *shape)])
    inner = maker.made(before, depth)
    return Made(f"reshape({inner.text}, {shape})", lambda at: np.reshape(inner.value(at), shape))


def transposed(maker: "Maker", shape: Shape, depth: int) -> Made:
    inner = maker.made(shape[::-1], depth)
    return Made(f"({inner.text}).T", lambda at: inner.value(at).T)


def sliced(maker: "Maker", shape: Shape, depth: int) -> Made:
    if not shape or maker.chance.random() < 0.5:
        place = maker.chance.randint(0, 1)
        inner = maker.made((2, *shape), depth)
        return Made(f"({inner.text})[{place}]", lambda at: inner.value(at)[place])
    inner = maker.made((*shape[:-1], shape[-1] + 1), depth)
    return Made(f"({inner.text})[..., 1:]", lambda at: inner.value(at)[..., 1:])


WAYS = [
    binary("+", lambda a, b: a + b),
    binary("-", lambda a, b: a - b),
    binary("*", lambda a, b: a * b),
    binary("/", lambda a, b: a / b),
    unary("exp(0.5 * {})", lambda x: np.exp(0.5 * x)),
    unary("sin({})", np.sin),
    unary("tanh({})", np.tanh),
    unary("sigmoid({})", lambda x: 1 / (1 + np.exp(-x))),
    product,
    total,
    reshaped,
    transposed,
    sliced,
]


class Maker:
    """A random expression. shapes: of the variables that it has so far."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.shapes: dict[str, Shape] = {}

    def size(self) -> int:
        return self.chance.randint(1, 3)

    def narrowed(self, shape: Shape) -> Shape:
        """A shape that broadcasts to another one: axes of length 1, and fewer of them."""
        narrow = tuple(1 if self.chance.random() < 0.25 else size for size in shape)
        return narrow[self.chance.choice([0, 0, 0, 1, len(shape)]) :]

    def made(self, shape: Shape, depth: int) -> Made:
        if len(shape) > 3 or depth == 0 or self.chance.random() < 0.1:
            return self.variable(shape)
        return self.chance.choice(WAYS)(self, shape, depth - 1)

    def variable(self, shape: Shape) -> Made:
        known = [name for name, own in self.shapes.items() if own == shape]
        name = self.chance.choice([*known, f"V{len(self.shapes)}"])
        self.shapes[name] = shape
        return Made(name, lambda at: at[name])


def complex_step(value: Function, at: dict[str, Any], name: str) -> Any:
    """The slope of the sum of a value along each entry of a variable."""
    slopes = np.empty(np.shape(at[name]))
    for place in np.ndindex(slopes.shape):
        moved = np.array(at[name], dtype=complex)
        moved[place] += 1j * STEP
        slopes[place] = np.sum(value(at | {name: moved})).imag / STEP
    return slopes


@pytest.mark.parametrize("seed", range(120))
def test_a_random_program_over_arrays_agrees_with_a_complex_step(seed: int) -> None:
    maker = Maker(seed)
    shape = tuple(maker.size() for _ in range(maker.chance.randint(0, 3)))
    made = maker.made(shape, 5)
    numbers = np.random.default_rng(seed)
    at = {name: numbers.normal(scale=0.8, size=own) for name, own in maker.shapes.items()}
    found = calculate(f"sum({made.text})", {name: array.tolist() for name, array in at.items()})
    assert found.value == pytest.approx(np.sum(made.value(at)), rel=1e-9, abs=1e-12)
    for name, slope in found.gradient.items():
        right = complex_step(made.value, at, name)
        assert np.shape(slope) == right.shape
        np.testing.assert_allclose(slope, right, rtol=1e-9, atol=1e-9 * max(1e-3, np.max(np.abs(right))))


def test_random_programs_have_every_way_in_them() -> None:
    texts = []
    for seed in range(120):
        maker = Maker(seed)
        texts.append(maker.made((1, 3), 5).text)
    for word in ("@", "/", "sigmoid", "sum(", "mean(", "keepdims", "reshape", ".T", "[..., 1:]", "[0]", "exp"):
        assert sum(word in text for text in texts) >= 5
