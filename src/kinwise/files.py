"""Files: read with one message when something is wrong, written whole or not at all.

Every file is written under a temporary name first, so a full disk or a power cut never leaves half a file, nor harms
the one that was there before.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from kinwise.errors import InputError


class WriteError(InputError):
    """The system does not let a file be written: no room, no permission, something else in its place."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: when it is missing or damaged.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error})") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged: expected an object")
    return data


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(data, indent=1) + "\n")


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file under a temporary name, then give it its own: whole, or what was there stays.

    What is no plain file, a pipe for example, is written to directly. The file gets the permissions of any new file.
    """
    with writing(path):
        path = path.resolve()
        if path.exists() and not path.is_file():
            write(path)
            return
        temporary = path.with_name(path.name + ".new")
        try:
            temporary.touch()
            permissions = temporary.stat().st_mode
            write(temporary)
            temporary.chmod(permissions)
            _to_disk(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Wait until the file's contents are on the disk, so that a power cut after its renaming finds them there."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about writing to ``path`` into one message: no permission, full disk, and so on."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        room = _free_space(path) if "space" in reason or "quota" in reason else ""
        raise WriteError(f"cannot write {path}: {reason}{room}") from error


def _free_space(path: Path) -> str:
    for folder in (path, *path.parents):
        if folder.is_dir():
            return f" ({shutil.disk_usage(folder).free / 2**20:,.0f} MiB free there)"
    return ""
