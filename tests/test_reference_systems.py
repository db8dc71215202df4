"""The reference systems: each network, loss, schedule and sampler is what its report says."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from easy import CPU

from kinwise.config import Config
from kinwise.data.augment import unit_statistics
from kinwise.data.images import Images, hold_out
from kinwise.learn.feed import Feed
from kinwise.learn.losses import LOSSES, loss_context
from kinwise.learn.network import Network, build, model_facts
from kinwise.learn.processes import Processes
from kinwise.learn.schedules import Moment, learning_rate_share
from kinwise.learn.train import Training
from kinwise.recipes import REFERENCE_SYSTEMS, recipe
from kinwise.taxonomy import find

TREE = find("cifar100")
PARAMETERS = {
    "dense-trunk": 13_488_001,
    "dense-trunk-severity": 13_488_001,
    "double-conv": 5_933_505,
    "double-conv-severity": 5_918_628,
    "resnet9": 30_441_528,
    "smoothed-cnn": 10_462_756,
    "smoothed-cnn-augmented": 10_462_756,
}
WITH_THREE_HEADS = {
    "dense-trunk",
    "dense-trunk-severity",
    "weighted-heads",
    "weighted-heads-severity",
    "double-conv",
}


def config_of(name: str) -> Config:
    return recipe(name).config


@cache
def network_of(name: str) -> Network:
    return build(config_of(name), TREE, unit_statistics(3), size=32, seed=0)


def pictures(per_class: int, seed: int = 0) -> Images:
    """Noise in all classes of CIFAR-100, a fifth of it to test with."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(100), per_class)
    return Images(
        pixels=draw.integers(0, 256, size=(len(labels), 3, 32, 32), dtype=np.uint8),
        labels=labels,
        ids=np.arange(len(labels)).astype(str),
        parts=np.where(np.arange(len(labels)) % 5 == 4, "test", "train"),
        hierarchy=TREE,
        name="noise",
    )


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_the_network_has_as_many_parameters_as_reported(name: str, parameters: int) -> None:
    facts = model_facts(network_of(name))
    assert facts["parameters"] == facts["trainable_parameters"] == parameters


def test_the_network_of_report_b_by_hand() -> None:
    convolutions = sum(9 * a * b + 3 * b for a, b in [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)])
    dense = 4096 * 1024 + 3 * 1024  # weights, biases, and the two of batch norm
    heads = 1025 * (9 + 20 + 100)
    assert model_facts(network_of("weighted-heads"))["parameters"] == convolutions + dense + heads


def test_the_network_of_report_e_takes_as_many_operations_as_reported() -> None:
    dense = 2 * (2048 * 1024 + 1024 * 512 + 512 * 100)  # the report counts the convolutions alone
    convolutions = model_facts(network_of("smoothed-cnn"))["forward_flops"] - dense
    assert convolutions / 1e9 == pytest.approx(0.645, abs=0.0005)


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_heads_contradict_each_other_only_where_there_are_three(name: str) -> None:
    network = network_of(name).eval()
    with torch.no_grad():
        group, superclass, classes = (level.softmax(1).double() for level in network(torch.randn(2, 3, 32, 32)))
    membership = torch.tensor(TREE.ancestor_matrix[TREE.level_nodes[1]], dtype=torch.float64)
    consistent = torch.allclose(classes @ membership.T, superclass, atol=1e-5)
    assert (group.shape[1], superclass.shape[1], classes.shape[1]) == (9, 20, 100)
    assert consistent == (name not in WITH_THREE_HEADS)


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_the_stages_hold_all_weights_below_the_heads(name: str) -> None:
    backbone = network_of(name).backbone
    held = [id(weight) for stage in backbone.stages for weight in stage.parameters()]
    assert sorted(held) == sorted(id(weight) for weight in backbone.parameters())


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_one_step_moves_every_weight(name: str) -> None:
    config = config_of(name).changed(["batch=8", "dropout=0", "early_stopping=0"])
    training = Training(config, pictures(5), CPU)
    before = {key: weight.detach().clone() for key, weight in training.network.named_parameters()}
    training.run(stop=iter([False, True]).__next__)
    assert training.step == 1
    assert math.isfinite(training.progress().loss)
    # A bias before batch norm changes nothing, so its gradient is only rounding.
    still = [key for key, weight in training.network.named_parameters() if torch.equal(weight, before[key])]
    assert [key for key in still if not key.endswith("bias")] == []


