"""The verbs of pictures and trainings: one dataclass each, one field per option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from kinwise.verbs.options import SPLITS, DataFolder, Flag, Values, of_recipe


@dataclass(frozen=True, kw_only=True)
class Data:
    """Describe and check pictures and their tree: counts, sizes, unreadable files, copies, what is uneven or missing.

    Examples:
      kinwise data photos/
      kinwise data photos.csv --hierarchy taxonomy.json --json
      kinwise data cifar100 --duplicates --duplicates-csv pairs.csv
    """

    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder with a folder of pictures per class, a table of files (CSV), shapes or cifar100."""
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: the data's own)")] = None
    """Another tree over the classes: cifar100, cifar100-5level, or a file."""
    strict: Flag = False
    """Refuse files that cannot be used instead of leaving them out."""
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
    size: Annotated[str | None, of_recipe("PIXELS")] = None
    """Height and width to which picture files are decoded; 0 chooses from the files."""
    strict: Flag = False
    """Stop where a picture file cannot be read, instead of leaving it out."""
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: a new one under runs/)")] = None
    """The run folder to write; it must not exist yet."""
    data_dir: DataFolder = None
    """Where data sets are kept."""
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Go on with this unfinished run; all else comes from it."""


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
    """TOML: [axes] holds lists of values, [set] what is the same for all runs, [judge] how they are judged."""
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
