"""Heat maps: against plain autograd, on a network that is understood, and that explaining a network changes nothing."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from easy import CONFIG, TREE
from quadrant import SIDE, QuadrantNetwork
from torch import Tensor, nn

from kinwise.config import Config
from kinwise.data.augment import unit_statistics
from kinwise.errors import InputError
from kinwise.examine import maps as module
from kinwise.examine.maps import AGAINST, DEFAULT, METHODS, fine_stage, heat_maps, last_convolution, targets_of
from kinwise.learn.backbones import BACKBONES
from kinwise.learn.backbones.fast import FastNet
from kinwise.learn.backbones.plain import PlainNet
from kinwise.learn.network import Network, build

ANSWERED = np.array([[0, 0], [0, 1], [1, 2], [1, 3]])
TRUE = np.array([[1, 3], [0, 0], [0, 1], [1, 3]])  # the last is right


def a_network(name: str = "fast", size: int = 32, seed: int = 3) -> Network:
    """Fresh weights, with norms as after some training, so that some places speak for a class and others against."""
    config = Config(network=name, widths=CONFIG.widths if name == "fast" else ())
    network = build(config, TREE, unit_statistics(3), size, seed)
    draw = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.copy_(0.1 * torch.randn(norm.running_mean.shape, generator=draw))
            with torch.no_grad():
                norm.bias.copy_(0.1 * torch.randn(norm.bias.shape, generator=draw))
    return network.eval()


def some_pictures(size: int = 32, count: int = 4) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(5))


# --- against plain autograd ------------------------------------------------------------------------------------------


def by_autograd(network: Network, layer: nn.Module, target: int, everywhere: bool) -> np.ndarray:
    """Grad-CAM, or LayerCAM where each place has a weight of its own, from torch's own hooks and gradients."""
    kept: list[Tensor] = []
    handle = layer.register_forward_hook(lambda *call: kept.append(call[2]))
    scores = network(some_pictures().requires_grad_())
    handle.remove()
    rows = torch.arange(4)
    against = scores[-1][rows, ANSWERED[:, -1]] - scores[-1][rows, TRUE[:, -1]]
    value = [*(level[rows, ANSWERED[:, place]] for place, level in enumerate(scores)), against][target]
    gradient = torch.autograd.grad(value.sum(), kept[0])[0]
    weights = gradient.clamp(min=0) if everywhere else gradient.mean((2, 3), keepdim=True)
    heat = (weights * kept[0]).sum(1).clamp(min=0).detach()
    return (heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-30)).numpy()


Layers = dict[str, tuple[Callable[[Network], nn.Module], Callable[[Network], nn.Module]]]
LAYERS: Layers = {
    "fast": (lambda network: network.backbone.groups[1], lambda network: network.backbone.groups[2].b),
    "double-conv": (lambda network: network.backbone.blocks[1], lambda network: network.backbone.blocks[2][3]),
}
"""For each network the stage that LayerCAM explains and the convolution that Grad-CAM does."""


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("method", METHODS)
def test_maps_are_those_of_plain_autograd_for_every_target(name: str, method: str) -> None:
    network = a_network(name)
    found = heat_maps(network, some_pictures(), ANSWERED, TRUE, method)
    layer_cam = method == "layer-cam"
    layer = LAYERS[name][0 if layer_cam else 1](network)
    assert found.shape[:2] == (4, 3)
    assert found.dtype == np.float32
    assert found.max() == 1
    for target in range(3):
        expected = by_autograd(network, layer, target, everywhere=layer_cam)
        assert found[:, target] == pytest.approx(expected, abs=1e-5), f"target {target}"


@pytest.mark.parametrize("method", METHODS)
def test_a_maximum_is_1_and_the_true_answer_has_nothing_against_itself(method: str) -> None:
    found = heat_maps(a_network(), some_pictures(), ANSWERED, TRUE, method)
    assert found.min() >= 0
    highest = found.max(axis=(2, 3))
    assert set(np.unique(highest)) <= {0, 1}
    assert highest[3, 2] == 0, "answered and true are the same class"
    assert highest[:3].mean() > 0.5, "most maps have heat"


def test_targets_are_the_levels_and_the_answered_class_against_the_true_one() -> None:
    assert targets_of(("group", "class")) == ("group", "class", AGAINST)


# --- a network that is understood ------------------------------------------------------------------------------------


def test_the_heat_is_in_the_quadrant_that_the_answer_depends_on() -> None:
    pictures = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    answered, true = np.array([[0, 0], [0, 0]]), np.array([[1, 2], [0, 1]])
    found = heat_maps(QuadrantNetwork(), pictures, answered, true, "layer-cam")  # type: ignore[arg-type]
    bright = pictures[:, :, :4, :4].numpy()
    expected = np.zeros((2, 3, SIDE, SIDE))
    expected[:, :, :4, :4] = bright / bright.max(axis=(2, 3), keepdims=True)
    assert found == pytest.approx(expected, abs=1e-6)


