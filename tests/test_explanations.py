"""Explanations on disk: what is saved is what is loaded, the table, and what damage is told."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinwise.errors import InputError
from kinwise.examine.album import album_of
from kinwise.examine.cases import Case, Copy, Faithfulness, HeatMap, Hypothesis, Neighbour, Stability, Trait
from kinwise.examine.explanations import Explanations
from kinwise.judge.failures import Failure, LevelAnswer

FAITHFUL = Faithfulness(whole=0.9, empty=0.1, blanked=0.2, kept=0.7, random_blanked=0.8, random_kept=0.3)


def hand_made_case(row: int = 3, name: str = "test/cup.png") -> Case:
    path = (
        LevelAnswer(level="group", true="things", answered="things", confidence=0.97, true_confidence=0.97),
        LevelAnswer(level="class", true="cup", answered='jug, "blue"', confidence=0.9, true_confidence=0.05),
    )
    return Case(
        failure=Failure(
            row=row,
            id=name,
            reasons=("confident", "frequent"),
            path=path,
            severity=1,
            label_doubt=0.25,
            near_duplicate=None,
        ),
        neighbours=(Neighbour(id="train/jug.png", label='jug, "blue"', similarity=0.875),),
        copies=(Copy(name="grey", answered="cup", confidence=0.2, true_confidence=0.6),),
        stability=Stability(copies=9, same=7, right=2),
        maps=tuple(HeatMap(target=target, border=0.5, faithfulness=FAITHFUL) for target in ("group", "class", "both")),
        hypotheses=(Hypothesis(kind="colour", text="In grey it is answered cup."),),
    )


def hand_made(cases: tuple[Case, ...]) -> Explanations:
    draw = np.random.default_rng(0)

    def pixels(*shape: int) -> np.ndarray:
        return draw.integers(0, 256, size=(len(cases), *shape), dtype=np.uint8)

    return Explanations(
        method="layer-cam",
        cases=cases,
        pictures=pixels(3, 16, 16),
        maps=pixels(3, 7, 7),
        neighbours=pixels(1, 3, 16, 16),
        common=(
            Trait(
                name="brightness",
                side="low",
                pictures=40,
                found=(0.4, 0.3),
                checked=(0.38, 0.31),
                difference=(0.07, 0.01, 0.13),
                holds=True,
            ),
        ),
        album=album_of(pixels(3, 16, 16), np.arange(len(cases))),
    )


def test_the_shares_of_faithfulness_by_hand() -> None:
    assert (FAITHFUL.fall, FAITHFUL.rise) == pytest.approx((0.7, 0.6))
    assert (FAITHFUL.random_fall, FAITHFUL.random_rise) == pytest.approx((0.1, 0.2))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_saved_is_what_is_loaded(count: int, tmp_path: Path) -> None:
    saved = hand_made(tuple(hand_made_case(row) for row in range(count)))
    saved.save(tmp_path)
    loaded = Explanations.load(tmp_path)
    assert loaded is not None
    for name in ("method", "cases", "common", "album"):
        assert getattr(loaded, name) == getattr(saved, name), name
    for name in ("pictures", "maps", "neighbours"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name), err_msg=name)


def test_nothing_saved_is_nothing_loaded(tmp_path: Path) -> None:
    assert Explanations.load(tmp_path) is None


def test_the_table_has_a_line_for_each_case_that_a_spreadsheet_reads(tmp_path: Path) -> None:
    bland = replace(hand_made_case(8, "b.png"), neighbours=(), hypotheses=())
    hand_made((hand_made_case(), bland)).save(tmp_path)
    with (tmp_path / "failures.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["row"] == "3"
    assert first["id"] == "test/cup.png"
    assert first["reasons"] == "confident frequent"
    assert (first["true class"], first["answered class"]) == ("cup", 'jug, "blue"')
    assert (first["confidence class"], first["true confidence class"]) == ("0.9000", "0.0500")
    assert first["severity"] == "1"
    assert first["label doubt"] == "0.2500"
    assert first["near-duplicate in train"] == ""
    assert (first["most similar"], first["its class"], first["similarity"]) == (
        "train/jug.png",
        'jug, "blue"',
        "0.8750",
    )
    assert first["what may have happened"] == "In grey it is answered cup."
    assert (second["row"], second["most similar"], second["what may have happened"]) == ("8", "", "")


@pytest.mark.parametrize("damage", ["cut", "other", "gone"])
def test_damage_is_told_with_the_way_out(damage: str, tmp_path: Path) -> None:
    hand_made((hand_made_case(),)).save(tmp_path)
    if damage == "cut":
        path = tmp_path / "failures.safetensors"
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "other":
        (tmp_path / "failures.json").write_text('{"method": "layer-cam", "cases": [{}]}')
    else:
        (tmp_path / "failures.safetensors").unlink()
    with pytest.raises(InputError, match="kinwise explain"):
        Explanations.load(tmp_path)
