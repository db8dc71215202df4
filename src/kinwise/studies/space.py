"""What a search file says: which values are looked for, within what, and what makes one better than another."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.scores import MEASURES
from kinwise.studies.plan import Source, read_file
from kinwise.studies.settings import setting, settings_of

SECTIONS = ("search", "set")
OBJECTIVE, VALIDATION = "accuracy", "0.1"
NOT_SEARCHED = ("data", "split", "validation", "seed")  # they change what trials are judged on
NO_OBJECTIVES = ("mistakes", "calibrated_error")  # a count, and what takes pictures beside those that are judged
NEVER_FALLS = "severity_factors"  # a worse mistake does not weigh less


class Asker(Protocol):
    """What draws values and remembers them by name: an Optuna trial."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number from ``low`` to ``high``."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number from ``low`` to ``high``."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of ``choices``."""


Draw = Callable[[Asker], str]


@dataclass(frozen=True, kw_only=True)
class Space:
    """What a search looks for.

    Attributes:
        name: of the search: its file's, without the ending.
        source: the file; messages begin with it.
        objective: the figure that makes a trial better, a key of ``MEASURES``; of level figures the finest level's.
        fixed: what is the same for all trials, as ``--set`` takes it.
        wanted: what is looked for, as in the file: a range, a list of choices, or a list with a range for each entry.
    """

    name: str
    source: str
    objective: str
    fixed: dict[str, str]
    wanted: dict[str, Any]

    @property
    def better(self) -> str:
        """Which way the objective is better: "higher" or "lower"."""
        return MEASURES[self.objective].better

    def draws(self, tree: Hierarchy) -> dict[str, Draw]:
        """For every key that is looked for a function that draws its value, as ``--set`` takes it.

        Raises:
            InputError: for an unknown key, or a range or choice that does not fit it.
        """
        return {key: _draw(key, value, tree) for key, value in self.wanted.items()}


def read_space(source: Source) -> Space:
    """The search in a TOML file, or in a mapping of the same shape.

    ``[set]`` holds what is the same for all trials; ``validation`` is 0.1 unless it stands there. ``[search]`` holds
    ``objective``, a figure (accuracy unless given), and for each key that is looked for a range ``{low = 0.01, high =
    0.3, log = true}`` or a list of choices. Of a key with several entries each is drawn by itself: a range counts for
    all, a list may have a range or a number for each.

    Raises:
        InputError: when the file cannot be read, or for an unknown key or objective. The message names the file.
    """
    name, where, data = read_file(source, SECTIONS)
    try:
        fixed = {"validation": VALIDATION, **settings_of(data.get("set", {}), "[set]")}
        table = data.get("search", {})
        if not isinstance(table, Mapping):
            raise InputError(f"[search]: expected key = range lines, got {table!r}")
        wanted = {str(key).replace("-", "_"): value for key, value in table.items()}
        objective = wanted.pop("objective", OBJECTIVE)
        _check(objective, wanted, fixed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return Space(name=name, source=where, objective=objective, fixed=fixed, wanted=wanted)


def _check(objective: object, wanted: Mapping[str, Any], fixed: Mapping[str, str]) -> None:
    known = [key for key in MEASURES if key not in NO_OBJECTIVES]
    if objective not in known:
        raise InputError(f"unknown objective {objective!r}; there are {', '.join(known)}")
    if not wanted:
        raise InputError("nothing to look for: [search] holds no key")
    if not float(fixed["validation"]):
        raise InputError("validation must be above 0: trials are judged on pictures held out, never on test pictures")
    for key in wanted:
        if key in fixed and key != "validation":
            raise InputError(f"{key} stands in [set] and in [search]; it can have one place only")
        if key in NOT_SEARCHED:
            raise InputError(f"{key} cannot be looked for: it changes the pictures that trials are judged on")


# --- drawing --------------------------------------------------------------------------------------------------------


def _draw(key: str, spec: Any, tree: Hierarchy) -> Draw:
    kind = {field.name: field.type for field in fields(Config)}.get(key)
    if isinstance(spec, list) and not any(isinstance(item, Mapping) for item in spec):
        choices = [setting(key, value) for value in spec]
        if len(set(choices)) < max(2, len(choices)):
            raise InputError(f"{key}: expected two different choices at least, got {spec!r}")
        return lambda ask: ask.suggest_categorical(key, choices)
    if typing.get_origin(kind) is tuple and key != "resolutions":
        return _draw_entries(key, spec if isinstance(spec, list) else [spec] * _entries(key, tree))
    if kind not in (int, float):
        setting(key, spec)  # an unknown key has its own message
        raise InputError(f"{key}: expected a list of choices, got {spec!r}")
    low, high, log = _range(key, spec)
    for end in (low, high):
        setting(key, int(end) if kind is int else end)
    if kind is int:
        return lambda ask: str(ask.suggest_int(key, int(low), int(high), log=log))
    return lambda ask: _text(ask.suggest_float(key, low, high, log=log))


def _draw_entries(key: str, specs: Sequence[Any]) -> Draw:
    """One number for each entry, named ``key.0``, ``key.1``, ...; those of severity factors never fall."""
    ranges = [_range(key, spec) if isinstance(spec, Mapping) else (spec, spec, False) for spec in specs]
    lows, highs = [low for low, _, _ in ranges], [high for _, high, _ in ranges]
    for ends in (lows, highs):
        setting(key, ends)
    if key == NEVER_FALLS and highs != sorted(highs):
        raise InputError(f"{key}: expected upper ends that do not fall, got {highs}")

    def draw(ask: Asker) -> str:
        drawn: list[float] = []
        for index, (low, high, log) in enumerate(ranges):
            least = max(low, drawn[-1]) if key == NEVER_FALLS and drawn else low
            drawn.append(high if least >= high else ask.suggest_float(f"{key}.{index}", least, high, log=log))
        return ",".join(map(_text, drawn))

    return draw


def _text(number: float) -> str:
    """The number to four figures; more are beyond what trials can tell apart."""
    return f"{number:.4g}"


def _entries(key: str, tree: Hierarchy) -> int:
    known = {"level_weights": len(tree.levels), NEVER_FALLS: int(tree.distances.max()) + 1}
    if key not in known:
        raise InputError(f"{key}: expected a list with a range or a number for each entry")
    return known[key]


def _range(key: str, spec: Any) -> tuple[float, float, bool]:
    """The ends of a range and whether it is logarithmic."""
    shape = f"{key}: expected a range such as {{low = 0.01, high = 0.3, log = true}} or a list of choices, got {spec!r}"
    if not isinstance(spec, Mapping) or not {"low", "high"} <= spec.keys() <= {"low", "high", "log"}:
        raise InputError(shape)
    low, high, log = spec["low"], spec["high"], spec.get("log", False)
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise InputError(shape)
    if not isinstance(log, bool) or not low < high or (log and low <= 0):
        raise InputError(f"{key}: expected low below high, and above 0 with log = true, got {dict(spec)!r}")
    return low, high, log
