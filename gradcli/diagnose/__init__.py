"""A backward pass that somebody wrote by hand, held against the true gradients: which line is the first wrong one.

Text goes in and a Diagnosis comes out. The file is read and evaluated by the project's own parser and
evaluator, and never run.
"""

from __future__ import annotations

from gradcli.diagnose.findings import KINDS, Change, Diagnosis, Judged, Slip
from gradcli.diagnose.judge import diagnose

__all__ = ["KINDS", "Change", "Diagnosis", "Judged", "Slip", "diagnose"]