def test_an_answer_that_nothing_speaks_for_has_no_heat() -> None:
    pictures = torch.ones(1, 1, SIDE, SIDE)
    for method in METHODS:
        maps = heat_maps(QuadrantNetwork(), pictures, np.array([[1, 1]]), np.array([[0, 0]]), method)  # type: ignore[arg-type]
        assert (maps == 0).all(), "the score of the answer is constant, and that of the truth rises with the picture"


# --- which layer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BACKBONES)
def test_layer_cam_explains_the_smallest_maps_of_at_least_7_positions(name: str) -> None:
    network = a_network(name)
    # fast: 31, 15, 7, 3; resnet9: 16, 16, 4, ...; the others: 16, 8, 4 and perhaps 2
    place, side = {"fast": (2, 7), "resnet9": (0, 16)}.get(name, (1, 8))
    assert fine_stage(network, some_pictures(count=1)) is network.backbone.stages[place]
    maps = heat_maps(network, some_pictures(count=2), ANSWERED[:2], TRUE[:2])
    assert maps.shape == (2, 3, side, side)


@pytest.mark.parametrize(
    ("size", "sides"), [(16, (15, 7, 3, 1)), (18, (17, 8, 4, 2)), (48, (23, 11, 5, 2)), (64, (31, 15, 7, 3))]
)
def test_the_stage_depends_on_the_size_of_the_pictures(size: int, sides: tuple[int, ...]) -> None:
    network = a_network(size=size)
    side = min(side for side in sides if side >= 7)
    assert fine_stage(network, some_pictures(size, 1)) is network.backbone.stages[sides.index(side)]
    assert heat_maps(network, some_pictures(size), ANSWERED, TRUE).shape[2:] == (side, side)


def test_pictures_too_small_for_that_are_explained_at_the_largest_maps() -> None:
    network = QuadrantNetwork()
    assert fine_stage(network, torch.ones(1, 1, 5, 5)) is network.backbone.same  # type: ignore[arg-type]


def test_grad_cam_explains_the_last_convolution() -> None:
    network = a_network("resnet9")
    assert last_convolution(network, some_pictures()) is network.backbone.third_pair[3]


class Flat(nn.Module):
    """A network without maps."""

    stages = ()

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean((2, 3))


@pytest.mark.parametrize("method", METHODS)
def test_a_network_without_maps_is_refused(method: str) -> None:
    network = QuadrantNetwork()
    network.backbone = Flat()  # type: ignore[assignment]
    with pytest.raises(InputError, match=method):
        heat_maps(network, torch.ones(1, 1, 8, 8), np.zeros((1, 2), int), np.ones((1, 2), int), method)  # type: ignore[arg-type]


# --- nothing about the network changes -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_being_explained_changes_nothing(method: str) -> None:
    network = a_network().train()
    network.backbone.groups[0].eval()
    network.head.requires_grad_(False)
    for parameter in network.backbone.groups.parameters():
        parameter.grad = torch.ones_like(parameter)
    parameters = list(network.parameters())
    modes, wanted = [one.training for one in network.modules()], [one.requires_grad for one in parameters]
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    gradients = [None if one.grad is None else one.grad.clone() for one in parameters]
    pictures = some_pictures()
    before = pictures.clone()
    heat_maps(network, pictures, ANSWERED, TRUE, method)
    assert [one.training for one in network.modules()] == modes
    assert [one.requires_grad for one in parameters] == wanted
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert (parameter.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(parameter.grad, gradient)
    assert not any(one._forward_hooks for one in network.modules())
    assert torch.equal(pictures, before)
    assert not pictures.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_frozen_networks_without_gradients_have_the_same_maps(method: str) -> None:
    network = a_network()
    expected = heat_maps(network, some_pictures(), ANSWERED, TRUE, method)
    network.requires_grad_(False)
    with torch.no_grad():
        found = heat_maps(network.train(), some_pictures(), ANSWERED, TRUE, method)
        assert not torch.is_grad_enabled()
    assert found == pytest.approx(expected, abs=1e-6)


def test_batches_do_not_change_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    network = a_network()
    at_once = heat_maps(network, some_pictures(), ANSWERED, TRUE)
    monkeypatch.setattr(module, "_BATCH", 3)
    assert heat_maps(network, some_pictures(), ANSWERED, TRUE) == pytest.approx(at_once, abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_no_pictures_have_no_maps(method: str) -> None:
    network = a_network()
    some = heat_maps(network, some_pictures(), ANSWERED, TRUE, method)
    assert heat_maps(network, some_pictures()[:0], ANSWERED[:0], TRUE[:0], method).shape == (0, *some.shape[1:])


# --- what is refused -------------------------------------------------------------------------------------------------


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(InputError, match="there is no way 'heat' to make heat maps; there are layer-cam, grad-cam"):
        heat_maps(a_network(), some_pictures(), ANSWERED, TRUE, "heat")
    assert DEFAULT in METHODS


def test_without_torchcam_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchcam", None)
    with pytest.raises(InputError, match="pip install torchcam"):
        heat_maps(a_network(), some_pictures(), ANSWERED, TRUE)


def test_the_networks_are_those_that_are_meant() -> None:
    assert isinstance(a_network("fast").backbone, FastNet)
    assert isinstance(a_network("double-conv").backbone, PlainNet)
