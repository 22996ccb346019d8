"""How wide text is at most, in the sans-serif fonts that systems have: Arial, its metric twins, DejaVu Sans."""

from __future__ import annotations

# The larger advance of Liberation Sans (Arial's) and DejaVu Sans (Verdana's), in twentieths of an em, rounded up.
ADVANCES = {
    6: "'IijlΙΪ",
    7: ' ,./:;\\|ίι·"',
    8: "()-[]ft",
    9: "!r²³⁴⁵⁶⁷⁸⁹⁰¹",
    10: "*J`‖",
    11: "cszέεζ⁻∂▸",
    12: "?L_kvxyΓΰγκλνξςυχ",
    13: "$0123456789FTabdeghnopqu{}ΞΣΤήβδηθμορστ√",
    14: "ABEKPSVXYZΑΒΔΕΖΚΛΡΥΧΫάαπφ",
    15: "CNRUΝψ",
    16: "&DGHOQΗΘΟΠΦΩ",
    17: "#+<=>^w~Ψω×",
}
WIDEST = 21
TWENTIETHS = {sign: advance for advance, signs in ADVANCES.items() for sign in signs}


def width(text: str, size: float) -> float:
    """The width of a text in pixels, rather too large than too small. size: of the font, in pixels."""
    return sum(TWENTIETHS.get(sign, WIDEST) for sign in text) * size / 20


def cut(text: str, size: float, room: float) -> str:
    """The text, or its beginning with an ellipsis where it is wider than the room."""
    if width(text, size) <= room:
        return text
    room -= width("…", size)
    end = 0
    while end < len(text) and width(text[: end + 1], size) <= room:
        end += 1
    return text[:end] + "…"
