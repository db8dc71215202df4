"""Export a run: the whole way from pixels to calibrated probabilities in one file, verified before it has its name."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kinwise.answering.answers import Trained
from kinwise.errors import InputError
from kinwise.exporting.check import TOLERANCE, Agreement, agreement, pictures_to_ask
from kinwise.exporting.formats import FORMATS, format_of
from kinwise.exporting.whole import Whole, calibration_of, facts_of
from kinwise.files import write_file

STEM = "model"
"""What an exported file is called where nothing is said, before its suffix; it lies in the run's folder."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file that was exported.

    Attributes:
        path: where it is.
        format: ``onnx`` or ``pt2``.
        facts: what is written in it beside the network (see ``whole.facts_of``).
        channels: of the pictures it takes.
        agreement: how it and the run's own network agree.
    """

    path: Path
    format: str
    facts: dict[str, Any]
    channels: int
    agreement: Agreement

    @property
    def size(self) -> int:
        """The size of the file, in bytes."""
        return self.path.stat().st_size

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        same = {"same_answers": not self.agreement.other_answers}
        return {
            "file": str(self.path),
            "format": self.format,
            "bytes": self.size,
            "checked": asdict(self.agreement) | same,
            "metadata": self.facts,
        }

    def text(self) -> str:
        """What was written, how it was checked, how sure it is, and how to use it."""
        checked = self.agreement
        lines = {
            "File": f"{self.path} ({self.size / 1e6:.1f} MB)",
            "Checked": f"{checked.pictures} {checked.source}: the largest difference of a probability is "
            f"{checked.largest_difference:.1e}, the same answers at every level",
            "Answers": f"its last output is the class to answer, by the decision rule {self.facts['decision']}",
        } | _calibrated(self.facts)
        told = "\n".join(f"{name + ':':12}{line}" for name, line in lines.items())
        return f"{told}\n\n{self._usage()}"

    def _usage(self) -> str:
        names = self.facts["outputs"]
        return FORMATS[self.format].usage.format(
            file=str(self.path),
            side=self.facts["side"],
            channels=self.channels,
            names=", ".join(f"{name}_probabilities" for name in names),
            outputs=", ".join(names),
        )


def export(
    run: Trained, path: Path | str | None = None, format: str | None = None, data_dir: Path | None = None
) -> Export:
    """Write the network of ``run`` into one file that needs no kinwise; it gets its name when it was verified.

    The file takes pictures as numpy, Pillow and OpenCV (RGB) have them, uint8 (batch, side, side, channels), and gives
    one float32 array of calibrated probabilities per level, and last the class that the run answers, int64 (batch,). It
    is asked about up to 200 pictures, and must agree with the run's own network to 1e-4, and in every answer.

    Args:
        run: a complete run.
        path: the new file; without it model.onnx or model.pt2 in the run's folder.
        format: onnx or pt2; without it what ``path`` ends in, or onnx.
        data_dir: where data sets are kept, for the pictures to verify with.

    Raises:
        InputError: when there is something at ``path`` already, or the format is unknown or needs what is not there.
        RuntimeError: when the file does not agree with the network; nothing is left then.
    """
    given = None if path is None else Path(path)
    name = format_of(given, format)
    out = given or run.folder / f"{STEM}.{name}"
    if os.path.lexists(out):
        raise InputError(f"{out} is there already; choose another --out, or remove it first")
    network = run.network()
    calibration = calibration_of(run.validation(), run.config.decision)
    facts = facts_of(run, network, calibration)
    whole = Whole(network, run.hierarchy, calibration.temperature, calibration.rule)
    example = torch.zeros(2, network.size, network.size, len(network.statistics.mean), dtype=torch.uint8)
    data = FORMATS[name].write(whole, example, facts)
    pixels, source = pictures_to_ask(run.config, network, data_dir)
    found: list[Agreement] = []

    def write_and_verify(temporary: Path) -> None:
        temporary.write_bytes(data)
        written, ask = FORMATS[name].open(temporary)
        assert written == facts, "the metadata came back changed"
        found.append(agreement(ask, network, run.hierarchy, calibration, pixels, source))
        _must_hold(found[0])

    write_file(out, write_and_verify)
    return Export(path=out, format=name, facts=facts, channels=example.shape[-1], agreement=found[0])


def _must_hold(found: Agreement) -> None:
    if not found.holds:
        raise RuntimeError(
            f"the exported file does not say what the network says, and is removed: of {found.pictures} {found.source} "
            f"the largest difference of a probability is {found.largest_difference:.2g} (at most {TOLERANCE:g} is let "
            f"pass), and {found.other_answers} get other answers"
        )


def _calibrated(facts: dict[str, Any]) -> dict[str, str]:
    """How sure the file is of what it says, by the name of the line."""
    if not facts["validation_pictures"]:
        reason = "no, no pictures were held out of the training (--set validation=0.1), so it can promise nothing"
        return {"Calibrated": reason}
    thresholds = [
        f"{100 * float(promise):g} % {'cannot be promised' if promise in facts['notes'] else f'at {value:.3f}'}"
        for promise, value in facts["thresholds"].items()
    ]
    return {
        "Calibrated": f"on {facts['validation_pictures']:,} pictures held out, temperature {facts['temperature']:.3f}",
        "Promises": f"share of right answers, and the least probability of an answer: {', '.join(thresholds)}",
    }
