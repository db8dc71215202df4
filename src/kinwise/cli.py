"""The command line: one dataclass per verb, one field per option. What a verb needs is imported when it runs."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional, UseAppendAction, arg, subcommand

from kinwise.errors import InputError

Device = Literal["auto", "cpu", "cuda", "mps"]
Split = Literal["official", "70:30", "80:20", "90:10"]
Values = Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(metavar="KEY=VALUE")]
Name = Annotated[str, arg(metavar="NAME")]
Folder = Annotated[Path, arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network, judge it on the test pictures and write a report.

    Examples:
      kinwise train shapes
      kinwise train cifar100 --recipe standard --seed 1 --out runs/standard-1
      kinwise train cifar100 --set loss=flat epochs=3 --split 80:20
      kinwise train --resume runs/standard-1.partial
      torchrun --nproc-per-node 2 -m kinwise train cifar100
    """

    data: Annotated[Positional[str], arg(metavar="DATA")] = ""
    """Which pictures: shapes (drawn by kinwise) or cifar100."""
    recipe: Name = "quick"
    """What to train: `kinwise recipes` lists them."""
    set: Values = ()
    """Change single values of the recipe; `kinwise recipes --json` shows all keys."""
    split: Split | None = None
    """The official parts, or all pictures merged and split again."""
    seed: int | None = None
    """Of everything drawn; the recipes have 0."""
    epochs: float | None = None
    """Passes over the training pictures."""
    device: Device | None = None
    """Where to compute; auto takes the fastest there is."""
    out: Folder | None = None
    """The run folder to write; it must not exist yet. Default: a new one under runs/."""
    data_dir: Folder | None = None
    """Where data sets are kept. Default: $KINWISE_DATA, or the platform's cache folder."""
    resume: Folder | None = None
    """Go on with this unfinished run; all else comes from it."""


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Judge a run's saved predictions again, by another rule or under another tree; instant.

    Examples:
      kinwise evaluate runs/standard-1
      kinwise evaluate runs/standard-1 --decision top-down --hierarchy cifar100-5level
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder."""
    decision: Annotated[str, arg(metavar="RULE")] = "argmax"
    """How probabilities become answers: argmax, independent, bottom-up or top-down."""
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE")] = None
    """Judge under another tree: cifar100, cifar100-5level, or a file."""
    data: Annotated[str | None, arg(metavar="DATA")] = None
    """Run the network on the test pictures of this data set instead of taking the saved predictions."""
    data_dir: Folder | None = None
    """Where data sets are kept, for --data."""
    json: bool = False
    """Print scores.json instead of a table."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Judge predictions made by any framework, from an npz, CSV or parquet file, and write a report.

    Example:
      kinwise score predictions.npz --hierarchy cifar100 --report report.html
    """

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """Probabilities and labels of some pictures."""
    hierarchy: Annotated[str, arg(metavar="NAME|FILE")]
    """The tree: cifar100, cifar100-5level, or a file (nested JSON, a table of levels, parent-child pairs)."""
    decision: Annotated[str, arg(metavar="RULE")] = "argmax"
    """How probabilities become answers: argmax, independent, bottom-up or top-down."""
    report: Annotated[Path | None, arg(metavar="HTML")] = None
    """Where to write the report. Default: the name of FILE with .html."""
    json: bool = False
    """Print scores.json instead of a table."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write the report of one or more runs again.

    Example:
      kinwise report runs/standard-1 runs/standard-2
    """

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN")]
    """Run folders."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Describe and check a data set and its tree.

    Example:
      kinwise data cifar100 --split 80:20
    """

    data: Annotated[Positional[str], arg(metavar="DATA")]
    """shapes or cifar100."""
    split: Split = "official"
    """The official parts, or all pictures merged and split again."""
    seed: int = 0
    """Of the split, and of the shapes."""
    data_dir: Folder | None = None
    """Where data sets are kept. Default: $KINWISE_DATA, or the platform's cache folder."""
    json: bool = False
    """Print one JSON object instead of text."""


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """List the recipes: what each is for, its source, expected score and cost.

    Example:
      kinwise recipes --json
    """

    json: bool = False
    """Print every value of every recipe as JSON."""


Verb = (
    Annotated[Train, subcommand("train")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Score, subcommand("score")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Data, subcommand("data")]
    | Annotated[Recipes, subcommand("recipes")]
)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 2 the user's input is wrong, 1 a fault of ours."""
    verb: Any = tyro.cli(
        Verb,
        prog="kinwise",
        description="Train image classifiers whose mistakes stay in the family, judge them, and show what they do.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    from kinwise import commands

    try:
        commands.RUN[type(verb)](verb)
    except InputError as error:
        print(f"kinwise: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output, `head` for example, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
