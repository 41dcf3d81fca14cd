"""The commands of each dialect's page, run in its order, answer as it says."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from servers.running import GUNICORN, ROOT, Server, environment, running
from tests.test_readme import BLOCK

PAGES = sorted((ROOT / "docs" / "dialects").glob("*.md"))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=lambda page: page.stem)
def test_the_commands_of_a_page_answer_as_it_says(page: Path, tmp_path: Path) -> None:
    answer = ""
    answers = 0
    server: Server | None = None
    with ExitStack() as servers:
        for number, (kind, text) in enumerate(BLOCK.findall(page.read_text())):
            command = text.strip()
            if kind == "json":
                assert command in answer.splitlines()
                answers += 1
            elif command.endswith("make serve"):
                settings = dict(word.split("=", 1) for word in command.split()[:-2])
                server = servers.enter_context(running(GUNICORN, tmp_path / f"{number}.log", **settings))
            else:
                assert server is not None
                done = subprocess.run(
                    ["bash", "-euc", command.replace(":8080", f":{server.port}")],
                    env=environment(), capture_output=True, text=True, check=False, timeout=60,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr
                answer = done.stdout
    assert answers >= 3


def test_every_dialect_has_a_page_that_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    for page in PAGES:
        assert f"(docs/dialects/{page.name})" in readme
