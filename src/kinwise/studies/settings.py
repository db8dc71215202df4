"""Values in a study file, as ``--set`` takes them: each checked by itself."""

from collections.abc import Mapping
from typing import Any

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.recipes import recipe


def settings_of(table: Any, where: str) -> dict[str, str]:
    """The texts of a table's values by key, each checked by itself.

    Raises:
        InputError: for an unknown key, a value that does not fit, or a key written in two ways.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: expected key = value lines, got {table!r}")
    found: dict[str, str] = {}
    for written, value in table.items():
        key = str(written).replace("-", "_")
        if key in found:
            raise InputError(f"{where}: {key} stands there twice")
        found[key] = setting(key, value)
    return found


def setting(key: str, value: Any) -> str:
    """A value as ``--set`` takes it, however it is written: ``[8, 8, 8]`` and ``"8,8,8"`` are the same.

    Raises:
        InputError: for an unknown key or a value that does not fit.
    """
    if key == "recipe":
        return recipe(str(value)).config.recipe
    text = value if isinstance(value, str) else Config.from_dict({key: value}).text_of(key)
    return Config().changed([f"{key}={text}"]).text_of(key)
