"""What a study file says under [judge]: decision rules, trees, and the baseline that others are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES
from kinwise.studies.settings import setting
from kinwise.taxonomy import find

KEYS = ("decisions", "hierarchies", "baseline")
PLAIN = "argmax"
"""The rule where none is named, and that of the baseline."""
ALL = "all"
OWN = ""
"""The name of the tree that each run was trained on."""
VARIANT = "variant"
"""The axis of all variants together, by their names."""
BASELINE_AXES = ("loss", VARIANT)
"""Where a baseline is looked for that is one word."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How every run of a study is judged.

    Attributes:
        decisions: the decision rules.
        trees: by their names; none: each run by the tree it was trained on.
        baseline: the value on some axes of the runs that the others are held against, answering by argmax; on other
            axes the baseline of a run is where the run itself is. Empty: there is none.
    """

    decisions: tuple[str, ...] = (PLAIN,)
    trees: dict[str, Hierarchy]
    baseline: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the trees; ``OWN`` where none is named."""
        return tuple(self.trees) or (OWN,)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Every decision rule with every tree."""
        return tuple((decision, name) for decision in self.decisions for name in self.names)

    def to_dict(self) -> dict[str, Any]:
        """As the file has it."""
        return {"decisions": list(self.decisions), "hierarchies": list(self.trees), "baseline": self.baseline}


def read_judging(table: Any, axes: Mapping[str, Sequence[str]]) -> Judging:
    """What the section [judge] says.

    ``decisions`` is a list of rules or "all", argmax unless given; ``hierarchies`` a list of trees, that of each run
    unless given; ``baseline`` the value on the axis loss, or the name of a variant, or a mapping axis -> value.

    Args:
        table: the section.
        axes: the values on every axis of the study, as text.

    Raises:
        InputError: for an unknown key, rule or tree, or a baseline that is not on the axes.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"[judge]: expected key = value lines, got {table!r}")
    for key in table:
        if key not in KEYS:
            raise InputError(f"[judge]: unknown key {key!r}{_hint(key, KEYS)} There are: {', '.join(KEYS)}")
    decisions = _decisions(table.get("decisions", [PLAIN]))
    trees = (
        {name: _tree(name) for name in _texts("hierarchies", table["hierarchies"])} if "hierarchies" in table else {}
    )
    baseline = _baseline(table["baseline"], axes) if "baseline" in table else {}
    if baseline and PLAIN not in decisions:
        raise InputError(f"[judge] baseline: it answers by {PLAIN}; add {PLAIN} to decisions")
    return Judging(decisions=decisions, trees=trees, baseline=baseline)


def _decisions(value: Any) -> tuple[str, ...]:
    names = _texts("decisions", value)
    if names == (ALL,):
        return tuple(RULES)
    for name in names:
        if name not in RULES:
            known = (*RULES, ALL)
            raise InputError(
                f"[judge] decisions: there is no rule {name!r}{_hint(name, known)} There are: {', '.join(RULES)}; "
                f"or {ALL!r} alone"
            )
    return names


def _tree(name: str) -> Hierarchy:
    try:
        return find(name)
    except InputError as error:
        raise InputError(f"[judge] hierarchies: {error}") from error


def _texts(key: str, value: Any) -> tuple[str, ...]:
    """A list of different texts, or one alone."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(text and isinstance(text, str) for text in texts):
        raise InputError(f"[judge] {key}: expected a list of names, got {value!r}")
    twice = [text for place, text in enumerate(texts) if text in texts[:place]]
    if twice:
        raise InputError(f"[judge] {key}: {twice[0]} stands there twice")
    return tuple(texts)


def _baseline(value: Any, axes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    if isinstance(value, str):
        for axis in BASELINE_AXES:
            if value in axes.get(axis, ()):
                return {axis: value}
        known = [text for axis in BASELINE_AXES for text in axes.get(axis, ())]
        told = f"{_hint(value, known)} There are: {', '.join(known)}" if known else "; write {axis = value}"
        raise InputError(f"[judge] baseline: no loss and no variant of this study is called {value!r}{told}")
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"[judge] baseline: expected a loss, a variant, or {{axis = value}}, got {value!r}")
    return dict(_on_axis(str(axis).replace("-", "_"), text, axes) for axis, text in value.items())


def _on_axis(axis: str, value: Any, axes: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The axis and its value as the study writes it, whichever of TOML's kinds it is in the file."""
    known = [name for name in axes if name != "seed"]
    if axis not in known:
        raise InputError(
            f"[judge] baseline: no axis {axis!r} to compare on{_hint(axis, known)} There are: {', '.join(known)}"
        )
    text = str(value) if axis == VARIANT else _written(axis, value)
    if text in axes[axis]:
        return axis, text
    raise InputError(f"[judge] baseline: {value!r} is not on the axis {axis}; there are: {', '.join(axes[axis])}")


def _written(key: str, value: Any) -> str:
    """A value as the study writes it; what does not fit the key is no value of it, and stays as it is."""
    try:
        return setting(key, value)
    except InputError:
        return str(value)


def _hint(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else "."
