"""The commands of the README and of each page, run in their order in a copy of the project, answer as they say."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from servers.running import ROOT, Server, environment, free_port, running
from tests.files import copy_files, project_files

BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVERS = re.compile(r"^(?:\w+=\S+ )*make (?:serve|function)$")
# `make test` is what runs this test.
NOT_RUN = {"make test"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the project, with the installed packages at hand."""
    copy_files(project_files(), tmp_path)
    for packages in (".venv", ".bench"):
        (ROOT / packages).mkdir(exist_ok=True)  # what a page's commands install there is there the next time
        (tmp_path / packages).symlink_to(ROOT / packages)
    return tmp_path


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    for match in BLOCK.finditer(page.read_text()):
        yield match[1], match[2].strip()


# The pages of dialects have a test of their own, which needs no copy.
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if any(blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_and_answer_as_it_says(page: Path, clone: Path) -> None:
    answer = ""
    server: Server | None = None
    with ExitStack() as servers:
        for number, (kind, text) in enumerate(blocks(page)):
            if text in NOT_RUN:
                continue
            if kind == "json":
                assert text in answer.splitlines()
            elif SERVERS.match(text):
                servers.close()
                words = ["env", *text.split()]
                server = servers.enter_context(running(words, clone / f"{number}.log", cwd=clone))
            else:
                port = server.port if server else free_port()
                command = text.replace(":8080", f":{port}")
                done = subprocess.run(
                    ["bash", "-euc", command], cwd=clone, env=environment(), capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr
                answer = done.stdout


def test_the_first_thirty_lines_are_enough_for_a_prediction() -> None:
    beginning = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "make serve" in beginning
    assert '{"prediction":10.0,"model_version":"1.0"}' in beginning


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 900
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
