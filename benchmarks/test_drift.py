"""The drift query, over a stream that shifts: it tells which number did, and of the others nothing."""

import json
import subprocess
import sys

import pytest

from benchmarks.drift import DAY, SHIFTS, picture
from servers.running import ROOT, environment

# In a process of its own, whose metrics no other test has counted in.
CODE = """
import json
from werkzeug.test import Client
from benchmarks.drift import indices_by_hour
from webapp import create_app
app = create_app()
print(json.dumps(indices_by_hour(Client(app), app.extensions["tandem"].predictor.manifest.features)))
"""


@pytest.mark.slow
def test_the_number_that_shifts_is_told_and_no_other() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environment(METRICS="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *others = json.loads(done.stdout).values()
    before, after = slice(DAY, SHIFTS.start), slice(SHIFTS.stop, None)
    assert max(first[before]) < 0.01
    assert min(first[after]) > 1
    assert all(max(index[DAY:]) < 0.01 for index in others)
    drawn = picture({"x1": first, "x2": others[0]})
    assert [line.get_label() for line in drawn.axes[0].lines[:2]] == ["x1", "x2"]
