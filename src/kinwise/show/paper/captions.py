"""Captions: what a figure shows, of how many pictures, with the intervals; in Markdown."""

import re
from collections.abc import Sequence

from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores, not_comparable
from kinwise.show.glossary import interval, value
from kinwise.show.paper.style import Drawing, label

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>&$#|~!])")


def captions_text(drawings: Sequence[Drawing]) -> str:
    """All captions, one paragraph each, under the name of the figure's files."""
    return "\n\n".join(["# Captions", *(f"## {one.name}\n{one.caption}" for one in drawings)]) + "\n"


def plain(name: str) -> str:
    """A name that Markdown shows literally."""
    return _SPECIAL.sub(r"\\\1", label(name))


def judged(predictions: Predictions, scores: Scores) -> str:
    """Which pictures a figure is about, and what gave the answers; a warning where it is not the official split."""
    source = f" of {plain(predictions.source)}" if predictions.source else ""
    told = f"n = {scores.n:,} test pictures{source}; decision rule {scores.decision}; split {plain(scores.split)}."
    return told if scores.comparable else f"{told} {plain(not_comparable(scores.split))}."


def per_level(scores: Scores, key: str) -> str:
    """A figure of each level with its interval: "class 71.56 % (70.70 to 72.44 %), ..."; empty where none is known."""
    known = [(name, scores.level[name][key]) for name in scores.levels if key in scores.level[name]]
    return ", ".join(f"{plain(name)} {value(key, figure)} ({interval(key, figure)})" for name, figure in known)
