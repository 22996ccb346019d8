"""The page of a circuit in a real browser: steps, keys, sliders, widths, hostile text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser, Page
from calculation import calculate
from pictures import SAMPLE_PROGRAMS, draw, name_in, numbers_in, numbers_of_eval

from gradcli.draw.numbers import rounded

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


def page_of(folder: Path, *args: str) -> Path:
    """The page that `gradcli draw` writes."""
    path = folder / "page.html"
    draw(*args, "-o", str(path))
    return path


NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
NUMBERS = """Object.fromEntries([...document.querySelectorAll(".gradcli .part")].map(
    (part) => [part.dataset.name, [Number(part.dataset.value), Number(part.dataset.gradient)]]))"""
SEEN = """[...document.querySelectorAll(".gradcli .part")].map((part) => [part.dataset.name, ...[".value", ".gradient"]
    .map((kind) => getComputedStyle(part.querySelector(kind)).visibility === "visible")])"""
NOW = "document.querySelector('.gradcli .part.now')?.dataset.name ?? ''"


def test_keys_and_buttons_walk_all_stages(browser, tmp_path):
    stages = ["sigy", "num", "sigx", "xpy", "xpysqr", "den", "invden", "f"]
    with Page(browser, page_of(tmp_path, NOTE, "--at", "x=3,y=-4")) as page:
        met = [page.run(NOW)]
        while not page.run("document.getElementById('next').disabled"):
            page.press("ArrowRight")
            met.append(page.run(NOW))
        assert met == ["", *stages, *reversed(stages)]
        assert all(value and gradient for _, value, gradient in page.run(SEEN))
        page.press("Home")
        assert sorted(page.run(SEEN)) == sorted([name, name in "xy", False] for name in ["x", "y", *stages])
        for _ in met[1:]:
            page.run("document.getElementById('next').click()")
        assert page.run(NOW) == "sigy"
        page.press("ArrowLeft")
        assert page.run(NOW) == "num"
        page.press("End")
        page.run("document.getElementById('back').click()")
        page.run("document.getElementById('first').click()")
        page.run("document.getElementById('last').click()")
        assert page.run(NOW) == "sigy"
        assert page.complaints == []


def test_a_step_back_shows_local_times_upstream(browser, tmp_path):
    with Page(browser, page_of(tmp_path, "(x + y) * z", "--at", "x=-2,y=5,z=-4")) as page:
        for _ in range(3):
            page.press("ArrowRight")
        said = page.run("document.getElementById('stage').innerText")
        assert "f = xpy * z" in said
        assert "dxpy = z * df = -4 × 1 = -4" in said
        assert "dz = xpy * df = 3 × 1 = 3" in said
        lit = "[...document.querySelectorAll('.gradcli .part.lit')].map((part) => part.dataset.name).sort()"
        assert page.run(lit) == ["xpy", "z"]


def test_a_gradient_adds_up_as_its_parts_arrive(browser, tmp_path):
    shown = "document.querySelector('.gradcli .part[data-name=x] .gradient').textContent"
    with Page(browser, page_of(tmp_path, "sin(x) * exp(x)", "--at", "x=2")) as page:
        for _ in range(4):  # sinx, expx, f, and f on the way back
            page.press("ArrowRight")
        page.press("ArrowRight")
        assert page.run(NOW) == "expx"
        assert float(page.run(shown)) == pytest.approx(math.sin(2) * math.exp(2), abs=0.005)
        assert "dx = expx * dexpx" in page.run("document.getElementById('stage').innerText")
        page.press("ArrowRight")
        assert float(page.run(shown)) == pytest.approx((math.sin(2) + math.cos(2)) * math.exp(2), abs=0.005)
        assert "dx += cos(x) * dsinx" in page.run("document.getElementById('stage').innerText")


def test_steps_back_through_arrays_say_what_flows(browser, tmp_path):
    w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    text = "D = W @ X; m = tanh(D); sum(m)/norm(W)"
    above = (1 - np.tanh(w @ x) ** 2) / np.linalg.norm(w)
    said = []
    with Page(browser, page_of(tmp_path, text, "--at", f"W={w.tolist()},X={x.tolist()}")) as page:
        while not page.run("document.getElementById('next').disabled"):
            page.press("ArrowRight")
            said.append(page.run("document.getElementById('stage').innerText"))
        assert page.complaints == []
    assert f"dW += dD @ X.T = 2×2 ‖{rounded(float(np.linalg.norm(above @ x.T)))}‖" in said[-1]
    assert f"dX = W.T @ dD = 2×3 ‖{rounded(float(np.linalg.norm(w.T @ above)))}‖" in said[-1]
    assert f"‖{rounded(float(np.linalg.norm(above)))}‖" in said[-2] and " * dm = " in said[-2]


FORK = "u = x*y; sin(u)*exp(u) + cos(u)*u"
# Of each lit way: whose wire it is, the gate it says it leads to, and the gate on which it really ends.
WAYS = """[...document.querySelectorAll(".branch.lit")].map((way) => {
    const end = way.getPointAtLength(way.getTotalLength());
    const gate = [...document.querySelectorAll(".part")].find((part) => {
        const box = part.querySelector(".gate")?.getBBox();
        return box && Math.hypot(box.x + box.width / 2 - end.x, box.y + box.height / 2 - end.y) < box.width / 2 + 1;
    });
    return [way.parentNode.dataset.name, way.dataset.to, gate.dataset.name]; })"""


def test_at_a_fork_only_the_way_to_the_current_gate_lights_up(browser, tmp_path):
    operands = {"u": ["x", "y"], "sinu": ["u"], "expu": ["u"], "cosu": ["u"]}
    with Page(browser, page_of(tmp_path, FORK, "--at", "x=1,y=2")) as page:
        page.press("ArrowRight")
        met = set()
        while not page.run("document.getElementById('next').disabled"):
            now = page.run(NOW)
            lit = page.run(WAYS)
            assert [(to, end) for _, to, end in lit] == [(now, now)] * len(lit)
            if now in operands:
                met.add(now)
                assert [name for name, _, _ in lit] == operands[now]
            page.press("ArrowRight")
        assert met == set(operands)


SIGHT = """(() => { const frame = document.querySelector(".picture").getBoundingClientRect();
    const gate = document.querySelector(".part.now .gate").getBoundingClientRect();
    return gate.left >= frame.left && gate.right <= frame.right && gate.top >= frame.top && gate.bottom <= frame.bottom
        && document.getElementById("next").getBoundingClientRect().bottom <= innerHeight; })()"""


@pytest.mark.parametrize("text", [NOTE, "+".join(f"sin(x{i})" for i in range(30))], ids=["wide", "tall"])
def test_the_current_gate_and_the_buttons_are_in_sight(browser, tmp_path, text):
    with Page(browser, page_of(tmp_path, text), 360) as page:
        page.press("ArrowRight")
        for _ in range(60):
            assert page.run(SIGHT)
            page.press("ArrowRight")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e308"])
def test_an_input_may_begin_where_no_slider_reaches(browser, tmp_path, value):
    text = "max(x, 1)*y + atan(x)"
    with Page(browser, page_of(tmp_path, text, "--at", f"x={value},y=2")) as page:
        for x, y in ((value, 2.0), (value, -0.5), ("3", -0.5)):
            page.run(move("y", y))
            if x == "3":
                page.run(move("x", 3.0))
            expected = calculate(text, f"x={x},y={y}")
            found = page.run("[...document.querySelectorAll('.gradcli .part title')].map((title) => title.textContent)")
            numbers = {name_in(title): numbers_in(title) for title in found}
            for line in expected.lines:
                assert numbers[line.name] == pytest.approx([line.value, line.gradient], rel=1e-12, nan_ok=True)
            for name, gradient in expected.gradient.items():
                assert numbers[name][1] == pytest.approx(gradient, rel=1e-12, nan_ok=True)
        assert page.complaints == []


def test_the_keyboard_alone_is_enough(browser, tmp_path):
    with Page(browser, page_of(tmp_path, "x * y", "--at", "x=3,y=-4")) as page:
        focused = []
        for _ in range(9):
            page.press("Tab")
            focused.append(page.run("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
            if focused[-1] == "next":
                page.press("Enter")
                assert page.run(NOW) == "f"
        assert {"next", "last", "x", "y"} <= set(focused)
        before = page.run(NUMBERS)
        page.run("document.querySelector('input[type=range]').focus()")
        page.press("ArrowRight")
        after = page.run(NUMBERS)
        assert after["x"][0] > before["x"][0]
        assert after["f"][0] == pytest.approx(after["x"][0] * -4)
        assert page.complaints == []


POINTS = [(3, -4), (0, 0), (-1.5, 2.25), (0.1, 0.7), (8, -7.5), (1e-9, 1), (-40, 30), (12, -11), (0.5, 0.5), (-3, 4)]


def move(name: str, value: float) -> str:
    """A script that drags a slider."""
    return f"""(() => {{ const slider = document.querySelector('input[type=range][aria-label="{name}"]');
        slider.min = -100; slider.max = 100; slider.value = {value!r};
        slider.dispatchEvent(new Event("input")); }})()"""


@pytest.mark.parametrize(
    ("text", "fuse"),
    [
        (NOTE, True),
        (NOTE, False),
        ("q = max(x, y, x*y); q*relu(x) + abs(y) - sqrt(abs(x) + 1)*pi", True),
        ("where(x > y, exp(-x), cos(y))**2 * silu(y) + hypot(x, y) + lambda*x; ", True),
    ],
)
def test_sliders_give_the_numbers_of_eval(browser, tmp_path, text, fuse):
    text = text.replace("lambda", "x").strip("; ")
    options = ["--at", "x=1,y=2", *([] if fuse else ["--no-fuse"])]
    with Page(browser, page_of(tmp_path, text, *options)) as page:
        for x, y in POINTS:
            page.run(move("x", float(x)))
            page.run(move("y", float(y)))
            found = page.run(NUMBERS)
            expected = calculate(text, {"x": float(x), "y": float(y)}, fuse=fuse)
            for line in expected.lines:
                assert found[line.name] == pytest.approx([line.value, line.gradient], rel=1e-12, abs=1e-300), line.name
            for name, gradient in expected.gradient.items():
                assert found[name][1] == pytest.approx(gradient, rel=1e-12, abs=1e-300)
        assert page.complaints == []


def test_sliders_of_elements(browser, tmp_path):
    text = "sigmoid(w[0]*x[0] + w[1]*x[1] + w[2])"
    with Page(browser, page_of(tmp_path, text, "--at", "w=[2,-3,-3],x=[-1,-2]")) as page:
        page.run(move("w[2]", 0.25))
        expected = calculate(text, "w=[2,-3,0.25],x=[-1,-2]")
        assert page.run(NUMBERS)["w[1]"][1] == pytest.approx(expected.gradient["w[1]"], rel=1e-12)


WIDE = """[...document.querySelectorAll("body *")].filter((element) => !element.closest(".picture svg, pre"))
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML)"""


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_overflows(browser, tmp_path, width, dark):
    for args in (
        ["-f", "samples/finance/black_scholes.grad", "--at", "S=100,K=105,r=0.03,sigma=0.2,T=0.5"],
        ["D = W @ X; sum(D*D)", "--at", "W=[[1,2],[3,4]],X=[[1,2,3],[4,5,6]]"],
        ["a_rather_long_name_of_an_input_that_goes_on_and_on * another_long_name_of_an_input_as_well"],
    ):
        with Page(browser, page_of(tmp_path, *args), width, dark) as page:
            for _ in range(3):
                assert page.run("document.documentElement.scrollWidth") <= width
                assert page.run(WIDE) == []
                page.press("ArrowRight")
            assert page.complaints == []


HOSTILE = """x*y # </script><script>document.title = "run"</script><img src=x onerror="document.title='run'">
# <!--<script> " ' & ]]> --><svg onload="document.title='run'"></title></style></pre></desc>\u2028 \x1b[31m
"""


def test_nothing_that_a_user_wrote_runs(browser, tmp_path):
    program = tmp_path / "</title><script>document.title='run'</script>".replace("/", "_")
    program.write_text(HOSTILE)
    for form in ("html", "svg"):
        path = tmp_path / f"hostile.{form}"
        draw("-f", str(program), "--at", "x=1,y=2", "-o", str(path))
        with Page(browser, path) as page:
            assert page.run("document.title") != "run"
            assert page.run("document.querySelectorAll('script').length") == (2 if form == "html" else 0)
            assert page.run("document.querySelectorAll('img, svg svg').length") == 0
            assert page.complaints == []


def test_greek_names_work(browser, tmp_path):
    with Page(browser, page_of(tmp_path, "α*σ(β) + λ", "--at", "α=1,β=2,λ=3")) as page:
        page.run(move("α", 2.5))
        expected = calculate("α*σ(β) + λ", "α=2.5,β=2,λ=3")
        assert page.run(NUMBERS)["α"] == pytest.approx([2.5, expected.gradient["α"]], rel=1e-12)
        assert page.complaints == []


BOXES = """[...document.querySelectorAll("text")].map((text) => { const box = text.getBBox();
    return [box.x, box.width, text.textContent]; })"""


def test_widths_of_text_are_no_underestimates(browser, tmp_path):
    from gradcli.draw.widths import width

    for sample in SAMPLE_PROGRAMS:
        path = tmp_path / "sample.svg"
        draw(*sample, "-o", str(path))
        with Page(browser, path) as page:
            sizes = page.run(
                "[...document.querySelectorAll('text')].map((t) => parseFloat(getComputedStyle(t).fontSize))"
            )
            for (_, measured, content), size in zip(page.run(BOXES), sizes, strict=True):
                assert measured <= width(content, size) + 0.5, content


@pytest.mark.parametrize("sample", SAMPLE_PROGRAMS, ids=lambda sample: Path(sample[1]).stem)
def test_eval_has_the_same_numbers_as_the_page(browser, tmp_path, sample):
    with Page(browser, page_of(tmp_path, *sample)) as page:
        titles = page.run("[...document.querySelectorAll('.gradcli .part title')].map((title) => title.textContent)")
        found = {name_in(title): numbers_in(title) for title in titles}
        assert found == {name: pytest.approx(pair, rel=1e-12) for name, pair in numbers_of_eval(sample).items()}
        assert page.complaints == []
