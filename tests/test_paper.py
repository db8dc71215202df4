"""Figures for a paper: every file is there and can be used, nothing in a name is interpreted, all of it is readable."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pages import HOSTILE, HOSTILE_TREE
from PIL import Image
from runs import TINY, Refused, status
from zoo import LABELS, PROBABILITIES, ZOO, cifar_predictions, random_predictions

import kinwise.show
from kinwise.errors import InputError
from kinwise.examine.album import album_of
from kinwise.examine.cases import Case, Faithfulness, HeatMap, Stability
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import Figure
from kinwise.judge.decide import decide
from kinwise.judge.failures import Failure, LevelAnswer
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.run import Run
from kinwise.show.paper import DOTS_PER_INCH, write_figures
from kinwise.show.paper.captions import captions_text
from kinwise.show.paper.drawings import draw
from kinwise.show.paper.montage import overlay
from kinwise.show.paper.names import names_of_level, spread
from kinwise.show.paper.style import (
    LINE,
    MUTED,
    RANDOM,
    TEXT,
    Drawing,
    file_name,
    fitted,
    label,
    level_hexes,
    level_lines,
    paper_style,
    severity_hexes,
    width_of,
)
from kinwise.show.tallies import severities, strength

pytest_plugins = ["run_fixtures"]

FLAT = Hierarchy(parents=np.array([-1, 0, 0, 0]), names=("r", "cat", "dog", "cow"))
STRANGE = Hierarchy(
    parents=np.array([-1, 0, 0, 1, 1, 2, 2, 2]),
    names=("r", "$x^2$", "\\frac{1}{2}", "a_b $", "W" * 300, "\x00bell\x07\ntwo\tlines", "动物 🐟", "<b>&amp;"),
    levels=("$\\alpha_1", HOSTILE),
)
BIG = Hierarchy(parents=np.array([-1, 0, 0, *([1, 2] * 101)]), names=tuple(f"n{node}" for node in range(205)))
ONE_COLUMN, TWO_COLUMNS = 1005, 2070  # pixels of 3.35 and 6.9 inches at 300 dpi
SIX_POINTS = 6
# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0; for linear RGB.
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def history_of(tree: Hierarchy, *, validated: bool = True, epochs: int = 3) -> list[dict[str, Any]]:
    parts = ("train", "validation") if validated else ("train",)
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "images_per_second": 100.0,
            "seconds": 20.0 * epoch,
            "loss": 3.0 / epoch,
            "learning_rate": 0.5,
            "accuracy": {part: dict.fromkeys(tree.levels, 0.9 * epoch / epochs) for part in parts},
            **({"validation_loss": 3.5 / epoch} if validated else {}),
        }
        for epoch in range(1, epochs + 1)
    ]


HISTORY = history_of(ZOO)


def explained(predictions: Predictions, *, most: int = 14, channels: int = 3) -> Explanations:
    """Made-up explanations of the first mistakes: noise for pictures, a hot corner for each heat map."""
    tree, answers = predictions.hierarchy, decide(predictions).answers
    truth = tree.level_labels[predictions.labels]
    rows = np.flatnonzero(answers[:, -1] != predictions.labels)[:most]
    targets = (*tree.levels, "against")
    faithful = Faithfulness(whole=0.8, empty=0.1, blanked=0.3, kept=0.5, random_blanked=0.6, random_kept=0.3)
    cases = []
    for row in rows:
        path = tuple(
            LevelAnswer(
                level=name,
                true=tree.level_names(level)[truth[row, level]],
                answered=tree.level_names(level)[answers[row, level]],
                confidence=float(predictions.probabilities[level][row, answers[row, level]]),
                true_confidence=float(predictions.probabilities[level][row, truth[row, level]]),
            )
            for level, name in enumerate(tree.levels)
        )
        failure = Failure(
            row=int(row),
            id=str(row),
            reasons=("severe",),
            path=path,
            severity=int(tree.distances[truth[row, -1], answers[row, -1]]),
            label_doubt=0.1,
            near_duplicate=None,
        )
        cases.append(
            Case(
                failure=failure,
                neighbours=(),
                copies=(),
                stability=Stability(copies=9, same=5, right=1),
                maps=tuple(HeatMap(target=target, border=0.5, faithfulness=faithful) for target in targets),
                hypotheses=(),
            )
        )
    pixels = np.random.default_rng(0).integers(256, size=(len(rows), channels, 16, 12), dtype=np.uint8)
    maps = np.zeros((len(rows), len(targets), 4, 4), np.uint8)
    maps[:, :, 0, 0] = 255
    return Explanations(
        method="gradcam",
        cases=tuple(cases),
        pictures=pixels,
        maps=maps,
        neighbours=np.zeros((len(rows), 0, channels, 16, 12), np.uint8),
        common=(),
        album=album_of(pixels, rows),
    )


PREDICTIONS: dict[str, Callable[[], Predictions]] = {
    "ragged": lambda: Predictions.from_classes(PROBABILITIES, LABELS, ZOO, source="zoo"),
    "one level": lambda: random_predictions(FLAT, 40, 0),
    "strange names": lambda: random_predictions(STRANGE, 40, 0),
    "hostile names": lambda: random_predictions(HOSTILE_TREE, 40, 0),
    "many classes": cifar_predictions,
    "too many classes": lambda: random_predictions(BIG, 300, 0),
}


@cache
def drawings_of(kind: str) -> dict[str, Drawing]:
    """All figures by name, with explanations and a history."""
    predictions = PREDICTIONS[kind]()
    with paper_style():
        found = draw(
            predictions, score(predictions, resamples=20), history_of(predictions.hierarchy), explained(predictions)
        )
    return {drawing.name: drawing for drawing in found}


def written(folder: Path, predictions: Predictions) -> list[Path]:
    return write_figures(
        folder,
        predictions=predictions,
        scores=score(predictions, resamples=20),
        history=history_of(predictions.hierarchy),
        explanations=explained(predictions),
    )


@pytest.fixture(scope="module")
def zoo() -> Predictions:
    return PREDICTIONS["ragged"]()


@pytest.fixture(scope="module")
def zoo_files(zoo: Predictions, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("paper") / "new" / "figures"
    return {path.name: path for path in written(folder, zoo)}


@pytest.fixture(params=PREDICTIONS)
def drawn(request: pytest.FixtureRequest) -> Iterable[Drawing]:
    return drawings_of(request.param).values()


# --- files -------------------------------------------------------------------------------------------------------


def test_every_figure_is_there_twice_with_a_caption(zoo_files: dict[str, Path]) -> None:
    names = ["accuracy", "severity", "confusion-1-group", "confusion-2-superclass", "confusion-3-class"]
    names += ["reliability", "risk-coverage", "training", "failures"]
    assert list(zoo_files) == [*(f"{name}.{kind}" for name in names for kind in ("png", "svg")), "captions.md"]
    assert sorted(path.name for path in zoo_files["captions.md"].parent.iterdir()) == sorted(zoo_files)
    captions = zoo_files["captions.md"].read_text("utf-8")
    assert re.findall(r"^## (.*)$", captions, re.MULTILINE) == names
    told = captions.split("## ")[1:]
    assert [one.split("\n")[0] for one in told if "n = 5 test pictures of zoo" not in one] == ["training", "failures"]


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("accuracy", ONE_COLUMN),
        ("severity", ONE_COLUMN),
        ("confusion-3-class", ONE_COLUMN),
        ("reliability", TWO_COLUMNS),
        ("risk-coverage", ONE_COLUMN),
        ("training", TWO_COLUMNS),
        ("failures", TWO_COLUMNS),
    ],
)
def test_pictures_have_the_width_of_the_paper(zoo_files: dict[str, Path], name: str, width: int) -> None:
    with Image.open(zoo_files[f"{name}.png"]) as picture:
        picture.load()
        assert picture.width == width
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    drawing = ElementTree.parse(zoo_files[f"{name}.svg"]).getroot()
    assert float(drawing.attrib["width"].removesuffix("pt")) == pytest.approx(width / 300 * 72)


def texts_in(file: Path | io.BytesIO) -> str:
    found = ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")
    return " | ".join("".join(text.itertext()) for text in found)


def test_names_stand_in_drawings_as_text(zoo_files: dict[str, Path]) -> None:
    found = texts_in(zoo_files["confusion-3-class.svg"])
    assert all(name in found for name in ("shark", "ray", "dog", "saw", "axe"))
    assert "group | superclass | class" in texts_in(zoo_files["accuracy.svg"])
    assert "ray" in texts_in(zoo_files["failures.svg"])


def test_the_same_input_gives_the_same_files_whatever_the_settings_of_the_user(
    zoo: Predictions, zoo_files: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "accuracy.png").write_text("an old one")
    (tmp_path / "mine.txt").write_text("mine")
    own = {"font.size": 30, "savefig.bbox": "tight", "text.usetex": True, "axes.facecolor": "red"}
    with matplotlib.rc_context(own):
        again = written(tmp_path, zoo)
        assert matplotlib.rcParams["font.size"] == 30
    assert [path.name for path in again if path.read_bytes() != zoo_files[path.name].read_bytes()] == []
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_what_is_not_known_has_no_figure(zoo: Predictions) -> None:
    all_right = replace(zoo, labels=decide(zoo).answers[:, -1])
    nothing = replace(explained(zoo), cases=())
    with paper_style():
        found = draw(all_right, score(all_right, resamples=5), (), None)
        without = draw(zoo, score(zoo, resamples=5), (), nothing)
    assert {drawing.name for drawing in found} & {"severity", "training", "failures"} == set()
    assert [drawing.name for drawing in without][-1] == "risk-coverage"


def test_a_level_too_big_to_be_read_has_no_matrix() -> None:
    found = [name for name in drawings_of("too many classes") if name.startswith("confusion")]
    assert found == ["confusion-1-superclass"]


def test_scores_of_other_pictures_are_refused(zoo: Predictions, tmp_path: Path) -> None:
    other = score(random_predictions(ZOO, 6, 0), resamples=5)
    with pytest.raises(InputError, match="are not of these predictions"):
        write_figures(tmp_path / "out", predictions=zoo, scores=other)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_told(zoo: Predictions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_figures(tmp_path / "file", predictions=zoo, scores=score(zoo, resamples=5))


# --- names -------------------------------------------------------------------------------------------------------


def as_svg(drawing: Drawing) -> io.BytesIO:
    file = io.BytesIO()
    with paper_style():
        drawing.figure.savefig(file, format="svg")
    file.seek(0)
    return file


def test_nothing_in_a_name_is_interpreted() -> None:
    drawings = drawings_of("strange names")
    groups, classes = (texts_in(as_svg(one)) for name, one in drawings.items() if name.startswith("confusion"))
    for shown in ("a b $", "WW…", "\ufffdbell\ufffd two lines", "动物 🐟", "<b>&amp;"):
        assert shown in classes, f"{shown!r} is not among: {classes}"
    assert "$x^2$" in groups
    assert "\\frac{1}{2}" in groups
    captions = captions_text(list(drawings.values()))
    assert "\\$\\\\alpha 1" in captions
    assert re.search(r"(?<!\\)<", captions) is None


def test_names_of_files_hold_what_any_file_system_takes() -> None:
    assert file_name("confusion-1", "Family & Co/..") == "confusion-1-family-co"
    assert file_name("confusion-1", "动物") == "confusion-1"
    assert len(file_name("a", "b" * 500)) < 60


def test_labels_are_cut_to_their_room() -> None:
    with paper_style():
        assert fitted("large_carnivores", 2) == "large carnivores"
        cut = fitted("large_carnivores", 0.5)
        assert re.fullmatch(r"large.*…", cut)
        assert width_of(cut, 6.5) <= 0.5
        assert fitted("anything", 0.01) == ""
    assert label("a\ud800b \n c") == "a\ufffdb c"


ascending = st.lists(st.floats(0, 29), min_size=1, max_size=12).map(sorted)


@given(centres=ascending, apart=st.floats(0.1, 2.5))
def test_names_beside_a_matrix_stay_apart_inside_and_in_order(centres: list[float], apart: float) -> None:
    places = np.array(spread(tuple(centres), apart, 30))
    assert (np.diff(places) >= apart - 1e-9).all()
    assert places[0] >= -0.5 + apart / 2 - 1e-9
    assert places[-1] <= 29.5 - apart / 2 + 1e-9


def test_names_move_only_as_far_as_they_must() -> None:
    assert spread((1.0, 5.0, 9.0), 2, 20) == [1.0, 5.0, 9.0]
    assert spread((1.0, 6.0, 6.0, 12.0), 2, 20) == [1.0, 5.0, 7.0, 12.0]
    assert spread((0.0, 0.0), 2, 20) == [0.5, 2.5]


# --- looks -------------------------------------------------------------------------------------------------------


def shown_texts(drawing: Drawing) -> Iterator[Text]:
    for text in drawing.figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip():
            yield text


def test_all_text_is_large_enough_and_literal(drawn: Iterable[Drawing]) -> None:
    for drawing in drawn:
        for text in shown_texts(drawing):
            assert text.get_fontsize() >= SIX_POINTS, f"{drawing.name}: {text.get_text()!r}"
            assert not text.get_parse_math(), f"{drawing.name}: {text.get_text()!r}"
            assert not text.get_usetex()


def text_boxes(drawing: Drawing) -> list[tuple[str, Bbox]]:
    """What is written on the page, and where, in pixels."""
    drawing.figure.set_dpi(DOTS_PER_INCH)
    renderer = FigureCanvasAgg(drawing.figure).get_renderer()
    found: list[Text] = []
    renderer.draw_text = lambda *_, mtext, **__: found.append(mtext)  # type: ignore[method-assign]
    drawing.figure.draw(renderer)
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found]


def test_all_text_is_whole_and_apart(drawn: Iterable[Drawing]) -> None:
    for drawing in drawn:
        with paper_style():
            boxes = text_boxes(drawing)
        assert boxes
        page = drawing.figure.bbox
        for shown, box in boxes:
            room = min(box.x0 - page.x0, page.x1 - box.x1, box.y0 - page.y0, page.y1 - box.y1)
            assert room > -1, f"{drawing.name}: {shown!r} leaves the page by {-room:.1f} pixels"
        for (one, a), (other, b) in combinations(boxes, 2):
            over = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert min(over) < 1.5, f"{drawing.name}: {one!r} lies over {other!r}"


def simulated(colour: str, matrix: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as somebody sees it whose eyes the matrix describes."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = to_xyz @ seen / to_xyz.sum(axis=1)
    f = [value ** (1 / 3) if value > (6 / 29) ** 3 else value / (3 * (6 / 29) ** 2) + 4 / 29 for value in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", [np.eye(3), PROTANOPIA, DEUTERANOPIA], ids=["all cones", "protanopia", "deuteranopia"])
@pytest.mark.parametrize("tree", [FLAT, STRANGE, ZOO], ids=["one level", "two", "three"])
def test_colours_differ_for_the_colour_blind(tree: Hierarchy, eyes: np.ndarray) -> None:
    assert set(level_hexes(tree)) <= set(severity_hexes(tree))
    for one, other in combinations(severity_hexes(tree), 2):
        apart = np.linalg.norm(simulated(one, eyes) - simulated(other, eyes))
        assert apart > 15, f"{one} and {other} are {apart:.1f} apart"


def test_lines_that_cross_differ_without_colour() -> None:
    lines = level_lines(ZOO)
    assert len({str(line["linestyle"]) for line in lines}) == len(lines)
    assert len({line["marker"] for line in lines}) == len(lines)


def test_greys_are_those_of_the_page() -> None:
    sheet = (Path(kinwise.show.__file__).parent / "templates" / "tokens.css.j2").read_text("utf-8").split('"dark"')[0]
    for name, colour in {"text": TEXT, "muted": MUTED, "line-strong": LINE, "random": RANDOM}.items():
        assert f'"{name}": "{colour}"' in sheet


# --- what they show ----------------------------------------------------------------------------------------------


def test_bars_are_the_scores() -> None:
    (axes,) = drawings_of("ragged")["accuracy"].figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.8, 0.6, 0.4])
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == level_hexes(ZOO)
    (axes,) = drawings_of("ragged")["severity"].figure.axes
    shares = [bar.get_width() for bar in axes.patches]
    assert shares[:3] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert sum(shares[3:]) == pytest.approx(1)


def test_an_interval_that_leaves_its_value_out_is_drawn_as_it_is(zoo: Predictions) -> None:
    scores = score(zoo, resamples=5)
    levels = {name: {**figures, "accuracy": Figure(0.5, 0.6, 0.7)} for name, figures in scores.level.items()}
    with paper_style():
        (axes,) = draw(zoo, replace(scores, level=levels), (), None)[0].figure.axes
    (whiskers,) = (one for one in axes.collections if isinstance(one, LineCollection))
    ends = [path.vertices[:, 0].tolist() for path in whiskers.get_paths()]
    assert ends == [pytest.approx([0.6, 0.7])] * 3


def test_cells_have_the_hue_of_their_severity() -> None:
    (axes,) = drawings_of("ragged")["confusion-3-class"].figure.axes
    (image,) = axes.images
    assert isinstance(image, AxesImage)
    cells = np.asarray(image.get_array())
    full = np.array([to_rgb(colour) for colour in severity_hexes(ZOO)])[severities(ZOO, 2)]
    counts = np.array([[1, 1, 0, 0, 0], [0] * 5, [1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]])
    np.testing.assert_allclose(cells, 1 - strength(counts)[:, :, None] * (1 - full), atol=1e-6)
    np.testing.assert_allclose(strength(counts)[0], [0.5**0.4, 0.5**0.4, 0, 0, 0])


def test_a_big_matrix_names_families_and_a_small_one_its_nodes() -> None:
    drawings = drawings_of("many classes").items()
    texts = {name: {text.get_text() for text in shown_texts(drawing)} for name, drawing in drawings}
    assert {"aquatic mammals", "aquatic animals", "true", "answered", "same group"} <= texts["confusion-3-class"]
    assert "dolphin" not in texts["confusion-3-class"]
    assert {"vehicles 1", "man-made articles"} <= texts["confusion-2-superclass"]


def test_what_a_row_is_called_is_not_said_again_on_the_right() -> None:
    early = Hierarchy(parents=np.array([-1, 0, 0, *[1] * 24]), names=("r", "family", "alone", *map(str, range(24))))
    assert names_of_level(early, 1, 0).texts == ("family", "alone")
    assert names_of_level(early, 1, 0, without=1).texts == ("family",)


def test_risk_ends_at_the_error_rate() -> None:
    (axes,) = drawings_of("ragged")["risk-coverage"].figure.axes
    ends = [(line.get_xdata()[-1], line.get_ydata()[-1]) for line in axes.lines]  # type: ignore[index]
    assert ends == [pytest.approx((1, error)) for error in (0.2, 0.4, 0.6)]


def test_training_shows_the_parts_that_are_known() -> None:
    for validated, lines in ((True, 2), (False, 1)):
        predictions = random_predictions(FLAT, 20, 0)
        with paper_style():
            found = draw(predictions, score(predictions, resamples=5), history_of(FLAT, validated=validated), None)
        drawing = next(one for one in found if one.name == "training")
        losses, shares = drawing.figure.axes
        assert (len(losses.lines), len(shares.lines)) == (lines, lines)
        assert list(losses.lines[0].get_ydata()) == [3.0, 1.5, 1.0]  # type: ignore[arg-type]
        assert ("no pictures were held out" in drawing.caption) is not validated


def test_training_of_one_epoch_is_to_be_seen() -> None:
    predictions = random_predictions(FLAT, 20, 0)
    with paper_style():
        found = draw(predictions, score(predictions, resamples=5), history_of(FLAT, epochs=1), None)
    losses, shares = next(one for one in found if one.name == "training").figure.axes
    assert all(line.get_marker() not in ("", "None") for line in (*losses.lines, *shares.lines))
    assert all(tick == int(tick) for tick in losses.get_xticks())
    assert losses.get_ylim()[1] > 3.5


def test_the_montage_shows_each_failure_with_its_heat_map() -> None:
    drawing = drawings_of("many classes")["failures"]
    assert len(drawing.figure.axes) == 2 * 12
    assert "12 of the 14 failures" in drawing.caption
    path = explained(cifar_predictions()).cases[0].failure.path[-1]
    first, second = (text.get_text() for text in drawing.figure.texts[:2])
    assert (first, second) == (f"{path.true} >", f"{path.answered}, {100 * path.confidence:.0f}\u00a0%")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_montage_takes_grey_and_coloured_pictures(zoo: Predictions, channels: int) -> None:
    with paper_style():
        found = draw(zoo, score(zoo, resamples=5), (), explained(zoo, channels=channels))
    assert found[-1].name == "failures"


def test_heat_is_bright_where_the_map_is_hot_and_changes_smoothly() -> None:
    heat = np.array([[0, 255]], np.uint8)
    laid = np.asarray(overlay(Image.new("RGB", (64, 32)), heat)).sum(axis=2).astype(int)
    assert laid[:, 0].max() < 20
    assert laid[:, -1].min() > 300
    assert np.abs(np.diff(laid[0])).max() < 30, "steps between neighbouring pixels"


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(zoo: Predictions, tmp_path: Path) -> Path:
    """A run folder without a network."""
    folder = tmp_path / "run"
    folder.mkdir()
    zoo.save(folder / "predictions.safetensors")
    files = {"config": {"config": TINY.to_dict()}, "scores": score(zoo, resamples=20).to_dict(), "done": {}}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, HISTORY)))
    return folder


def test_report_writes_figures_where_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("report", folder) == 0
    assert not (folder / "figures").exists()
    capsys.readouterr()
    assert status("report", folder, "--figures") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Report: {folder / 'report.html'}", f"Figures: {folder / 'figures'}"]
    found = {path.name for path in (folder / "figures").iterdir()}
    assert {"accuracy.png", "accuracy.svg", "training.svg", "captions.md"} <= found
    assert "failures.png" not in found


def test_a_run_shows_its_failures_where_they_were_explained(
    folder: Path, zoo: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("kinwise.show.paper.write_figures", lambda path, **parts: given.update(parts, path=path))
    explained(zoo).save(folder)
    assert Run(folder).figures() == folder / "figures" == given["path"]
    assert given["explanations"].cases == explained(zoo).cases
    assert given["history"] == HISTORY


def test_figures_of_no_run_and_in_no_folder_are_refused(folder: Path, tmp_path: Path, refused: Refused) -> None:
    assert "no run at" in refused("report", tmp_path / "none", "--figures")
    (folder / "figures").write_text("in the way")
    assert "cannot write" in refused("report", folder, "--figures")


def test_a_report_does_not_load_matplotlib() -> None:
    program = "import sys, kinwise.show.report, kinwise.show.paper, kinwise.run; sys.exit('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
