"""Files wherever Beam's file systems reach: on this machine, gs:// and others."""

import contextlib
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from bulk.faults import BulkError

PLAIN = CompressionTypes.UNCOMPRESSED


def is_local(path: str) -> bool:
    """Whether a path is one of this machine."""
    return "://" not in path


def find(patterns: Sequence[str]) -> dict[str, int]:
    """Return the files that paths, globs and folders name, in order, with their sizes; BulkError where there is none.

    Names that begin with _ or . are those of no data, as everywhere.
    """
    found: dict[str, int] = {}
    for pattern in patterns:
        matched = sizes(pattern)
        files = {path: size for path, size in matched.items() if os.path.basename(path)[:1] not in {"_", "."}}
        if not files:
            raise BulkError(f"no file matches {pattern}; give the paths of CSV, Parquet or JSON lines files")
        found |= dict(sorted(files.items()))
    return found


def sizes(pattern: str) -> dict[str, int]:
    """Return the files of one path, glob or folder, with their sizes."""
    if is_local(pattern):
        if os.path.isdir(pattern):
            pattern = os.path.join(glob.escape(pattern), "*")
        paths = [pattern] if os.path.exists(pattern) else glob.glob(pattern)
        return {os.path.abspath(path): os.path.getsize(path) for path in paths if not os.path.isdir(path)}
    if pattern.endswith("/"):
        pattern += "*"
    try:
        [matched] = FileSystems.match([pattern])
    except (BeamIOError, ValueError, ImportError) as error:
        raise BulkError(f"cannot look for {pattern}: {reason(error)}") from None
    return {file.path: file.size_in_bytes for file in matched.metadata_list}


def open_to_read(path: str) -> BinaryIO:
    """Return an open file; BulkError when it cannot be opened."""
    with reading(path):
        file: BinaryIO = FileSystems.open(path, compression_type=PLAIN)
    return file


@contextlib.contextmanager
def reading(path: str, *errors: type[Exception], form: str = "") -> Iterator[None]:
    """Turn what goes wrong while a file is read, in its file system or as `errors` of its form, into a BulkError."""
    try:
        yield
    except errors as error:
        raise BulkError(f"{path} cannot be read{form}: {' '.join(str(error).split())[:200]}") from None
    except (OSError, BeamIOError) as error:
        raise BulkError(f"cannot read {path}: {reason(error)}") from None


@contextlib.contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """Open a file to write; BulkError for whatever goes wrong with files in the block: what reads has its own."""
    try:
        with FileSystems.create(path, compression_type=PLAIN) as file:
            yield file
    except (OSError, BeamIOError) as error:
        raise BulkError(f"cannot write {path}: {reason(error)}") from None


def reason(error: Any) -> str:
    """Return what an error of a file system says, in few words."""
    return str(getattr(error, "strerror", None) or str(error).split(" with exceptions")[0])


def exists(path: str) -> bool:
    """Whether there is such a file."""
    with reading(path):
        return bool(FileSystems.exists(path))


def rename(path: str, other: str) -> None:
    """Give a file another name, even if there is one of that name."""
    try:
        os.replace(path, other) if is_local(path) else FileSystems.rename([path], [other])
    except (OSError, BeamIOError) as error:
        raise BulkError(f"cannot write {other}: {reason(error)}") from None


def check_new(folder: str) -> None:
    """Refuse a folder in which something lies: what is written there must all be of one run."""
    taken = os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder))
    if taken if is_local(folder) else sizes(folder + "/"):
        raise BulkError(f"{folder} already holds something; remove it, or name another folder by --out")


def move(beside: str, folder: str, names: Mapping[str, str]) -> None:
    """Make files of the folder beside the output the output, under other names: at once on this machine, else in order.

    What else lies there, of tries that failed, is left out.
    """
    try:
        if not is_local(folder):
            for name, final in names.items():
                FileSystems.rename([f"{beside}/{name}"], [f"{folder}/{final}"])
            return
        for name in set(os.listdir(beside)) - set(names):
            os.unlink(f"{beside}/{name}")
        for name, final in names.items():
            os.rename(f"{beside}/{name}", f"{beside}/{final}")
        os.replace(beside, folder)
    except (OSError, BeamIOError) as error:
        raise BulkError(f"cannot move {beside} to {folder}: {reason(error)}") from None


def remove(folder: str) -> None:
    """Remove a folder and what it holds, if it is there."""
    with contextlib.suppress(OSError, BeamIOError):
        if FileSystems.exists(folder if is_local(folder) else folder + "/"):
            FileSystems.delete([folder if is_local(folder) else folder + "/"])
