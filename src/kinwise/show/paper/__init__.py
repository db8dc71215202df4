"""Figures for a paper: what the report shows, as PNG and SVG in the widths of one and two columns, with captions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinwise.examine.explanations import Explanations
from kinwise.files import write_file, write_text, writing
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kinwise.show.paper.style import Drawing

CAPTIONS = "captions.md"
DOTS_PER_INCH = 300
_METADATA: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}}


def write_figures(
    folder: Path,
    *,
    predictions: Predictions,
    scores: Scores,
    history: Sequence[Mapping[str, Any]] = (),
    explanations: Explanations | None = None,
    validation: Predictions | None = None,
) -> list[Path]:
    """Write every figure as NAME.png (300 dpi) and NAME.svg (text stays text), and captions.md.

    The same input gives the same files. Files of the same name are replaced, others are left alone. Letters that the
    font of the PNG does not have (DejaVu Sans: no Chinese, for example) are boxes there, but right in the SVG.

    Args:
        folder: where to write; made if missing.
        predictions: what was answered, with the truth.
        scores: of these predictions; its decision rule gives the answers that are shown.
        history: one row per epoch, as in ``metrics.jsonl``; without any there are no training curves.
        explanations: of failures; without any there is no montage of them.
        validation: of pictures held out of the training, that the rule was calibrated on; None where there are none.

    Returns:
        The files, the captions last.

    Raises:
        InputError: when the scores are of other pictures or another tree, or the folder cannot be written to.
    """
    from kinwise.show.paper.drawings import draw

    return write_drawings(folder, lambda: draw(predictions, scores, history, explanations, validation))


def write_drawings(folder: Path, draw: Callable[[], Sequence["Drawing"]]) -> list[Path]:
    """Write what ``draw`` draws as NAME.png and NAME.svg, and captions.md; returns the files, the captions last.

    Raises:
        InputError: what ``draw`` raises, or when the folder cannot be written to.
    """
    from kinwise.show.paper.captions import captions_text
    from kinwise.show.paper.style import paper_style

    with paper_style():
        drawings = draw()
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        written = [
            _write(drawing.figure, folder / f"{drawing.name}.{kind}") for drawing in drawings for kind in _METADATA
        ]
    write_text(folder / CAPTIONS, captions_text(drawings))
    return [*written, folder / CAPTIONS]


def _write(figure: "Figure", path: Path) -> Path:
    kind = path.suffix[1:]
    write_file(path, lambda file: figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, metadata=_METADATA[kind]))
    return path