# --- losses ----------------------------------------------------------------------------------------------------------

# Four pictures for which class 0 is answered: right, in its superclass, in its group, in another group. The class
# scores are 0 but for log 2 of class 0, so p is 2/101 for class 0 and 1/101 for each other; all other heads give 0.
ANSWERED = [int(np.flatnonzero(TREE.distances[0] == severity)[0]) for severity in range(4)]
RIGHT, WRONG = math.log(101 / 2), math.log(101)
COARSE = math.log(9), math.log(20)

BY_HAND = {
    "dense-trunk": sum(COARSE) + (RIGHT + 3 * WRONG) / 4,
    "dense-trunk-severity": ((1 + 1 + 2 + 3) * sum(COARSE) + RIGHT + (1 + 2 + 3) * WRONG) / 4,
    "weighted-heads": 0.3 * sum(COARSE) + 0.4 * (RIGHT + 3 * WRONG) / 4,
    "weighted-heads-severity": (0.3 * (1 + 1 + 2 + 4) * sum(COARSE) + 0.4 * (RIGHT + (1 + 2 + 4) * WRONG)) / 4,
    "double-conv": sum(COARSE) + (RIGHT + 3 * WRONG) / 4,
    "double-conv-severity": (1 + 2 + 3) * WRONG / 4,
    "resnet9": (RIGHT + 3 * WRONG) / 4,
    "smoothed-cnn": 0.9 * (RIGHT + 3 * WRONG) / 4 + 0.1 * (RIGHT + 99 * WRONG) / 100,
    "smoothed-cnn-augmented": 0.9 * (RIGHT + 3 * WRONG) / 4 + 0.1 * (RIGHT + 99 * WRONG) / 100,
}


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_the_loss_of_a_batch_worked_out_by_hand(name: str) -> None:
    config = config_of(name)
    classes = torch.zeros(4, 100, dtype=torch.float64)
    classes[:, 0] = math.log(2)
    scores = (*(torch.zeros(4, size, dtype=torch.float64) for size in (9, 20)), classes)
    labels = torch.tensor(TREE.level_labels[ANSWERED])
    loss = LOSSES[config.loss].function(scores, labels, loss_context(config, TREE, torch.device("cpu")))
    assert float(loss) == pytest.approx(BY_HAND[name], rel=1e-6)


# --- schedules and stopping ------------------------------------------------------------------------------------------

RATES = {
    "dense-trunk": {0: 0.001, 10: 0.001, 19: 0.001},
    "weighted-heads": {0: 0.001, 1: 0.0009, 10: 0.001 * 0.9**10, 24: 0.001 * 0.9**24},
    "weighted-heads-severity": {0: 0.001, 19: 0.001 * 0.9**19},
    "resnet9": {0: 0.004, 4.5: (0.1 + 0.004) / 2, 9: 0.1, 19.5: 0.05, 29.999: 0.0},
    "smoothed-cnn": {0: 0.05, 12.5: 0.05 * (1 + math.sqrt(0.5)) / 2, 25: 0.025, 49.999: 0.0},
}


@pytest.mark.parametrize(("name", "rates"), RATES.items())
def test_the_learning_rate_at_these_epochs(name: str, rates: dict[float, float]) -> None:
    config = config_of(name)
    for epoch, rate in rates.items():
        moment = Moment(progress=epoch / config.epochs, epoch=epoch)
        assert config.learning_rate * learning_rate_share(config, moment) == pytest.approx(rate, abs=1e-6)


