"""Learned severity factors: they follow what validation pictures want, and stay positive and increasing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from easy import CONFIG, CPU, TREE, easy_images
from torch import Tensor

import kinwise
from kinwise.data.augment import normalise
from kinwise.errors import InputError
from kinwise.experiment import Watchers
from kinwise.learn.severity import SeverityTuner
from kinwise.learn.train import Training

IMAGES = easy_images(train=176)
LEARNED = replace(CONFIG, loss="learned-severity", epochs=2.0)


def a_training() -> Training:
    return Training(LEARNED, IMAGES, CPU)


def the_tuner(training: Training) -> SeverityTuner:
    assert training.tuner is not None
    return training.tuner


def test_a_factor_is_pulled_by_what_its_mistakes_do_for_validation_pictures() -> None:
    """Against the loss of the validation pictures after one small step of the head, written out."""
    training = a_training()
    tuner, network = the_tuner(training), training.network.eval()
    pixels, labels = torch.from_numpy(IMAGES.train.pixels[:40]), torch.from_numpy(IMAGES.train.labels[:40])
    with torch.no_grad():
        scores = network(normalise(pixels, network.statistics))[-1]
        learnt_from = tuner.features
        wanted = tuner._wanted(0, 18)
        held_out = tuner.features
    found = tuner._pulls(scores, torch.from_numpy(IMAGES.train.level_labels[:40]), learnt_from, wanted)

    distances = torch.tensor(TREE.distances)
    severity = distances[scores.argmax(1), labels]
    assert len(set(severity.tolist())) == 3, "the test needs mistakes of every severity"
    weights, scale = network.head.classes.weight.detach().double(), network.head.scale
    truth = torch.from_numpy(IMAGES.validation.labels)

    def lost_after_a_step(factors: Tensor, rate: float = 1e-4) -> float:
        leaf = weights.clone().requires_grad_()
        each = F.cross_entropy(learnt_from.double() @ leaf.T * scale, labels, reduction="none")
        (slope,) = torch.autograd.grad((factors[severity] * each).mean(), leaf)
        after = held_out.double() @ (weights - rate * slope).T * scale
        cost = (distances[truth] * after.softmax(1)).sum(1).mean()
        return float(F.cross_entropy(after, truth) + cost)

    start = torch.ones(3, dtype=torch.float64)
    slopes = [(lost_after_a_step(start) - lost_after_a_step(start + step)) / 1e-4 for step in torch.eye(3)]
    expected = torch.tensor(slopes) / scale**2
    torch.testing.assert_close(found, expected.float(), rtol=1e-2, atol=1e-4)


def test_factors_stay_positive_and_increasing_whatever_is_wanted() -> None:
    tuner = the_tuner(a_training())
    assert tuner.factors().tolist() == pytest.approx([1, 1.1, 1.2])
    for _ in range(300):
        tuner.optimiser.zero_grad()
        tuner.factors().sum().backward()  # everything pulls them down
        tuner.optimiser.step()
    factors = tuner.factors()
    assert factors[0] == 1
    assert (factors.diff() > 0).all()


def test_they_begin_with_what_the_config_says() -> None:
    training = Training(LEARNED.changed(["severity_factors=1,1.5,3"]), IMAGES, CPU)
    assert the_tuner(training).factors().tolist() == pytest.approx([1, 1.5, 3])


def test_they_may_begin_far_apart() -> None:
    training = Training(LEARNED.changed(["severity_factors=1,100,200"]), IMAGES, CPU)
    assert the_tuner(training).factors().tolist() == pytest.approx([1, 100, 200])


def test_they_are_learned_used_and_recorded() -> None:
    training = a_training()
    before = training.context.severity_factors.clone()
    training.run()
    recorded = [entry["severity_factors"] for entry in training.history]
    assert len(recorded) == 2
    assert recorded[-1] == training.context.severity_factors.tolist()
    assert recorded[-1] != before.tolist()
    assert np.all(np.diff(recorded) > 0)


def test_a_break_changes_nothing() -> None:
    whole, first, second = a_training(), a_training(), a_training()
    whole.run()
    first.run(stop=lambda: first.step == 11)
    second.load_state(first.state())
    second.run()
    assert second.history[-1]["severity_factors"] == whole.history[-1]["severity_factors"]


def test_what_was_learned_is_said_kept_and_shown(tmp_path: Path) -> None:
    said: list[str] = []
    changes = [f"{key}={LEARNED.text_of(key)}" for key in ("widths", "batch", "epochs", "resolutions", "translate")]
    run = kinwise.train(
        IMAGES,
        changes=[*changes, "loss=learned-severity", "explained=0"],
        out=tmp_path / "run",
        watchers=Watchers(say=said.append),
    )
    factors = run.saved_scores().training["severity_factors"]  # type: ignore[index]
    assert factors == run.history[-1]["severity_factors"]
    text = ", ".join(f"{severity}: {factor:.2f}" for severity, factor in enumerate(factors))
    assert f"Severity factors learned on validation pictures: {text}" in said
    assert text in (run.folder / "report.html").read_text(encoding="utf-8")


def test_without_validation_pictures_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match=r"pictures held out, and none are; add --set validation=0\.1"):
        Training(LEARNED, easy_images(others=0), CPU)
