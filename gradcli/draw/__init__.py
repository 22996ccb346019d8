"""The circuit of a program as a picture: one record of what is drawn, and a file for each format."""

from __future__ import annotations

FORMATS = ("terminal", "svg")
ENDINGS = {".svg": "svg"}
