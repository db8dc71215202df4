"""The record of a run, config.json: its config, and with what, on what and by which command it ran."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.files import write_json

CONFIG = "config.json"
PARTIAL = ".partial"
"""What the name of a run's folder ends in until the run is complete."""


def config_of(record: dict[str, Any], folder: Path) -> Config:
    """The Config inside what config.json holds."""
    try:
        return Config.from_dict({"near_duplicates": "apart"} | record["config"])  # a run from before there was a choice
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / CONFIG} is damaged: it holds no config") from error


def command_line() -> str:
    """The command line of this process, as a person would type it."""
    return shlex.join(["kinwise", *sys.argv[1:]])


def write_record(folder: Path, config: Config, *, command: str, machine: str, seen: Mapping[str, str]) -> None:
    """Write config.json: everything needed to run it again, and with what and on what it ran.

    ``seen`` is what tells its pictures and their tree from others.
    """
    record = {
        "config": config.to_dict(),
        "command": command,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{machine}; {platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": {name: version(name) for name in ("kinwise", "torch", "numpy")}
        | {"python": platform.python_version()},
        "commit": _commit(),
        **seen,
    }
    write_json(folder / CONFIG, record)


def _commit() -> str | None:
    """The commit of kinwise's own source, with ``+`` where it has changes; None where it is no checkout."""
    git = shutil.which("git")
    here = Path(__file__).parent
    if git is None or not (here.parents[1] / ".git").exists():
        return None
    found = subprocess.run(
        [git, "describe", "--always", "--dirty=+", "--abbrev=12"], cwd=here, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
