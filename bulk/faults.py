"""What ends a run: one line, wherever it was raised and however Beam wrapped it on the way."""

import re

MAX_LINE = 600
# Beam gives a worker's exception as the text of its traceback, and says in which step it was.
RAISED = re.compile(r"BulkError: (.+)")
STEP = re.compile(r" \[while running .*?\]$")


class BulkError(Exception):
    """The run cannot go on; the message is one line that says why and what to do."""

    def __init__(self, message: str) -> None:
        line = "".join(char if char.isprintable() else " " for char in message)  # a file chooses some of the words
        super().__init__(line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…")


def line_of(error: BaseException) -> str:
    """Return the one line that a person needs of an exception."""
    text = str(error)
    if isinstance(error, BulkError):
        return STEP.sub("", text)
    if found := RAISED.findall(text):
        return STEP.sub("", found[-1].strip())
    lines = text.strip().splitlines() or [""]
    return STEP.sub("", f"{type(error).__name__}: {lines[-1].strip()}"[:MAX_LINE])
