"""The verbs that judge runs and show what they do: one dataclass each, one field per option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from kinwise.verbs.options import DataFolder, Flag


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Judge a run's saved predictions again, by another rule or under another tree; instant.

    Examples:
      kinwise evaluate runs/standard-1
      kinwise evaluate runs/standard-1 --decision top-down --hierarchy cifar100-5level
      kinwise evaluate runs/standard-1 --decision all
      kinwise evaluate runs/clothes --decision climb --promise 0.9
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder."""
    decision: Annotated[str, arg(metavar="RULE", help_behavior_hint="(default: the run's own)")] = "auto"
    """argmax, independent, top-down, bottom-up, product, least-cost, deepest-likely, climb, hedge; all for a table."""
    hierarchy: Annotated[str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: the run's own)")] = None
    """Judge under another tree: cifar100, cifar100-5level, or a file."""
    promise: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Answers that stop early so that this share of them is right, such as 0.95; by climb, or by --decision hedge."""
    data: Annotated[str | None, arg(metavar="DATA", help_behavior_hint="")] = None
    """Instead of taking the saved predictions, run the network on these pictures: their test part, or all of them."""
    data_dir: DataFolder = None
    """Where data sets are kept, for --data."""
    json: Flag = False
    """Print scores.json instead of a table; with --decision all, one object per rule."""


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
    """How probabilities become answers: argmax, independent, top-down, bottom-up, product or least-cost."""
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
    decision: Annotated[str, arg(metavar="RULE")] = "auto"
    """argmax, independent, top-down, bottom-up, product, least-cost; auto: the last, if all can be calibrated."""
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
