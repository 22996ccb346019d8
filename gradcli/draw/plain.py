"""What a picture writes, in ASCII."""

from __future__ import annotations

SIGNS = {"√": "sqrt", "σ": "sigmoid", "×": "x", "‖": "|", "…": "...", "Σ": "sum"}
RAISED = {ord(sign): digit for sign, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)}


def in_ascii(text: str) -> str:
    """The text in ASCII: x^2 for x², the name of a Greek letter for the letter."""
    if text.isascii():
        return text
    if text in SIGNS:
        return SIGNS[text]
    plain = text.translate(RAISED)
    if plain != text and text[0] not in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
        plain = plain[0] + "^" + plain[1:]
    return "".join(sign if sign.isascii() else _spelled(sign) for sign in plain)


def _spelled(sign: str) -> str:
    from unicodedata import name

    return SIGNS[sign] if sign in "×‖…" else name(sign, "?").split()[-1].lower()
