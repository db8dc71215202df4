"""Known files: which content each picture file had when it was last read, so that the next start only asks the system.

A file counts as unchanged while its size and the time of its last change stay the same, as for make and rsync.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kinwise.data.folder.reading import Unreadable, look_at
from kinwise.files import write_text

_VERSION = 1
_STILL_CHANGING = 2_000_000_000  # nanoseconds: a file changed so shortly before it was read may change again unnoticed


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A file as it was when it was read.

    Attributes:
        size: in bytes.
        changed: when it was last changed, in nanoseconds.
        digest: the SHA-256 of what it held.
    """

    size: int
    changed: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What is known of some files without opening them, each by its place among them.

    Attributes:
        digests: the SHA-256 of those that are as they were when they were read.
        reasons: why others cannot be read.
        unknown: the places of those that have to be read.
    """

    digests: dict[int, bytes]
    reasons: dict[int, str]
    unknown: list[int]


def index_path(files: Sequence[str], folder: Path) -> Path:
    """Where what is known of ``files`` is kept: one index for each folder that holds data."""
    try:
        common = os.path.commonpath([os.path.dirname(file) for file in files]) if files else ""
    except ValueError:  # on several drives
        common = ""
    return folder / f"files-{sha256(os.fsencode(common)).hexdigest()[:20]}.json"


def read_index(path: Path) -> dict[str, Known]:
    """What ``write_index`` wrote; nothing where there is no such file, or it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(path.read_text("utf-8"))
        if found["version"] == _VERSION:
            return {
                file: Known(size=int(size), changed=int(changed), digest=bytes.fromhex(digest))
                for file, (size, changed, digest) in found["files"].items()
            }
    return {}


def write_index(path: Path, known: Mapping[str, Known]) -> None:
    """Keep what is known of files.

    Raises:
        WriteError: when the system does not allow it.
    """
    files = {file: (one.size, one.changed, one.digest.hex()) for file, one in known.items()}
    write_text(path, json.dumps({"version": _VERSION, "files": files}))


def look(files: Sequence[str], known: Mapping[str, Known]) -> Looked:
    """Ask the system about every file, and see which are as they were."""
    looked = Looked(digests={}, reasons={}, unknown=[])
    for place, file in enumerate(files):
        try:
            found = look_at(file)
        except Unreadable as reason:
            looked.reasons[place] = str(reason)
            continue
        before = known.get(file)
        if not os.access(file, os.R_OK):
            looked.reasons[place] = "no permission to read it"
        elif before and (before.size, before.changed) == (found.st_size, found.st_mtime_ns):
            looked.digests[place] = before.digest
        else:
            looked.unknown.append(place)
    return looked


def settled(found: os.stat_result) -> bool:
    """Whether a file has not been changed for so long that another change would be seen by its time."""
    return found.st_mtime_ns < time.time_ns() - _STILL_CHANGING
