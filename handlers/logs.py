"""The log of both hosts: one JSON object a line on stdout, as Cloud Logging reads it, or plain text on a terminal.

The fields are those of https://cloud.google.com/logging/docs/structured-logging. What a line says of its request is
looked up when the line is written, so a request that logs nothing pays nothing.
"""

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from flask import Request

from handlers.responses import request_id_of

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# Cloud Logging cuts entries of more than 256 KiB, and half a JSON object is none.
MAX_TEXT = 32_768

# https://www.w3.org/TR/trace-context/: version 00 ends after the flags, later ones may go on; zeros are no identity.
TRACEPARENT = re.compile(
    r"(?!ff|00.{53}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
# https://cloud.google.com/trace/docs/trace-context: TRACE/SPAN;o=OPTIONS, with SPAN in decimal digits.
CLOUD_TRACE = re.compile(r"(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?")

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# The request that a line is written for, and what such a line says of the model; handlers.entry_point sets it.
current: ContextVar[tuple[Request, Mapping[str, str]] | None] = ContextVar("current", default=None)
# What a line says that is written for no request; handlers.service fills it.
process: dict[str, str] = {}


def configure() -> str:
    """Send every log line of the process, gunicorn's too, to stdout from LOG_LEVEL (INFO) on; return that level.

    To be called by a host before it logs, as often as it likes. An unknown LOG_LEVEL ends the process with one line.
    """
    given = os.environ.get("LOG_LEVEL", "").strip()
    level = given.upper() or "INFO"
    if level not in LEVELS:
        sys.exit(f"tandem: LOG_LEVEL={given!r} must be one of {', '.join(LEVELS)}; unset, it is INFO")
    # Not sys.stdout: functions-framework can put a stream there that rewrites lines, spanId among others.
    handler = logging.StreamHandler(sys.__stdout__)
    for_people = sys.__stdout__ is not None and sys.__stdout__.isatty()
    handler.setFormatter(ForPeople() if for_people else ForCloudLogging(os.environ.get("GOOGLE_CLOUD_PROJECT", "")))
    # functions-framework may have set a plain handler, which would write each line again; a test's own one stays.
    logging.root.handlers[:] = [other for other in logging.root.handlers if type(other) is not logging.StreamHandler]
    logging.root.addHandler(handler)
    logging.root.setLevel(level)
    logging.captureWarnings(True)
    # functions-framework's set-up with LOG_EXECUTION_ID disables every logger that exists by then.
    logging.getLogger("tandem").disabled = False
    # A filter, since gunicorn gives its logger a handler of its own later on, and logconfig_dict, its own way to
    # another one, would make it compose an access log line for every request.
    logging.getLogger("gunicorn.error").filters[:] = [to_root]
    logging.getLogger("py.warnings").filters[:] = [is_no_race]
    return level.lower()


def drop_warning_filters() -> None:
    """Go back to Python's own filters for warnings, without those that imports added.

    To be called by a host when the model is loaded: scikit-learn sets every filter anew for each tree of a forest,
    which with a dozen of them is a quarter of the prediction. What -W or PYTHONWARNINGS asks for stays.
    """
    if sys.warnoptions:
        return
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    # An estimator that was fitted on a DataFrame says so of every matrix; the manifest keeps the names, in order.
    warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)


def to_root(record: logging.LogRecord) -> bool:
    """Hand a record to the root logger alone. What gunicorn says of a bad request is the caller's fault: INFO."""
    if str(record.msg).startswith("Invalid request from"):
        record.levelno, record.levelname = logging.INFO, "INFO"
    if record.levelno >= logging.root.level:
        logging.root.handle(record)
    return False


def is_no_race(record: logging.LogRecord) -> bool:
    """Leave out what scikit-learn's forests say of themselves, once a tree, when several threads predict.

    Each sets Python's filters for warnings anew, which all threads share, so at times one finds none.
    """
    return "`sklearn.utils.parallel.delayed` should be used with" not in message_of(record)


class ForCloudLogging(logging.Formatter):
    """One JSON object of ASCII characters, whatever the message holds."""

    def __init__(self, project: str) -> None:
        super().__init__()
        self.project = project

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, a traceback inside it where Error Reporting looks for one."""
        entry: dict[str, object] = {
            "severity": record.levelname if record.levelname in LEVELS else "DEFAULT",
            "message": bounded(message_of(record)),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "logger": record.name,
        }
        if record.exc_info:
            entry["stack_trace"] = bounded(self.formatException(record.exc_info))
        about, model = current.get() or (None, process)
        if about is not None:
            entry["request_id"] = request_id_of(about)
            entry |= trace_fields(
                about.headers.get("traceparent", ""), about.headers.get("X-Cloud-Trace-Context", ""), self.project
            )
        # JSON escapes every control character but DEL.
        return json.dumps({**entry, **model}).replace("\x7f", "\\u007f")


class ForPeople(logging.Formatter):
    """A line to read on a terminal, which no message can make obey it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the message as one line."""
        return CONTROL.sub(escaped, super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  # logging's name
        """Return the traceback, each of its lines as it is but for control characters."""
        return "\n".join(CONTROL.sub(escaped, line) for line in super().formatException(ei).split("\n"))  # type: ignore[arg-type]


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message, the parts of it where they do not fit together."""
    try:
        return record.getMessage()
    except Exception:  # a slip in a call that logs must not cost the line
        return f"{record.msg!r} with {record.args!r}"


def bounded(text: str) -> str:
    """Return a text of about MAX_TEXT characters at most, the middle left out, without lone surrogates."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode()


def escaped(match: re.Match[str]) -> str:
    """Return a control character as its escape sequence in Python."""
    return match[0].encode("unicode_escape").decode()


def trace_fields(traceparent: str, cloud_trace: str, project: str) -> dict[str, object]:
    """Return the fields that join a line to its request's trace; none of them when no header names one."""
    if match := TRACEPARENT.fullmatch(traceparent):
        trace, span, sampled = match[1], match[2], bool(int(match[3], 16) & 1)
    elif match := CLOUD_TRACE.fullmatch(cloud_trace):
        number = int(match[2] or 0)
        trace, span = match[1].lower(), f"{number:016x}" if 0 < number < 2**64 else ""
        sampled = bool(int(match[3] or 0) & 1)
    else:
        return {}
    fields: dict[str, object] = {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace}" if project else trace
    }
    if span:
        fields["logging.googleapis.com/spanId"] = span
    return fields | {"logging.googleapis.com/trace_sampled": sampled}
