"""What a study file says: every combination of its axes is a run. All of it is checked before anything is trained."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.recipes import recipe
from kinwise.studies.judging import VARIANT, Judging, read_judging
from kinwise.studies.settings import setting, settings_of

SECTIONS = ("axes", "set", "variants", "judge")
LONGEST_NAME = 120

Source = Path | str | Mapping[str, Any]
Choice = tuple[str, dict[str, str]]
"""A value of an axis: how it is written, and what it sets, key by value, as ``--set`` takes them."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One run of a study.

    Attributes:
        name: of its folder; tells its place and no other's.
        place: its value on every axis, as text.
        settings: every value that the study gives, as ``--set`` takes them; all others are the recipe's.
    """

    name: str
    place: dict[str, str]
    settings: dict[str, str]

    @property
    def recipe(self) -> str:
        """The recipe that the other values come from."""
        return self.settings.get("recipe", Config().recipe)

    @property
    def data(self) -> str:
        """The name of the data set; empty where the study names none."""
        return self.settings.get("data", "")

    @property
    def split(self) -> str:
        """The name of the split."""
        return self.settings.get("split", recipe(self.recipe).config.split)

    @property
    def tree(self) -> str:
        """The name of the tree; empty: the one that the pictures come with."""
        return self.settings.get("hierarchy", "")

    @property
    def changes(self) -> tuple[str, ...]:
        """``key=value`` texts that make the recipe this run's config."""
        return tuple(f"{key}={text}" for key, text in self.settings.items() if key != "recipe")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All runs of a study.

    Attributes:
        name: of the study: its file's, without the ending.
        source: the file, or "the study" where it came from Python; messages begin with it.
        axes: the names of the axes, as in the file.
        fixed: what is the same for all runs.
        runs: every combination; the last axis changes fastest.
        judging: by which rules and trees all runs are judged; None: as they were when they were trained.
    """

    name: str
    source: str
    axes: tuple[str, ...]
    fixed: dict[str, str]
    runs: tuple[Planned, ...]
    judging: Judging | None = None


def read_plan(source: Source) -> Plan:
    """The plan in a TOML file, or in a mapping of the same shape.

    ``[axes]`` holds a list of values, or a single one, for any keys of the config; ``[set]`` holds what is the same for
    all runs; each ``[[variants]]`` sets several keys at once under a ``name``, and all variants together are one more
    axis. A key stands in one place only. ``[judge]`` says by which rules and trees runs are judged: ``read_judging``.

    Raises:
        InputError: when the file cannot be read, or for an unknown key, a value that does not fit, an empty axis, or
            two runs that are the same. The message names the file.
    """
    name, where, data = read_file(source, SECTIONS)
    try:
        fixed, axes = settings_of(data.get("set", {}), "[set]"), _axes(data)
        _require_one_place({"[set]": [("", fixed)], **{f"axis {axis}": choices for axis, choices in axes.items()}})
        runs = tuple(_planned(dict(zip(axes, choices, strict=True)), fixed) for choices in product(*axes.values()))
        _require_different(runs)
        texts = {axis: [text for text, _ in choices] for axis, choices in axes.items()}
        judging = read_judging(data["judge"], texts) if "judge" in data else None
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return Plan(name=name, source=where, axes=tuple(axes), fixed=fixed, runs=runs, judging=judging)


def read_file(source: Source, sections: Sequence[str]) -> tuple[str, str, dict[str, Any]]:
    """The name, the place and the contents of a TOML file with these ``sections``; a mapping is taken as it is.

    Raises:
        InputError: when there is no such file, or it is damaged (with the line), or has other sections.
    """
    if isinstance(source, Mapping):
        name, where, data = "study", "the study", dict(source)
    else:
        path = Path(source)
        name, where, data = path.stem, str(path), _toml(path)
    for section in data:
        if section not in sections:
            close = get_close_matches(section, sections, n=1)
            hint = f"; did you mean {close[0]}?" if close else ";"
            raise InputError(f"{where}: unknown section {section!r}{hint} There are: {', '.join(sections)}")
    return name, where, data


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {error}") from error


# --- axes -----------------------------------------------------------------------------------------------------------


def _axes(data: Mapping[str, Any]) -> dict[str, list[Choice]]:
    table = data.get("axes", {})
    if not isinstance(table, Mapping):
        raise InputError(f"[axes]: expected key = [value, ...] lines, got {table!r}")
    axes: dict[str, list[Choice]] = {}
    for written, values in table.items():
        key = str(written).replace("-", "_")
        values = values if isinstance(values, list) else [values]
        if not values:
            raise InputError(f"axis {key} is empty; give it a value, or remove it")
        texts = [setting(key, value) for value in values]
        axes[key] = [(text, {key: text}) for text in _once(texts, f"axis {key}")]
    if "variants" in data:
        axes[VARIANT] = _variants(data["variants"])
    return axes


def _variants(tables: Any) -> list[Choice]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        raise InputError("variants: expected [[variants]] tables, each with a name and the keys it sets")
    names = _once([str(table.get("name", "")) for table in tables], "variants")
    if "" in names:
        raise InputError("variants: every one needs a name")
    choices = []
    for name, table in zip(names, tables, strict=True):
        keys = {key: value for key, value in table.items() if key != "name"}
        choices.append((name, settings_of(keys, f"variant {name!r}")))
    return choices


def _once(texts: list[str], where: str) -> list[str]:
    twice = [text for index, text in enumerate(texts) if text in texts[:index]]
    if twice:
        raise InputError(f"{where}: {twice[0] or 'no name'} stands there twice")
    return texts


def _require_one_place(places: Mapping[str, Sequence[Choice]]) -> None:
    seen: dict[str, str] = {}
    for place, choices in places.items():
        for key in {key: None for _, settings in choices for key in settings}:
            if key in seen:
                raise InputError(f"{key} stands in {seen[key]} and in {place}; it can have one place only")
            seen[key] = place


def _planned(choices: Mapping[str, Choice], fixed: Mapping[str, str]) -> Planned:
    place = {axis: text for axis, (text, _) in choices.items()}
    settings = dict(fixed)
    for _, changes in choices.values():
        settings |= changes
    return Planned(name=_folder_name(place), place=place, settings=settings)


def _folder_name(place: Mapping[str, str]) -> str:
    """A name that any file system takes: ``split=70-30,seed=0``; where signs had to go, a digest keeps it unique."""
    text = ",".join(f"{axis}={value}" for axis, value in place.items()).replace(":", "-") or "run"
    plain = re.sub(r"[^\w.,=+-]", "-", text)
    if plain == text and len(text) <= LONGEST_NAME and not text.endswith((".", ".partial")):
        return text
    return f"{plain[: LONGEST_NAME - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _require_different(runs: Sequence[Planned]) -> None:
    seen: dict[frozenset[tuple[str, str]], str] = {}
    for run in runs:
        same = seen.setdefault(frozenset(run.settings.items()), run.name)
        if same != run.name:
            raise InputError(f"the runs {same} and {run.name} are the same; remove one")
