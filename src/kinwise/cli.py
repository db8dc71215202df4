"""The command line: one dataclass per verb, one field per option. What a verb needs is imported when it runs."""

import errno
import inspect
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, Union

import tyro
from tyro.conf import Positional, arg, subcommand

from kinwise.errors import InputError
from kinwise.options import DataFolder, Flag, Values, of_recipe
from kinwise.using import Export, Predict

SPLITS = "official|70:30|80:20|90:10"
STOPPED = 130  # what a shell reports for a program that Ctrl-C ended


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network, judge it on the test pictures and write a report.

    Examples:
      kinwise train shapes
      kinwise train cifar100 --recipe standard --seed 1 --out runs/standard-1
      kinwise train cifar100 --set loss=flat epochs=3 --split 80:20
      kinwise train photos/ --hierarchy taxonomy.json
      kinwise train --resume runs/standard-1.partial
      torchrun --nproc-per-node 2 -m kinwise train cifar100
    """

    data: Annotated[Positional[str], arg(metavar="DATA", help_behavior_hint="(needed without --resume)")] = ""
    """Which pictures: shapes (drawn by kinwise), cifar100, a folder of picture files, or a table of them (CSV)."""
    recipe: Annotated[str, arg(metavar="NAME")] = "quick"
    """What to train: `kinwise recipes` lists them."""
    set: Values = ()
    """Change single values of the recipe; `kinwise recipes --json` shows all keys."""
    split: Annotated[str | None, of_recipe(SPLITS)] = None
    """The official parts, or all pictures merged and split again."""
    seed: Annotated[str | None, of_recipe("INT")] = None
    """Of everything drawn."""
    epochs: Annotated[str | None, of_recipe("NUMBER")] = None
    """Passes over the training pictures; need not be whole."""
    device: Annotated[str | None, of_recipe("auto|cpu|cuda|mps")] = None
    """Where to compute; auto takes the fastest there is."""
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: the data's own)")] = None
    """The tree over the classes: cifar100, cifar100-5level, or a file."""
    strict: Flag = False
    """Stop where a picture file cannot be read, instead of leaving it out."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: a new one under runs/)")] = None
    """The run folder to write; it must not exist yet."""
    data_dir: DataFolder = None
    """Where data sets are kept."""
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
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
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: the run's own)")] = None
    """Judge under another tree: cifar100, cifar100-5level, or a file."""
    promise: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Answers that stop early so that this share of them is right, 0.95 for example: how the test pictures fare."""
    data: Annotated[str | None, arg(metavar="DATA", help_behavior_hint="")] = None
    """Run the network on the test pictures of this data set instead of taking the saved predictions."""
    data_dir: DataFolder = None
    """Where data sets are kept, for --data."""
    json: Flag = False
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
    report: Annotated[Path | None, arg(metavar="HTML", help_behavior_hint="(default: FILE with .html)")] = None
    """Where to write the report."""
    json: Flag = False
    """Print scores.json instead of a table."""


@dataclass(frozen=True, kw_only=True)
class Explain:
    """Look at a run's failures: pictures, heat maps, look-alikes, what may have happened; and write its report again.

    Examples:
      kinwise explain runs/standard-1
      kinwise explain runs/standard-1 --count 500 --map grad-cam
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder; failures.json, failures.csv and the report are written into it."""
    count: Annotated[int, arg(metavar="N")] = 200
    """How many failures to look at; different ones are chosen, not many of one kind."""
    map: Annotated[str, arg(metavar="layer-cam|grad-cam")] = "layer-cam"
    """How to make heat maps: from an earlier stage, or from the last convolution."""
    figures: Flag = False
    """Write figures for a paper as well, PNG and SVG."""
    data_dir: DataFolder = None
    """Where data sets are kept."""
    json: Flag = False
    """Print failures.json instead of a summary."""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Compare runs on the same pictures: what differs, which classes, which pictures; the first is the baseline.

    Examples:
      kinwise compare runs/quick-1 runs/standard-1
      kinwise compare runs/quick-1 runs/standard-1 predictions.csv --hierarchy cifar100-5level --out compared
    """

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN", help_behavior_hint="")]
    """Run folders, or files of predictions as kinwise score takes them."""
    decision: Annotated[str, arg(metavar="RULE")] = "argmax"
    """How probabilities become answers: argmax, independent, bottom-up or top-down."""
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: the runs' own)")] = None
    """Judge all under this tree: cifar100, cifar100-5level, or a file."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")] = None
    """Write a page and tables into this new folder, with pictures and heat maps where all are runs."""
    map: Annotated[str, arg(metavar="layer-cam|grad-cam")] = "layer-cam"
    """How to make these heat maps: from an earlier stage, or from the last convolution."""
    data_dir: DataFolder = None
    """Where data sets are kept, for the pictures."""
    json: Flag = False
    """Print comparison.json instead of tables."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write the report of one or more runs again.

    Examples:
      kinwise report runs/standard-1 runs/standard-2
      kinwise report runs/standard-1 --figures
    """

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN")]
    """Run folders."""
    figures: Flag = False
    """Write figures for a paper as well, PNG and SVG with captions, into the folder figures of each run."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Describe and check a data set and its tree.

    Examples:
      kinwise data cifar100 --split 80:20
      kinwise data cifar100 --duplicates --duplicates-csv pairs.csv
    """

    data: Annotated[Positional[str], arg(metavar="DATA")]
    """shapes or cifar100."""
    split: Annotated[str, arg(metavar=SPLITS)] = "official"
    """The official parts, or all pictures merged and split again."""
    seed: int = 0
    """Of the new split."""
    duplicates: Flag = False
    """Count near-duplicates as well, within the parts and across them; takes a while the first time."""
    duplicates_csv: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Count them and write every pair to this file."""
    data_dir: DataFolder = None
    """Where data sets are kept."""
    json: Flag = False
    """Print one JSON object instead of text."""


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """List the recipes: what each is for, its source, expected score and cost.

    Example:
      kinwise recipes --json
    """

    json: Flag = False
    """Print every value of every recipe as JSON."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Train every combination of data, splits, recipes, losses, seeds or any other values; means and t intervals.

    Start it again to go on where it was stopped, and to try again what failed.

    Examples:
      kinwise study docs/study.toml
      kinwise study docs/study.toml --out runs/losses --workers 4
      kinwise study docs/study.toml --cluster auto
    """

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """TOML: [axes] holds lists of values, [set] what is the same for all runs."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: runs/ and the name of FILE)")] = None
    """Where the runs, the table and what failed go; started again, what is complete there is not trained again."""
    workers: Annotated[int, arg(metavar="N")] = 1
    """How many runs at a time on each machine; its processors are divided among them."""
    cluster: Annotated[str, arg(metavar="ADDRESS", help_behavior_hint="")] = ""
    """Let a Ray cluster do the work: its address, auto to find it, or local to start one here."""
    data_dir: DataFolder = None
    """Where data sets are kept."""
    dry_run: Flag = False
    """Check everything, list the runs, and train nothing."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Look for good values: learning rates, batch, loss weights, or any others; judged on pictures held out.

    Start it again to go on; machines that share a storage search together.

    Examples:
      kinwise search docs/search.toml --trials 40
      kinwise search docs/search.toml --storage postgresql://server/searches
    """

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """TOML: [search] holds ranges and choices, [set] what is the same for all trials."""
    trials: Annotated[int, arg(metavar="N")] = 20
    """How many trials in all, those of earlier starts and other machines included."""
    storage: Annotated[str, arg(metavar="URL", help_behavior_hint="(default: DIR/search.db)")] = ""
    """Where trials are kept: any URL that Optuna takes."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: runs/ and the name of FILE)")] = None
    """Where search.db and search.json go."""
    data_dir: DataFolder = None
    """Where data sets are kept."""


