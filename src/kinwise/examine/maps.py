"""Heat maps: which places of a picture speak for an answer, and which for it against the true one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kinwise.errors import InputError
from kinwise.learn.network import Network, evaluating

if TYPE_CHECKING:
    from torchcam.methods import GradCAM, LayerCAM

AGAINST = "answered against true"
"""The target that is the score of the answered class less that of the true class."""

DEFAULT = "layer-cam"

LEAST_SIDE = 7
"""How many positions a stage's maps have at least, in height and in width, for LayerCAM to explain it."""

_BATCH = 250  # pictures that the network looks at at once


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to make heat maps.

    Attributes:
        text: its name, source and place in the network, for people.
        extractor: the class of torchcam that does it.
        layer: the layer that it explains, from the network and one picture.
    """

    text: str
    extractor: str
    layer: Callable[[Network, Tensor], nn.Module]


def targets_of(levels: Sequence[str]) -> tuple[str, ...]:
    """What the maps of a picture explain, in order: the answered node of each level, then ``AGAINST``."""
    return (*levels, AGAINST)


def heat_maps(
    network: Network,
    pictures: Float[Tensor, "pictures channels height width"],
    answered: Int[np.ndarray, "pictures levels"],
    true: Int[np.ndarray, "pictures levels"],
    method: str = DEFAULT,
) -> Float[np.ndarray, "pictures targets h w"]:
    """A heat map of every picture for every target: how much each place raises the target's score (before softmax).

    With A_k the maps of the layer that is explained and y the target's score, at place p:
    LayerCAM is ReLU(sum over k of ReLU(dy / dA_k(p)) A_k(p)), Grad-CAM is ReLU(sum over k of w_k A_k(p)), where w_k is
    the mean of dy / dA_k over all places. Each map is divided by its maximum, so heat cannot be compared between maps;
    and what lowers a score is not shown. A map without any heat is 0 everywhere.

    The network is asked in evaluation mode and left as it was, gradients included.

    Args:
        network: the network to explain.
        pictures: normalised, on the network's device.
        answered: the answered node of each level, its index within the level.
        true: the true node of each level, likewise.
        method: a key of ``METHODS``.

    Returns:
        float32 in [0, 1]; the targets are those of ``targets_of``.

    Raises:
        InputError: for an unknown method, a network without maps, or where torchcam is missing.
    """
    check_method(method)
    if not len(pictures):  # the shape is that of any picture's maps
        first = np.zeros((1, answered.shape[1]), dtype=np.int64)
        return heat_maps(network, pictures.new_zeros(1, *pictures.shape[1:]), first, first, method)[:0]
    way = METHODS[method]
    layer = way.layer(network, pictures[:1])
    parts = []
    with torch.enable_grad(), evaluating(network), _extractor(way.extractor, network, layer) as extract:
        for start in range(0, len(pictures), _BATCH):
            batch = slice(start, start + _BATCH)
            # Pictures that need a gradient bring it to every layer, frozen ones too.
            scores = network(pictures[batch].detach().requires_grad_())
            nodes = [torch.from_numpy(array[batch]).to(pictures.device) for array in (answered, true)]
            parts.append(_maps_of(extract, _target_scores(scores, *nodes)))
    return torch.cat(parts).cpu().numpy()


def check_method(method: str) -> None:
    """Make sure that there is such a way to make heat maps.

    Raises:
        InputError: when there is none.
    """
    if method not in METHODS:
        raise InputError(f"there is no way {method!r} to make heat maps; there are {', '.join(METHODS)}")


def _target_scores(scores: tuple[Tensor, ...], answered: Tensor, true: Tensor) -> Tensor:
    """The scores that are explained, shape (pictures, targets)."""
    of_answered = [level.gather(1, answered[:, [place]]) for place, level in enumerate(scores)]
    return torch.cat([*of_answered, of_answered[-1] - scores[-1].gather(1, true[:, -1:])], dim=1)


def _maps_of(extract: "GradCAM | LayerCAM", values: Tensor) -> Tensor:
    """The maps of one batch, shape (pictures, targets, h, w); the maximum of each is 1, or 0."""
    maps = torch.stack(
        [
            extract(class_idx=target, scores=values, normalized=False, retain_graph=True)[0]
            for target in range(values.shape[1])
        ],
        dim=1,
    )
    highest = maps.amax(dim=(2, 3), keepdim=True)
    return torch.where(highest > 0, maps / highest, 0.0).float()


# --- which layer is explained, and how -------------------------------------------------------------------------------


def last_convolution(network: Network, _: Tensor) -> nn.Module:
    """The backbone's last convolution."""
    convolutions = [module for module in network.backbone.modules() if isinstance(module, nn.Conv2d)]
    if not convolutions:
        raise InputError("grad-cam explains a convolution, and this network has none")
    return convolutions[-1]


def fine_stage(network: Network, picture: Float[Tensor, "1 channels height width"]) -> nn.Module:
    """The stage with the smallest maps of at least ``LEAST_SIDE`` positions per side; of equal ones the first.

    A later one of the same size may be a branch that is added to its input, so that not all passes through it. Where
    pictures are too small for that many positions, it is the stage with the largest maps.
    """
    sides = _map_sides(network, picture)
    if not sides:
        raise InputError("layer-cam explains the maps of a stage, and this network has none; take grad-cam")
    fine = {stage: side for stage, side in sides.items() if side >= LEAST_SIDE}
    return min(fine, key=fine.__getitem__) if fine else max(sides, key=sides.__getitem__)


def _map_sides(network: Network, picture: Tensor) -> dict[nn.Module, int]:
    """How many positions the maps of each stage have along their shorter side, in the order of the stages."""
    sides: dict[nn.Module, int] = {}

    def note(stage: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        if output.ndim == 4:
            sides[stage] = min(output.shape[2:])

    handles = [stage.register_forward_hook(note) for stage in network.backbone.stages]
    try:
        with torch.no_grad(), evaluating(network):
            network(picture)
    finally:
        for handle in handles:
            handle.remove()
    return sides


METHODS: dict[str, Method] = {
    DEFAULT: Method(
        text=f"LayerCAM (Jiang et al., IEEE TIP 2021) at the smallest maps of at least {LEAST_SIDE} x {LEAST_SIDE}",
        extractor="LayerCAM",
        layer=fine_stage,
    ),
    "grad-cam": Method(
        text="Grad-CAM (Selvaraju et al., ICCV 2017) at the last convolution",
        extractor="GradCAM",
        layer=last_convolution,
    ),
}
"""How heat maps are made, by name."""


def _extractor(name: str, network: Network, layer: nn.Module) -> "GradCAM | LayerCAM":
    try:
        from torchcam import methods
    except ImportError as error:
        raise InputError("heat maps need torchcam: pip install torchcam") from error
    return getattr(methods, name)(network, layer)
