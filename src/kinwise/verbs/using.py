"""The verbs that put a trained network to use: one dataclass each, one field per option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from kinwise.verbs.options import DataFolder, Flag


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Answer about pictures: their path through the tree with a confidence per level.

    With a promise, an answer stops at the level where the network is sure enough, and says why.

    Examples:
      kinwise predict runs/standard-1 shoe.jpg holiday/
      kinwise predict runs/standard-1 photos/ --promise 0.95 --csv answers.csv
      kinwise predict runs/standard-1 - --json
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder."""
    pictures: Annotated[Positional[tuple[str, ...]], arg(metavar="PICTURE", help_behavior_hint="")]
    """Picture files, folders to search, or - for names from standard input, one a line."""
    promise: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="(default: always name a class)")] = None
    """The share of answers that must be right, 0.95 for example; needs a run with validation pictures."""
    csv: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Write a table to this file as well."""
    json: Flag = False
    """Print a JSON object a line for each file: file, answer, level, confidence, path, likeliest, reason; or error."""
    device: Annotated[str, arg(metavar="auto|cpu|cuda|mps")] = "auto"
    """Where to compute; auto takes the fastest there is."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a run's network into one file that needs no kinwise: uint8 pictures in, calibrated probabilities out.

    Preprocessing and calibration are inside, the tree and thresholds are its metadata. It is verified on real pictures
    against the run, to 1e-4 and the same answers. examples/onnx_answer.py answers with such a file in ten lines.

    Examples:
      kinwise export runs/standard-1
      kinwise export runs/standard-1 --out birds.pt2
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder."""
    format: Annotated[str | None, arg(metavar="onnx|pt2", help_behavior_hint="(default: FILE's, or onnx)")] = None
    """ONNX, for ONNX Runtime; or a program of torch.export."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: model.onnx or .pt2 in RUN)")] = None
    """The file to write; it must not exist yet."""
    data_dir: DataFolder = None
    """Where data sets are kept, for the pictures to verify with."""
    json: Flag = False
    """Print one JSON object instead of text."""


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Open a page on this machine to try a run on pictures of your own, with an endpoint for programs.

    Examples:
      kinwise serve runs/standard-1
      kinwise serve runs/standard-1 --port 0 --promise 0.9
    """

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder."""
    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets other machines in."""
    port: Annotated[int, arg(metavar="PORT")] = 8000
    """0 takes any free one."""
    promise: Annotated[
        float | None, arg(metavar="SHARE", help_behavior_hint="(default: 0.95 where pictures were held out)")
    ] = None
    """The share of answers that must be right: it stops at the level where it is sure enough."""
    data_dir: DataFolder = None
    """Where data sets are kept, for similar training pictures."""
