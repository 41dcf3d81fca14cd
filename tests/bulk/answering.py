"""Run by the Python that has Beam: one run of `python -m bulk` after the other, without importing Beam each time.

A line of standard input is a run, [arguments, environment]; a line of standard output what became of it.
"""

import contextlib
import io
import json
import os
import sys

from bulk.command import main


def answer(arguments: list[str], environ: dict[str, str]) -> list[object]:
    """Return exit status, standard output and standard error of a run."""
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(arguments)
    except SystemExit as end:
        status = end.code
        if isinstance(end.code, str):
            status = 1
            err.write(end.code + "\n")
    finally:
        os.environ.clear()
        os.environ.update(before)
    return [status, out.getvalue(), err.getvalue()]


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(*json.loads(line))) + "\n")
    sys.stdout.flush()
