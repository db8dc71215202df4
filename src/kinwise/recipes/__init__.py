"""Recipes: named configs, one file each, with their source, what to expect of them, and what they cost."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from kinwise.config import CALIBRATED_FROM, Config
from kinwise.errors import InputError

OURS = ("quick", "standard", "thorough")
REFERENCE_SYSTEMS = (
    "dense-trunk",
    "dense-trunk-severity",
    "weighted-heads",
    "weighted-heads-severity",
    "double-conv",
    "double-conv-severity",
    "resnet9",
    "smoothed-cnn",
    "smoothed-cnn-augmented",
)
NAMES = (*OURS, *REFERENCE_SYSTEMS)
SMALLEST_BATCH, STEPS_PER_EPOCH, STEPS = 64, 30, 250
FEW_STEPS, HASTE = 500, 2.0
HELD_OUT, MOST_HELD_OUT = 500, 0.1
"""Of few pictures a larger share is held out to calibrate on: so many, but no larger share than this."""
SMALLEST_SIDE, USUAL_SIDE, MOST_TRANSLATE = 16, 32, 16
"""Height and width of pictures, in pixels: the least that networks take, and what the resolutions of a recipe mean."""

OWN_PICTURES = ("validation=0.15", "logit_adjustment=validation")
"""What a recipe changes for somebody's own picture files: some held out, for what is chosen and promised by them."""

SCALED = ("resolutions", "translate")
FITTED = (*SCALED, "epochs", "batch", "validation", "learning_rate", "other_learning_rate", "logit_adjustment")
"""What follows from the side of the pictures, and what from their number too where a recipe is fitted to it."""

OWN_SEEN, OWN_EPOCHS = 11_000, 60.0
"""Own pictures are few: for each epoch of the recipe a training sees so many of them, in up to so many epochs."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named config with what is known about it.

    Attributes:
        config: every value.
        summary: what it is for, in one line.
        source: where it comes from.
        expected: measured figures on CIFAR-100's official split, for people.
        cost: measured time and machine, for people.
        fitted: whether the config is fitted to the number of pictures; a reference system is run as it is.
    """

    config: Config
    summary: str
    source: str
    expected: str
    cost: str
    fitted: bool = True

    def config_for(self, pictures: int, *, side: int = USUAL_SIDE, own: bool = False) -> Config:
        """The config for a training part of so many ``pictures``.

        Few pictures make few steps, and few steps teach little whatever the pictures: the batch is halved until an
        epoch has 30 steps (but not below 64 pictures), and epochs are added until there are 250 steps. A training of
        fewer than 500 steps takes larger ones: both learning rates are doubled. To calibrate on, 500 pictures are held
        out where the recipe's share is less, but at most a tenth; and none where these would be too few for it.

        A recipe that is not fitted is only scaled to the side of the pictures.

        Args:
            pictures: how many are learnt from.
            side: their height and width, in pixels; the resolutions and shifts of the recipe are scaled from 32 to it.
            own: whether they are somebody's own picture files: ``OWN_PICTURES`` is changed, and epochs are added.
        """
        if not self.fitted:
            return self._scaled_to(side)
        return self._own(pictures, side) if own else self._fitted_to(pictures, side)

    def _scaled_to(self, side: int) -> Config:
        return replace(
            self.config,
            resolutions=tuple((_scaled(size, side), share) for size, share in self.config.resolutions),
            translate=min(MOST_TRANSLATE, round(self.config.translate * side / USUAL_SIDE)),
        )

    def _own(self, pictures: int, side: int) -> Config:
        fitted = self._fitted_to(pictures, side).changed(OWN_PICTURES)
        epochs = min(OWN_EPOCHS, self.config.epochs * OWN_SEEN / max(1, pictures))
        return replace(fitted, epochs=round(max(fitted.epochs, epochs), 2))

    def _fitted_to(self, pictures: int, side: int) -> Config:
        batch = self.config.batch
        while batch > SMALLEST_BATCH and pictures // batch < STEPS_PER_EPOCH:
            batch //= 2
        steps_per_epoch = max(1, pictures // batch)
        epochs = max(self.config.epochs, STEPS / steps_per_epoch)
        haste = HASTE if epochs * steps_per_epoch < FEW_STEPS else 1.0
        return replace(
            self._scaled_to(side),
            batch=batch,
            epochs=round(epochs, 2),
            validation=self._held_out_of(pictures),
            learning_rate=self.config.learning_rate * haste,
            other_learning_rate=self.config.other_learning_rate * haste,
        )

    def _held_out_of(self, pictures: int) -> float:
        share = max(self.config.validation, min(MOST_HELD_OUT, HELD_OUT / max(1, pictures)))
        return round(share, 4) if share * pictures >= CALIBRATED_FROM else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        about = {"summary": self.summary, "source": self.source, "expected": self.expected, "cost": self.cost}
        return {"name": self.config.recipe, **about, "config": self.config.to_dict()}


def _scaled(size: int, side: int) -> int:
    """The resolution ``size`` of a recipe for pictures of another side than 32 pixels."""
    return max(SMALLEST_SIDE, round(size * side / USUAL_SIDE))


def recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        InputError: when there is none; the closest name is given.
    """
    if name not in NAMES:
        close = get_close_matches(name, NAMES, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"unknown recipe {name!r}.{hint} There are: {', '.join(NAMES)}")
    return recipes()[name]


@lru_cache
def recipes() -> Mapping[str, Recipe]:
    """All recipes, by name."""
    return {name: import_module(f"kinwise.recipes.{name.replace('-', '_')}").RECIPE for name in NAMES}


def command_of(config: Config, out: Path | str | None = None) -> str:
    """The command line that trains ``config`` and writes the run folder ``out``, whatever the pictures are.

    What the recipe would fit to them is always said; of the rest, what differs from the recipe.
    """
    name = config.recipe if config.recipe in NAMES else NAMES[0]
    base = recipe(name).config.to_dict()
    fitted = FITTED if recipe(name).fitted else SCALED
    words = ["kinwise", "train", config.data, "--recipe", name, "--seed", str(config.seed)]
    for key, value in config.to_dict().items():
        if key in fitted or (key not in ("recipe", "data", "seed") and value != base[key]):
            words += ["--set", f"{key}={config.text_of(key)}"]
    return shlex.join(words + (["--out", str(out)] if out else []))
