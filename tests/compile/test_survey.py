"""The table of what compiles, in docs/compiling.md, is what compiles."""

import re

import pytest

from servers.running import ROOT
from tests.compile.survey import rows


@pytest.mark.slow
def test_the_page_lists_what_compiles() -> None:
    lines = (ROOT / "docs" / "compiling.md").read_text().splitlines()
    listed = [tuple(line.strip("| ").split(" | ")) for line in lines if re.match(r"\| [A-Z]\w+ \|", line)]
    written = {name: (plain != "no", mixed != "no") for name, plain, mixed, *_ in listed}
    found = {name: (plain != "no", mixed != "no") for name, plain, mixed, _ in rows()}
    assert found == written
    assert len(found) > 70
