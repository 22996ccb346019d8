"""`python -m gradcli`."""

import os
import sys

# Python puts the current directory first; a math.py that lies there must not be run.
try:
    here = os.getcwd()
except OSError:  # it has been deleted
    here = ""
if sys.path and sys.path[0] in ("", here):
    del sys.path[0]

from gradcli.cli.main import main

main()
