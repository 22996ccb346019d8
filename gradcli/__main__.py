"""`python -m gradcli`."""

import sys

# Python puts the current directory first; a math.py that lies there must not be run.
if sys.path and sys.path[0] in ("", __import__("os").getcwd()):
    del sys.path[0]

from gradcli.cli.main import main

main()