def test_the_rates_of_report_c_fall_after_six_epochs_on_a_plateau() -> None:
    config = config_of("double-conv")
    falling, still = [4.0, 3.0, 2.0], [2.0] * 5

    def rate(losses: list[float]) -> float:
        return config.learning_rate * learning_rate_share(config, Moment(progress=0.5, losses=losses))

    assert rate(falling + still) == 0.001
    assert rate([*falling, *still, 2.0]) == pytest.approx(0.0001)


@pytest.mark.parametrize(
    ("name", "optimiser", "epochs", "batch"),
    [
        ("dense-trunk", torch.optim.Adam, 20, 128),
        ("weighted-heads", torch.optim.Adam, 25, 128),
        ("weighted-heads-severity", torch.optim.Adam, 20, 128),
        ("double-conv", torch.optim.Adam, 50, 128),
        ("resnet9", torch.optim.SGD, 30, 128),
        ("smoothed-cnn", torch.optim.SGD, 50, 128),
    ],
)
def test_optimiser_length_and_batch(name: str, optimiser: type, epochs: float, batch: int) -> None:
    config = config_of(name)
    (found,) = Training(config.changed(["early_stopping=0"]), pictures(5), CPU).optimisers
    assert isinstance(found, optimiser)
    assert (config.epochs, config.batch) == (epochs, batch)
    assert recipe(name).config_for(1000) == config, "a reference system is run as it is"


def test_report_b_decays_its_dense_layer_alone() -> None:
    training = Training(config_of("weighted-heads"), hold_out(pictures(5), 0.3), CPU)
    decayed = [group for group in training.optimisers[0].param_groups if group["weight_decay"]]
    assert [tuple(weight.shape) for group in decayed for weight in group["params"]] == [(1024, 4096)]


def test_report_e_changes_one_thing() -> None:
    before, after = (config_of(name).to_dict() for name in ("smoothed-cnn", "smoothed-cnn-augmented"))
    assert {key for key in before if before[key] != after[key]} == {"recipe", "translate", "flip"}


# --- pictures --------------------------------------------------------------------------------------------------------


def uneven() -> Images:
    """Classes 0 to 49 with 16 training pictures each, the others with 4."""
    labels = np.concatenate([np.repeat(np.arange(50), 16), np.repeat(np.arange(50, 100), 4)])
    return Images(
        pixels=np.zeros((len(labels), 3, 32, 32), dtype=np.uint8),
        labels=labels,
        ids=np.arange(len(labels)).astype(str),
        parts=np.full(len(labels), "train"),
        hierarchy=TREE,
        name="uneven",
    )


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_the_sampler_draws_each_class_as_often_as_its_report_says(name: str) -> None:
    config = config_of(name).changed(["batch=100"])
    feed = Feed(uneven(), config, unit_statistics(3), torch.device("cpu"), Processes())
    drawn = torch.cat([feed.at(step)[1][:, -1] for step in range(20 * feed.steps_per_epoch)])
    rare = float((drawn >= 50).double().mean())
    expected = 0.5 if name.startswith("dense-trunk") else 0.2
    assert rare == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / len(drawn)))


@pytest.mark.parametrize(
    ("name", "split", "validation", "normalisation"),
    [
        ("dense-trunk", "70:30", 0.0, "channel"),
        ("weighted-heads", "70:30", 0.1, "unit"),
        ("double-conv", "70:30", 0.1, "channel"),
        ("resnet9", "official", 0.0, "channel"),
        ("smoothed-cnn", "official", 0.2, "channel"),
    ],
)
def test_split_and_preprocessing(name: str, split: str, validation: float, normalisation: str) -> None:
    config = config_of(name)
    assert (config.split, config.validation, config.normalisation) == (split, validation, normalisation)
    assert (config.near_duplicates == "apart") == (split != "official")  # as the reports did
    assert config.decision == "argmax", "even where pictures are held out to calibrate on"
