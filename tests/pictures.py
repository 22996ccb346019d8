"""Pictures as the tests read them: the command run, an SVG taken apart into parts and wires by its geometry."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import NamedTuple

from transcript import ROOT, steps

SVG = "{http://www.w3.org/2000/svg}"


class Part(NamedTuple):
    """One gate or input: what stands at it, and the names of the wires that end on its edge."""

    name: str
    glyph: str
    value: str
    gradient: str
    title: str
    entering: list[str]


class Picture(NamedTuple):
    """parts: in the order in which they are computed."""

    parts: list[Part]
    root: ET.Element

    @property
    def named(self) -> dict[str, Part]:
        """The parts by name."""
        return {part.name: part for part in self.parts}


def draw(*args: str, **env: str) -> str:
    """What `gradcli draw` prints."""
    result = subprocess.run(
        [sys.executable, "-m", "gradcli", "draw", *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **env},
    )
    return result.stdout


def read_svg(text: str) -> Picture:
    """The parts of a picture; a wire enters the gate on whose edge one of its ends lies."""
    root = ET.fromstring(text)
    groups = [group for group in root.iter(f"{SVG}g") if group.get("class") == "part"]
    shifts = shifts_of(root)
    ends = {group.get("data-name", ""): [] for group in groups}
    for group in groups:
        x, y = shifts[group]
        path = next(path for path in group.iter(f"{SVG}path") if path.get("class") == "wire")
        ends[group.get("data-name", "")] += [(left + x, top + y) for left, top in ends_of(path.get("d", ""))]
    return Picture([_part(group, shifts[group], ends) for group in groups], root)


def shifts_of(root: ET.Element) -> dict[ET.Element, tuple[float, float]]:
    """How far each part is moved by the band that it is in."""
    found = {}
    for band in root.iter(f"{SVG}g"):
        move = re.fullmatch(r"translate\((\S+) (\S+)\)", band.get("transform", ""))
        if move:
            found |= {group: (float(move[1]), float(move[2])) for group in band}
    return found


def ends_of(path: str) -> list[tuple[float, float]]:
    """Where the pieces of a path end: after their last M, H and C."""
    ends = []
    for piece in path.split("M")[1:]:
        x, y = map(float, re.match(r"(\S+) ([^A-Z]+)", piece).groups())  # type: ignore[union-attr]
        for letter, numbers in re.findall(r"([HC])([^A-Z]+)", piece):
            given = [float(number) for number in numbers.split()]
            x, y = (given[0], y) if letter == "H" else (given[4], given[5])
        ends.append((x, y))
    return ends


def _part(group: ET.Element, shift: tuple[float, float], ends: dict[str, list[tuple[float, float]]]) -> Part:
    words = {element.get("class"): element.text or "" for element in group.iter() if element.get("class")}
    entering = [name for name, points in ends.items() for point in points if _on_edge(group, shift, point)]
    title = group.findtext(f"{SVG}title", "")
    glyph = words.get("glyph", "")
    return Part(group.get("data-name", ""), glyph, words.get("value", ""), words.get("gradient", ""), title, entering)


def _on_edge(group: ET.Element, shift: tuple[float, float], point: tuple[float, float]) -> bool:
    """Whether a point lies on the left edge of the gate of a part."""
    left, top = point[0] - shift[0], point[1] - shift[1]
    for shape in group:
        size = {name: float(shape.get(name, "0")) for name in ("cx", "cy", "r", "x", "y", "width", "height")}
        if shape.tag == f"{SVG}circle":
            across, down = left - size["cx"], top - size["cy"]
            return across < 0 and abs((across**2 + down**2) ** 0.5 - size["r"]) < 0.3
        if shape.tag == f"{SVG}rect":
            inside = size["y"] <= top <= size["y"] + size["height"]
            return inside and -0.3 <= left - size["x"] <= 17
    return False


def _samples() -> list[list[str]]:
    """The arguments for every scalar program in samples/: its file and its point."""
    found = []
    for path in sorted((ROOT / "samples").rglob("*.console")):
        if path.with_suffix(".grad").exists() and path.parent.name not in ("errors", "arrays", "training"):
            words = shlex.split(next(steps(path.read_text(encoding="utf-8"))).script)
            found.append(["-f", str(path.with_suffix(".grad")), "--at", words[words.index("--at") + 1]])
    return found


SAMPLE_PROGRAMS = _samples()


def name_in(title: str) -> str:
    """The name of the wire that a title tells about."""
    return title.split("\n")[0].partition(" = ")[0]


def numbers_in(title: str) -> list[float]:
    """The value and the gradient that a title tells."""
    return [float(line.rpartition(" ")[2]) for line in title.split("\n")[1:]]


def numbers_of_eval(sample: list[str]) -> dict[str, list[float]]:
    """The value and the gradient of each input and each stage, by `gradcli eval --json`."""
    command = [sys.executable, "-m", "gradcli", "eval", *sample, "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
    found = {stage["name"]: [stage["value"], stage["gradient"]] for stage in result["stages"]}
    for name, value in result["inputs"].items():
        gradient = result["gradient"][name]
        if isinstance(value, list):
            found |= {f"{name}[{place}]": [value[place], gradient[place]] for place in range(len(value))}
        else:
            found[name] = [value, gradient]
    return {name: [number for number in pair if number is not None] for name, pair in found.items()}
