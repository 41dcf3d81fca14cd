"""How a file is written, found out: its encoding, and with DuckDB its delimiter, quotes and header."""

import codecs
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tables.errors import TableError, first_few
from tables.reading import Reading

if TYPE_CHECKING:
    import duckdb

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


def check_kind(head: bytes, path: Path) -> None:
    """Refuse files that are well known to be no text."""
    for magic, what in OTHER_FILES.items():
        if head.startswith(magic):
            raise TableError(f"{path} is {what}")


def decode(data: bytes, path: Path) -> tuple[str, str, list[str]]:
    """Return a file's text, its encoding and what to say of that; TableError names the lines that are no text."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return (
                checked(data.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace"), path),
                encoding,
                [],
            )
    half = len(data[:4096]) // 2
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if half and data[offset:4096:2].count(0) > 0.7 * half:
            return checked(data.decode(encoding, "replace"), path), encoding, [f"{path} is in UTF-16"]
    if b"\0" in data[:4096] and data[:4096].count(0) > 3:
        raise TableError(f"{path} is no text file; give a CSV or Parquet file")
    try:
        return checked(data.decode("utf-8"), path), "utf-8", []
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    odd = re.findall("[^\0-\x7f]", text)
    wrong = sum("\udc80" <= character <= "\udcff" for character in odd)
    if len(odd) - wrong > wrong:
        return checked(text, path), "utf-8", []
    try:
        text, encoding = data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        text, encoding = data.decode("latin-1"), "latin-1"
    return checked(text, path), encoding, [f"{path} is not in UTF-8; it is read as {encoding} (Western European)"]


def checked(text: str, path: Path) -> str:
    """Return a text without its byte order mark; TableError names the lines with bytes that are no text."""
    text = text.removeprefix("\ufeff")
    if re.search("[\0\udc80-\udcff\ufffd]", text) is None:
        return text
    faults = []
    for line, content in enumerate(io.StringIO(text, newline=""), start=1):
        if "\0" in content:
            faults.append(f"line {line} of {path} holds a NUL byte; remove it")
        elif wrong := re.search("[\udc80-\udcff]", content):
            faults.append(
                f"line {line} of {path} holds the byte 0x{ord(wrong[0]) - 0xDC00:02x}, which is not UTF-8, unlike the "
                "rest; correct it"
            )
    if faults:
        raise TableError(*first_few(faults))
    return text


def sniff(text: str, path: Path, encoding: str) -> tuple[Reading, bool]:
    """Return how a table's text is written, and whether DuckDB takes its first line for a header."""
    sample = text[:SAMPLE]
    if len(text) > SAMPLE:
        end = max(sample.rfind("\n"), sample.rfind("\r"))
        if end < 0:
            raise TableError(f"{path} has a line of more than {SAMPLE:,} characters; give a table")
        sample = sample[: end + 1]
    delimiter, quote, escape, skipped, header = ask_duckdb(sample) or (",", '"', "", 0, True)
    return Reading(
        delimiter=delimiter,
        quote="'" if quote == "'" else '"',
        escape="\\" if escape == "\\" else "",
        encoding=encoding,
        skipped_lines=skipped,
    ), header


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
                    found = database.execute(
                        f"SELECT Delimiter, Quote, Escape, SkipRows, HasHeader FROM sniff_csv(?{options})",  # noqa: S608
                        [file.name],
                    ).fetchone()
                except duckdb.Error:
                    continue
                if found is not None and found[0] in sample:
                    return found
    return None


def closed_database(path: str) -> "duckdb.DuckDBPyConnection":
    """Return a database in memory that can open one file and no other, and loads no extensions."""
    import duckdb

    database = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    quoted = path.replace("'", "''")
    for setting in (f"allowed_paths = ['{quoted}']", "enable_external_access = false", "lock_configuration = true"):
        database.execute(f"SET {setting}")
    return database
