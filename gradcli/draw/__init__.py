"""The circuit of a program as a picture: one record of what is drawn, and a file for each format."""

from __future__ import annotations

FORMATS = ("terminal", "svg", "html", "mermaid", "dot")
ENDINGS = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
}
