"""What the page's script knows of every picture: unpacked again, it is what was put in, and it stays small."""

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, cifar_predictions, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES, decide
from kinwise.judge.predictions import Predictions
from kinwise.show.picture_data import FULL, picture_data

CLASS_RULES = [rule for rule, one in RULES.items() if not one.stops]


def unpacked(packed: dict[str, str]) -> np.ndarray:
    kind = packed["type"].removesuffix("Array").lower()
    return np.frombuffer(base64.b64decode(packed["data"]), np.dtype(kind).newbyteorder("<"))


def shares(packed: dict[str, str]) -> np.ndarray:
    return unpacked(packed) / FULL


def test_the_zoo_by_hand() -> None:
    zoo = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    found = picture_data(zoo, decide(zoo).answers)
    assert found["tree"]["parents"] == [-1, 0, 0, 1, 2, 3, 3, 1, 4, 4]
    assert found["tree"]["names"][0] == "all classes"
    assert found["tree"]["levels"] == ["group", "superclass", "class"]
    assert unpacked(found["labels"]).tolist() == LABELS.tolist()
    assert found["answers"][:2] == [None, None], "they follow from the class answers"
    assert unpacked(found["answers"][2]).tolist() == [0, 1, 0, 2, 4]
    assert shares(found["confidence"][2]) == pytest.approx([0.6, 0.5, 0.3, 0.4, 0.6], abs=1e-5)
    assert shares(found["confidence"][0]) == pytest.approx([0.9, 0.8, 0.6, 0.6, 0.7], abs=1e-5)
    # The most likely class is right for the first and the last picture: bits 0 and 4.
    assert unpacked(found["best_right"][2]).tolist() == [0b10001]
    assert found["sure"] is None
    assert found["ids"] is None
    named = picture_data(replace(zoo, ids=np.array(["é", "b\n", "<c>", "d", "e"])), decide(zoo).answers)
    assert json.loads(zlib.decompress(base64.b64decode(named["ids"]))) == ["é", "b\n", "<c>", "d", "e"]


@settings(max_examples=20)
@given(tree=hierarchies(), rule=st.sampled_from(CLASS_RULES), seed=st.integers(0, 99))
def test_answers_and_confidences_come_back(tree: Hierarchy, rule: str, seed: int) -> None:
    judged = random_predictions(tree, 21, seed)
    answers = decide(judged, rule).answers
    found: dict[str, Any] = picture_data(judged, answers)
    class_answers = unpacked(found["answers"][-1])
    for level, packed in enumerate(found["answers"]):
        given_ = tree.level_labels[class_answers, level] if packed is None else unpacked(packed)
        np.testing.assert_array_equal(given_, answers[:, level])
        best = judged.probabilities[level].argmax(axis=1) == tree.level_labels[judged.labels, level]
        bits = np.unpackbits(unpacked(found["best_right"][level]), count=21, bitorder="little")
        np.testing.assert_array_equal(bits, best)
        np.testing.assert_allclose(
            shares(found["confidence"][level]), judged.probabilities[level].max(axis=1), atol=0.51 / FULL
        )
    sure = shares(found["sure"] or found["confidence"][-1])
    np.testing.assert_allclose(sure, judged.probabilities[-1][np.arange(21), answers[:, -1]], atol=0.51 / FULL)


def test_ten_thousand_pictures_cost_less_than_300_kilobytes() -> None:
    few = cifar_predictions()
    places = np.random.default_rng(0).integers(len(few), size=10_000)
    numbers = np.random.default_rng(1).integers(10_000, size=10_000)
    many = replace(
        few,
        probabilities=tuple(level[places] for level in few.probabilities),
        labels=few.labels[places],
        ids=np.array([f"test/some_name_{number % 313}_s_{number:06d}.png" for number in numbers]),
    )
    assert len(json.dumps(picture_data(many, decide(many, "independent").answers))) < 300_000