VERBS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "score": Score,
    "explain": Explain,
    "compare": Compare,
    "report": Report,
    "predict": Predict,
    "export": Export,
    "data": Data,
    "recipes": Recipes,
    "study": Study,
    "search": Search,
}


def parse(arguments: list[str]) -> Any:
    """The verb that ``arguments`` name, with its options; help and wrong options end the program, as tyro does."""
    settings: dict[str, Any] = {"config": (tyro.conf.FlagCreatePairsOff,)}
    if arguments and arguments[0] in VERBS:
        name, kind = arguments[0], VERBS[arguments[0]]
        about = inspect.getdoc(kind)
        return tyro.cli(kind, prog=f"kinwise {name}", description=about, args=arguments[1:], **settings)
    about = "Train image classifiers whose mistakes stay in the family, judge them, and show what they do."
    verbs: Any = Union[tuple(Annotated[kind, subcommand(name)] for name, kind in VERBS.items())]  # noqa: UP007 - made here
    return tyro.cli(verbs, prog="kinwise", description=about, args=arguments, **settings)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 2 the user's input is wrong, 130 stopped by Ctrl-C, 1 a fault of ours."""
    verb = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        from kinwise import commands

        commands.RUN[type(verb)](verb)
        sys.stdout.flush()
    except InputError as error:
        _end(str(error), 2)
    except KeyboardInterrupt:
        _end("stopped", STOPPED)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        _drop_output()
        if error.errno == errno.ENOSPC:
            _end(f"cannot write the output: {error.strerror}", 2)


def _end(message: str, status: int) -> NoReturn:
    print(f"kinwise: {message}", file=sys.stderr)
    sys.exit(status)


def _drop_output() -> None:
    """Send what is still to be printed nowhere: a full disk, or a reader (`head`) that has gone, takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
