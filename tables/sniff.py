"""How a file is written, found out: its encoding, and with DuckDB its delimiter, quotes and header."""

import codecs
import io
import re
import tempfile
from collections.abc import Sequence

from tables.errors import TableError, first_few
from tables.header import named
from tables.parquet import closed_database
from tables.reading import Reading

SAMPLE = 1_000_000  # characters
OTHER_FILES = {
    b"\x1f\x8b": "compressed (gzip); unpack it first",
    b"BZh": "compressed (bzip2); unpack it first",
    b"\xfd7zXZ": "compressed (xz); unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed (zstd); unpack it first",
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save its sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save its sheet as CSV",
    b"SQLite format 3": "a database; export the table as CSV or Parquet",
}
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NO_TEXT = re.compile("[\0\udc80-\udcff]")


def check_kind(data: bytes) -> None:
    """Refuse files that are well known to be no text."""
    for magic, what in OTHER_FILES.items():
        if data.startswith(magic):
            raise TableError(f"it is {what}")


def decode(data: bytes) -> tuple[str, str, list[str]]:
    """Return a file's text, its encoding and what to say of that; TableError names the lines that are no text."""
    encoding = next((known for mark, known in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "") or wide(data)
    if encoding.startswith("utf-16"):
        return checked(data.decode(encoding, "replace")), encoding, []
    if data[:4096].count(0) > 3:
        raise TableError("it is no text file; give a CSV or Parquet file")
    text = data.decode("utf-8", "surrogateescape")
    odd = re.findall("[^\0-\x7f]", text)
    wrong = sum("\udc80" <= character <= "\udcff" for character in odd)
    if not wrong or encoding or len(odd) - wrong >= wrong:
        return checked(text), "utf-8", []
    try:
        text, encoding = data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        text, encoding = data.decode("latin-1"), "latin-1"
    return checked(text), encoding, [f"it is not in UTF-8 and is read as {encoding} (Western European)"]


def encoding_again(head: bytes, known: str) -> str:
    """Return the encoding of a table that begins so, when another one of its form was in a known encoding."""
    marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if head.startswith(mark)), "") or wide(head)
    if marked or known.startswith("utf-16"):
        return marked or known
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return known if known != "utf-8" else "cp1252"
    return "utf-8"


def wide(data: bytes) -> str:
    """Return which UTF-16 a file without a byte order mark is in, "" when it is in none: Latin has many zero bytes."""
    half = len(data[:4096]) // 2
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if half and data[offset:4096:2].count(0) > 0.7 * half and not data[1 - offset : 4096 : 2].count(0):
            return encoding
    return ""


def checked(text: str) -> str:
    """Return a text without its byte order mark; TableError names the lines with bytes that are no text."""
    text = text.removeprefix("\ufeff")
    if NO_TEXT.search(text) is None:
        return text
    faults = []
    for line, content in enumerate(io.StringIO(text, newline=""), start=1):
        if stray := NO_TEXT.search(content):
            faults.append(f"line {line} {no_text(stray[0])}")
    raise TableError(*first_few(faults))


def no_text(character: str) -> str:
    """Return what is wrong with a NUL, or a lone surrogate that stands for a byte."""
    if character == "\0":
        return "holds a NUL byte; remove it"
    return f"holds the byte 0x{ord(character) - 0xDC00:02x}, which is not UTF-8, unlike the rest; correct it"


def sniff(text: str, target: str | Sequence[str], encoding: str) -> tuple[Reading, bool]:
    """Return how a table's text is written, and whether DuckDB takes its first line for a header."""
    sample = text[:SAMPLE]
    if len(text) > SAMPLE:
        end = max(sample.rfind("\n"), sample.rfind("\r"))
        if end < 0:
            raise TableError(f"its first line has more than {SAMPLE:,} characters; give a table")
        sample = sample[: end + 1]
    delimiter, quote, escape, skipped, header = ask_duckdb(sample) or (",", '"', "", 0, True)
    quote = "'" if quote == "'" else '"'
    first = {cell.strip().strip(quote) for cell in sample.splitlines()[0].split(delimiter)} if skipped else set()
    if skipped and first.issuperset(named(target, first)):
        skipped = 0  # ragged rows below a header are no other table
    escape = "\\" if escape == "\\" else ""
    return Reading(delimiter=delimiter, quote=quote, escape=escape, encoding=encoding, skipped_lines=skipped), header


def ask_duckdb(sample: str) -> tuple[str, str, str, int, bool] | None:
    """Return the delimiter, quote, escape, lines to skip and header that DuckDB finds in a sample, if it finds any."""
    import duckdb  # only here: 0.1 s, and not installed where models are served

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".csv", newline="") as file:
        file.write(sample)
        file.flush()
        # It sees this copy and no other file, whatever the table says.
        with closed_database(file.name) as database:
            for options in ("", ", strict_mode=false, ignore_errors=true, null_padding=true"):
                try:
                    dialect = database.execute(
                        f"SELECT Delimiter, Quote, Escape, SkipRows, HasHeader FROM sniff_csv(?{options})",  # noqa: S608
                        [file.name],
                    ).fetchone()
                except duckdb.Error:
                    continue
                if dialect is not None and dialect[0] in sample:
                    return dialect
    return None
