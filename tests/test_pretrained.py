"""Backbones of timm: what is asked of it, with a stand-in where it is not installed; its errors; its normalisation."""

import importlib.util
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from easy import CONFIG, CPU, TREE, easy_images
from torch import nn

from kinwise.data.augment import unit_statistics
from kinwise.errors import InputError
from kinwise.learn.backbones import backbone
from kinwise.learn.network import build
from kinwise.learn.train import Training

LEARNT = replace(CONFIG, network="timm:small.a", widths=(), optimiser="sgd", learning_rate=0.01, freeze=())


class Body(nn.Module):
    """What timm gives: a network without classifier; fetched weights are 7."""

    num_features = 5
    pretrained_cfg = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}  # noqa: RUF012 - as timm has it

    def __init__(self, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 5, 3)
        if pretrained:
            nn.init.constant_(self.convolution.weight, 7.0)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.convolution(pictures).mean((2, 3))


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A stand-in for timm; the list says for each network made whether its weights were fetched."""
    fetched: list[bool] = []

    def create_model(name: str, *, pretrained: bool, num_classes: int, in_chans: int) -> Any:
        assert num_classes == 0
        if not name.startswith("small"):
            raise RuntimeError(f"Unknown model ({name})")
        fetched.append(pretrained)
        return Body(in_chans, pretrained)

    module = SimpleNamespace(
        create_model=create_model, is_model=lambda name: name == "small", list_models=lambda _: ["small", "smaller"]
    )
    monkeypatch.setitem(sys.modules, "timm", module)
    return fetched


def test_weights_are_fetched_for_a_training_and_not_for_reading_one(timm: list[bool]) -> None:
    network = build(LEARNT, TREE, unit_statistics(3), 18, seed=0)
    assert timm == [False]
    assert network.head.classes.in_features == 5
    training = Training(LEARNT, easy_images(), CPU)
    assert timm == [False, False, True]
    assert training.network.backbone.body.convolution.weight.eq(7).all()
    before = training.network.head.classes.weight.clone()
    training.run()
    assert not training.network.backbone.body.convolution.weight.eq(7).all()
    assert not torch.equal(training.network.head.classes.weight, before)


def test_pictures_are_normalised_as_the_weights_expect(timm: list[bool]) -> None:  # noqa: ARG001
    training = Training(LEARNT, easy_images(), CPU)
    assert training.network.statistics.mean == training.feed.statistics.mean == (0.1, 0.2, 0.3)
    assert training.network.statistics.std == (0.5, 0.6, 0.7)


def test_unknown_networks_and_widths_are_refused(timm: list[bool]) -> None:  # noqa: ARG001
    with pytest.raises(InputError, match="timm has no network 'smal'; did you mean small, smaller"):
        backbone(replace(LEARNT, network="timm:smal"), 3)
    with pytest.raises(InputError, match="widths: timm:small has its own"):
        backbone(replace(LEARNT, network="timm:small", widths=(8, 8, 8)), 3)


def test_without_timm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'kinwise\[timm\]'"):
        backbone(LEARNT, 3)


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed (it needs torchvision)")
def test_a_real_network_of_timm_gives_features() -> None:
    network = backbone(replace(LEARNT, network="timm:resnet10t"), 3)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, network.features)
