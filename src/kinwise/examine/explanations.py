"""Explanations: the failures of one run with their pictures and heat maps, and how they are kept in its folder."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kinwise.errors import InputError
from kinwise.examine.album import Album
from kinwise.examine.cases import Case, Trait
from kinwise.files import read_json, write_file, write_json, write_text

CASES = "failures.json"
TABLE = "failures.csv"
PIXELS = "failures.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanations:
    """Failures with everything that was measured about them.

    Attributes:
        method: how the heat maps were made, a key of ``maps.METHODS``.
        cases: the failures, those worth looking at first in front.
        pictures: of the cases, uint8, shape (cases, channels, height, width).
        maps: their heat maps, uint8, 0 cold to 255 hot, shape (cases, targets, map height, map width); the targets
            are those of ``Case.maps``.
        neighbours: the training pictures most similar to each case, uint8, shape (cases, k, channels, height, width).
        common: what failures have in common, the strongest first.
        album: small copies of mistaken pictures, many more than there are cases, and of some that are right.
    """

    method: str
    cases: tuple[Case, ...]
    pictures: np.ndarray
    maps: np.ndarray
    neighbours: np.ndarray
    common: tuple[Trait, ...]
    album: Album

    def save(self, folder: Path) -> None:
        """Write failures.json, failures.csv and failures.safetensors into ``folder``."""
        album = {key: value for key, value in asdict(self.album).items() if key != "webp"}
        cases = [case.to_dict() for case in self.cases]
        common = [asdict(trait) for trait in self.common]
        arrays = {
            "pictures": self.pictures,
            "maps": self.maps,
            "neighbours": self.neighbours,
            "album": np.frombuffer(self.album.webp, np.uint8),
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_file(folder / PIXELS, lambda path: save_file(contiguous, path))
        write_text(folder / TABLE, _csv(self.cases))
        write_json(folder / CASES, {"method": self.method, "cases": cases, "common": common, "album": album})

    @staticmethod
    def load(folder: Path) -> "Explanations | None":
        """What ``save`` wrote into ``folder``; None where nothing was.

        Raises:
            InputError: when it is damaged.
        """
        if not (folder / CASES).is_file():
            return None
        data = read_json(folder / CASES)
        try:
            with safe_open(folder / PIXELS, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in ("pictures", "maps", "neighbours")}
                webp = file.get_tensor("album").tobytes()
            return Explanations(
                method=data["method"],
                cases=tuple(map(Case.from_dict, data["cases"])),
                common=tuple(map(_trait, data["common"])),
                album=Album(**{**data["album"], "rows": tuple(data["album"]["rows"])}, webp=webp),
                **arrays,
            )
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{folder / CASES} or {folder / PIXELS} is damaged ({error}); write them again with kinwise explain"
            ) from error


def _trait(data: dict[str, Any]) -> Trait:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Trait(**values)


def _csv(cases: tuple[Case, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_lines(cases))
    return text.getvalue()


def _lines(cases: tuple[Case, ...]) -> Iterator[list[Any]]:
    """A head, then a line per case; confidences are shares, 0..1."""
    levels = [step.level for step in cases[0].failure.path] if cases else []
    heads = [f"{what} {level}" for level in levels for what in ("true", "answered", "confidence", "true confidence")]
    known = ["row", "id", "reasons", "severity", "label doubt", "near-duplicate in train"]
    yield [*known, *heads, "most similar", "its class", "similarity", "what may have happened"]
    for case in cases:
        failure, first = case.failure, case.neighbours[0] if case.neighbours else None
        steps = [
            [step.true, step.answered, f"{step.confidence:.4f}", f"{step.true_confidence:.4f}"] for step in failure.path
        ]
        duplicate = {None: "", True: "yes", False: "no"}[failure.near_duplicate]
        yield [
            failure.row,
            failure.id,
            " ".join(failure.reasons),
            failure.severity,
            f"{failure.label_doubt:.4f}",
            duplicate,
            *(cell for step in steps for cell in step),
            *((first.id, first.label, f"{first.similarity:.4f}") if first else ("", "", "")),
            " ".join(one.text for one in case.hypotheses),
        ]
