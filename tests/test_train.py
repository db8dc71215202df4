"""Training: it learns, it goes on after a break as if there had been none, it looks at training pictures only."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from easy import CONFIG, CPU, TREE, easy_images
from torch import nn

from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.learn.losses import LOSSES
from kinwise.learn.network import predict
from kinwise.learn.schedules import Moment, learning_rate_share, plateaus
from kinwise.learn.train import Progress, Training

IMAGES = easy_images()


def trained(config: Config = CONFIG, images: Images = IMAGES) -> Training:
    """A finished training of 2 epochs of 4 steps, unless the config says otherwise."""
    training = Training(config, images, CPU)
    training.run()
    return training


@cache
def unbroken(sampler: str = "shuffle") -> Training:
    """The training that others are compared with; do not change it."""
    return trained(CONFIG.changed([f"sampler={sampler}"]))


def after(steps: int) -> Callable[[], bool]:
    """A ``stop`` that says True once so many steps are taken."""
    asked = iter(range(steps + 1))
    return lambda: next(asked) == steps


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all weights and buffers are equal to the bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == again and torch.equal(a, b) for (name, a), (again, b) in pairs)


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: entry[key] for key in entry if key not in ("seconds", "images_per_second")} for entry in history]


# --- it learns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_an_easy_problem_is_learnt_at_every_level(loss: str) -> None:
    training = trained(replace(CONFIG, loss=loss, epochs=8.0))
    first, last = training.history[0], training.history[-1]
    assert last["loss"] < 0.5 * first["loss"]
    test = IMAGES.test
    probabilities = predict(training.network, test, CPU)
    # flat and severity-weighted learn the superclasses through the classes.
    for level, found in enumerate(probabilities):
        assert (found.argmax(1) == TREE.level_labels[test.labels, level]).mean() > 0.8


def test_bfloat16_is_close_to_float32() -> None:
    training = Training(CONFIG, IMAGES, replace(CPU, dtype=torch.bfloat16))
    training.run()
    assert all(parameter.dtype == torch.float32 for parameter in training.network.parameters())
    losses = [[entry["loss"] for entry in each.history] for each in (training, unbroken())]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_the_history_has_one_entry_per_epoch_and_one_for_the_rest() -> None:
    history = trained(replace(CONFIG, epochs=1.5)).history
    assert [entry["epoch"] for entry in history] == [1.0, 1.5]
    assert [entry["step"] for entry in history] == [4, 6]
    keys = {"epoch", "step", "seconds", "loss", "learning_rate", "images_per_second", "accuracy", "average_severity"}
    assert set(history[0]) == keys | {"validation_loss"}
    for part in ("train", "validation"):
        assert set(history[0]["accuracy"][part]) == set(TREE.levels)
        assert history[0]["average_severity"][part] >= 0
    assert 0 < history[0]["seconds"] < history[1]["seconds"]


def test_progress_starts_afresh_in_every_epoch() -> None:
    seen: list[Progress] = []
    training = Training(CONFIG, IMAGES, CPU)
    training.run(seen.append)
    assert [progress.step for progress in seen] == list(range(1, 9))
    assert [training.history[epoch]["loss"] for epoch in (0, 1)] == [seen[3].loss, seen[7].loss]
    assert [training.history[epoch]["accuracy"]["train"] for epoch in (0, 1)] == [seen[3].accuracy, seen[7].accuracy]
    sixteenths = [progress.accuracy["class"] * 16 for progress in (seen[0], seen[4])]  # of one batch alone
    assert sixteenths == [round(value) for value in sixteenths]


def test_the_loss_is_the_mean_over_the_pictures_of_the_epoch() -> None:
    config = replace(CONFIG, loss="flat", learning_rate=0.0, other_learning_rate=0.0, epochs=1.0)
    training = Training(config, IMAGES, CPU)
    before = deepcopy(training.network).train()
    training.run()

    def loss_and_accuracy(step: int) -> tuple[float, float]:
        pictures, labels = training.feed.at(step)
        with torch.no_grad():
            scores = before(pictures)[-1].double()
        of_truth = scores.log_softmax(1)[torch.arange(16), labels[:, 1]]
        return -float(of_truth.mean()), float((scores.argmax(1) == labels[:, 1]).double().mean())

    # The filters' norm is set even at a rate of 0; batch normalisation undoes that.
    loss, accuracy = np.mean([loss_and_accuracy(step) for step in range(4)], axis=0)
    assert training.history[0]["loss"] == pytest.approx(loss, rel=1e-3)
    assert training.history[0]["accuracy"]["train"]["class"] == pytest.approx(accuracy)


def test_the_learning_rate_is_that_of_the_schedule() -> None:
    rates: list[float] = []
    config = replace(CONFIG, learning_rate=0.1, warmup=0.25)
    Training(config, IMAGES, CPU).run(lambda progress: rates.append(progress.learning_rate))
    expected = [0.1 * learning_rate_share(config, Moment(progress=(step + 0.5) / 8)) for step in range(8)]
    assert rates == pytest.approx(expected)


# --- the same again --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    state = torch.random.get_rng_state()
    again, other = trained(), trained(replace(CONFIG, seed=1))
    assert same_weights(again.network, unbroken().network)
    assert without_times(again.history) == without_times(unbroken().history)
    assert not same_weights(other.network, unbroken().network)
    assert torch.equal(torch.random.get_rng_state(), state)  # nobody else's random numbers are touched


@pytest.mark.parametrize(("step", "sampler"), [(3, "shuffle"), (4, "shuffle"), (6, "balanced")])
def test_resuming_gives_the_very_weights_of_an_unbroken_training(step: int, sampler: str, tmp_path: Path) -> None:
    config = CONFIG.changed([f"sampler={sampler}"])
    broken = Training(config, IMAGES, CPU)
    broken.run(stop=after(step))
    assert (broken.step, broken.is_done) == (step, False)
    torch.save(broken.state(), tmp_path / "state.pt")

    torch.rand(3)  # what others draw in between does not matter
    resumed = Training(config, IMAGES, CPU)
    resumed.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.run()
    assert resumed.is_done
    assert same_weights(resumed.network, unbroken(sampler).network)
    assert without_times(resumed.history) == without_times(unbroken(sampler).history)


def test_frozen_stages_stay_and_the_others_go_on() -> None:
    training = Training(CONFIG.changed(["freeze=0.5,0.75"]), IMAGES, CPU)  # 8 steps: stem until 4, first group until 6
    stages = training.network.backbone.stages
    seen = []
    while not training.is_done:
        training.run(stop=after(1))
        seen.append([deepcopy(stage.state_dict()) for stage in stages])

    def changed(stage: int, step: int) -> bool:
        names = [name for name, _ in stages[stage].named_parameters()]
        return any(not torch.equal(seen[step][stage][name], seen[step - 1][stage][name]) for name in names)

    assert [changed(0, step) for step in range(1, 8)] == [True] * 3 + [False] * 4
    assert [changed(1, step) for step in range(1, 8)] == [True] * 5 + [False] * 2
    assert all(changed(stage, step) for stage in (2, 3) for step in range(1, 8))
    assert all(parameter.grad is None for stage in stages[:2] for parameter in stage.parameters())


def test_resuming_among_frozen_stages_gives_the_very_weights(tmp_path: Path) -> None:
    config = CONFIG.changed(["freeze=0.5,0.75"])
    first = Training(config, IMAGES, CPU)
    first.run(stop=after(5))
    torch.save(first.state(), tmp_path / "state.pt")
    second = Training(config, IMAGES, CPU)
    second.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    second.run()
    assert same_weights(second.network, trained(config).network)


@pytest.mark.parametrize("freeze", ["0", "0.6,0.5", "0.5,1.5"])
def test_freezing_at_the_start_or_out_of_order_is_refused(freeze: str) -> None:
    with pytest.raises(InputError, match="freeze: expected shares above 0 and up to 1 that do not fall"):
        CONFIG.changed([f"freeze={freeze}"])


def test_freezing_more_stages_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="the network has 4 stages, got 5 shares"):
        Training(CONFIG.changed(["freeze=.5,.6,.7,.8,.9"]), IMAGES, CPU)


def test_resuming_with_dropout_gives_the_very_weights(tmp_path: Path) -> None:
    config = CONFIG.changed(["dropout=0.5"])
    broken = Training(config, IMAGES, CPU)
    broken.run(stop=after(3))
    torch.save(broken.state(), tmp_path / "state.pt")
    torch.rand(3)
    resumed = Training(config, IMAGES, CPU)
    resumed.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    state = torch.random.get_rng_state()
    resumed.run()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same_weights(resumed.network, trained(config).network)
    assert not same_weights(resumed.network, unbroken().network)


def test_resuming_from_what_was_saved_at_the_end_of_an_epoch(tmp_path: Path) -> None:
    saved = iter([tmp_path / "first", tmp_path / "second"])
    whole = Training(CONFIG, IMAGES, CPU)
    whole.run(epoch_done=lambda training: torch.save(training.state(), next(saved)))
    resumed = Training(CONFIG, IMAGES, CPU)
    resumed.load_state(torch.load(tmp_path / "first", weights_only=True))
    assert resumed.step == 4
    resumed.run()
    assert same_weights(resumed.network, whole.network)
    assert without_times(resumed.history) == without_times(whole.history)
    assert resumed.seconds > whole.history[0]["seconds"]  # the time before the break counts


def test_weights_come_from_training_pictures_only() -> None:
    pixels, labels = IMAGES.pixels.copy(), IMAGES.labels.copy()
    others = IMAGES.parts != "train"
    pixels[others], labels[others] = 255, 0
    assert same_weights(trained(images=replace(IMAGES, pixels=pixels, labels=labels)).network, unbroken().network)
    pixels[np.flatnonzero(~others)[0]] = 255
    assert not same_weights(trained(images=replace(IMAGES, pixels=pixels)).network, unbroken().network)


# --- validation pictures ---------------------------------------------------------------------------------------------


def test_test_pictures_are_not_looked_at() -> None:
    pixels, labels = IMAGES.pixels.copy(), IMAGES.labels.copy()
    test = IMAGES.where("test")
    pixels[test], labels[test] = 255, 0
    other = trained(images=replace(IMAGES, pixels=pixels, labels=labels))
    assert without_times(other.history) == without_times(unbroken().history)


def test_validation_figures_by_hand() -> None:
    training = trained(CONFIG.changed(["loss=levels", "level_weights=0.5,2", "resolutions=18:1", "epochs=1"]))
    part = IMAGES.validation
    group, class_ = (found.astype(np.float64) for found in predict(training.network, part, CPU))
    truth = TREE.level_labels[part.labels]
    rows = np.arange(len(part))
    loss = -0.5 * np.log(group[rows, truth[:, 0]]).mean() - 2 * np.log(class_[rows, truth[:, 1]]).mean()
    (entry,) = training.history
    assert entry["validation_loss"] == pytest.approx(loss, rel=1e-4)
    assert entry["accuracy"]["validation"] == {
        "superclass": pytest.approx((group.argmax(1) == truth[:, 0]).mean()),
        "class": pytest.approx((class_.argmax(1) == truth[:, 1]).mean()),
    }
    severity = TREE.distances[part.labels, class_.argmax(1)].mean()
    assert entry["average_severity"]["validation"] == pytest.approx(severity)


def getting_worse() -> Training:
    """A training whose validation labels are the wrong ones, so that it gets worse there as it learns."""
    labels = IMAGES.labels.copy()
    validation = IMAGES.where("validation")
    labels[validation] = (labels[validation] + 2) % 4
    config = CONFIG.changed(["epochs=20", "early_stopping=2", "loss=flat"])
    return Training(config, replace(IMAGES, labels=labels), CPU)


def test_early_stopping_ends_after_its_patience_with_the_best_weights() -> None:
    training = getting_worse()
    states = []
    training.run(epoch_done=lambda training: states.append(deepcopy(training.network.state_dict())))
    losses = [entry["validation_loss"] for entry in training.history]
    best = int(np.argmin(losses))
    assert training.is_done
    assert len(losses) == best + 3 < 20
    assert min(losses[best:]) == losses[best]
    expected = deepcopy(training.network)
    expected.load_state_dict(states[best])
    assert same_weights(training.network, expected)
    expected.load_state_dict(states[-1])
    assert not same_weights(training.network, expected)


def test_resuming_with_early_stopping_goes_back_to_the_same_best_weights(tmp_path: Path) -> None:
    whole, broken, resumed = getting_worse(), getting_worse(), getting_worse()
    whole.run()
    broken.run(stop=after(whole.step - 2))
    torch.save(broken.state(), tmp_path / "state.pt")
    resumed.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.run()
    assert same_weights(resumed.network, whole.network)
    assert without_times(resumed.history) == without_times(whole.history)


def test_early_stopping_without_validation_pictures_is_refused() -> None:
    nothing_held_out = IMAGES.take(np.flatnonzero(IMAGES.parts != "validation"))
    with pytest.raises(
        InputError, match=r"^early_stopping goes by the loss on pictures held out, .* --set validation=0\.1$"
    ):
        Training(CONFIG.changed(["early_stopping=3"]), nothing_held_out, CPU)


def test_on_a_plateau_of_the_validation_loss_the_rate_falls() -> None:
    labels = IMAGES.labels.copy()
    labels[IMAGES.where("validation")] = (labels[IMAGES.where("validation")] + 2) % 4
    config = CONFIG.changed(
        ["epochs=8", "loss=flat", "schedule=plateau", "warmup=0", "patience=1", "learning_rate_decay=0.5"]
    )
    training = Training(config, replace(IMAGES, labels=labels), CPU)
    training.run()
    losses = [entry["validation_loss"] for entry in training.history]
    rates = [entry["learning_rate"] / config.learning_rate for entry in training.history]
    assert rates == [0.5 ** plateaus(losses[:epoch], 1) for epoch in range(8)]
    assert rates[-1] < 1


# --- optimisers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_the_other_optimisers_learn_and_resume(optimiser: str, tmp_path: Path) -> None:
    rate = {"adam": 0.01, "sgd": 0.1}[optimiser]
    config = CONFIG.changed([f"optimiser={optimiser}", f"learning_rate={rate}", "momentum=0.9", "epochs=12"])
    whole, broken, resumed = (Training(config, IMAGES, CPU) for _ in range(3))
    whole.run()
    assert whole.history[-1]["loss"] < 0.7 * whole.history[0]["loss"]
    broken.run(stop=after(7))
    torch.save(broken.state(), tmp_path / "state.pt")
    resumed.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.run()
    assert same_weights(resumed.network, whole.network)


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_learning_rate_far_too_high_is_named() -> None:
    config = replace(CONFIG, learning_rate=1e9, other_learning_rate=1e38, epochs=10.0)
    with pytest.raises(
        InputError, match=r"not finite at step \d+ of 40 \(learning rate \d\.\d+e\+0\d\)\. Try .*5e\+08"
    ):
        trained(config)


def test_a_poisoned_weight_is_noticed_at_the_next_step() -> None:
    training = Training(CONFIG, IMAGES, CPU)
    training.run(stop=after(2))
    with torch.no_grad():
        next(training.network.head.parameters())[0, 0] = torch.nan
    with pytest.raises(InputError, match=r"the loss is not finite at step 3 of 8 \(learning rate 0\.0\d+\)"):
        training.run()


def test_loss_network_and_weights_must_fit() -> None:
    with pytest.raises(
        InputError,
        match=r"unknown loss 'best'\. There are: flat, levels, severity-weighted, ",
    ):
        Training(replace(CONFIG, loss="best"), IMAGES, CPU)
    with pytest.raises(InputError, match="unknown network 'best'; there are fast"):
        Training(replace(CONFIG, network="best"), IMAGES, CPU)
    with pytest.raises(InputError, match="level_weights: expected 2"):
        Training(replace(CONFIG, level_weights=(1.0,)), IMAGES, CPU)
