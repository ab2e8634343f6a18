"""The file that a backup is: a zip of the database's copy, and a manifest of what it holds.

The manifest comes last, and the index of a zip after that, so a file that was cut short is none. It
appears under its name only when it is whole and on disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST, DATA = "manifest.json", "database"
CHUNK_BYTES = 1 << 20
DAMAGED = "{} is damaged or cut short: {}. Nothing was changed."

Report = Callable[[int], None]
"""Told how many bytes more are done."""
Stage = Callable[[str, int | None], Report]
"""Told what begins, and of how many bytes where that is known; tells to whom to report."""
Migrations = tuple[tuple[str, str], ...]
"""App and name of each that was applied."""


class BackupRefused(Exception):
    """It cannot be made or restored; one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    version: str
    """Of the program that made it."""
    created_at: str
    """ISO-8601, UTC."""
    database: str
    """`sqlite` or `postgresql`."""
    server: str
    """The database's version."""
    migrations: Migrations
    rows: Mapping[str, int]
    """Of each table."""
    bytes: int
    """Of the copy."""
    sha256: str
    """Of the copy."""
    format: int = FORMAT

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())


class Copy:
    """The copy as it is written."""

    def __init__(self, out: Any, report: Report) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self._report = report
        self.bytes = 0

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)
        self._hash.update(chunk)
        self.bytes += len(chunk)
        self._report(len(chunk))

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Archive:
    """A backup that is being made."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    @contextmanager
    def copy(self, *, compress: bool, report: Report) -> Iterator[Copy]:
        """Takes the database's copy, piece by piece."""
        entry = zipfile.ZipInfo(DATA)
        entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._file.open(entry, "w", force_zip64=True) as out:
            yield Copy(out, report)

    def finish(self, manifest: Manifest) -> None:
        self._file.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))


@contextmanager
def new_archive(file: Path) -> Iterator[Archive]:
    """A backup that will be at `file`, for its owner's eyes; nothing, if it fails. Raises
    `BackupRefused` where there is something already."""
    if file.exists():
        raise BackupRefused(f"{file} is there already. Name another file.")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise BackupRefused(f"{file.parent} cannot be written to: {error.strerror}.") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            with zipfile.ZipFile(out, "w") as zipped:
                yield Archive(zipped)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself. Raises `BackupRefused`."""
    try:
        with zipfile.ZipFile(file) as zipped:
            said = json.loads(zipped.read(MANIFEST))
        if said["format"] > FORMAT:
            raise BackupRefused(
                f"{file} was made by Aragora {said['version']}, and this one cannot read it. "
                "Restore it with that version."
            )
        return Manifest(**said | {"migrations": tuple(map(tuple, said["migrations"]))})
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, EOFError) as error:
        raise BackupRefused(DAMAGED.format(file, "it is no whole backup")) from error


def verify(file: Path, manifest: Manifest, *, report: Report) -> None:
    """Read all of the copy and compare it with the manifest. Raises `BackupRefused`."""
    found, length = hashlib.sha256(), 0
    for chunk in read_copy(file):
        found.update(chunk)
        length += len(chunk)
        report(len(chunk))
    if (found.hexdigest(), length) != (manifest.sha256, manifest.bytes):
        raise BackupRefused(DAMAGED.format(file, "its checksum is another one"))


def read_copy(file: Path) -> Iterator[bytes]:
    """The copy, piece by piece. Raises `BackupRefused`."""
    try:
        with zipfile.ZipFile(file) as zipped, zipped.open(DATA) as copy:
            while chunk := copy.read(CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError) as error:
        raise BackupRefused(DAMAGED.format(file, str(error) or type(error).__name__)) from error
