"""Backbones of timm, which learnt from other pictures before: ``network=timm:NAME``, with the extra ``timm``."""

from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kinwise.data.augment import Statistics
from kinwise.data.rows import Pixels
from kinwise.errors import InputError
from kinwise.learn.backbones.base import Backbone

PREFIX = "timm:"


class PretrainedNet(Backbone):
    """A network of timm without its classifier. Its weights are fetched when a training begins, not when one is read.

    Args:
        name: as timm has it, for example ``resnet18.a1_in1k``.
        channels: of the pictures; other than three have their first convolution fitted by timm.
        dropout: the share of features left out in training, in [0, 1).

    Raises:
        InputError: when timm is not installed or has no network of that name.
    """

    def __init__(self, name: str, channels: int, dropout: float) -> None:
        super().__init__()
        self.name, self.channels = name, channels
        self.body = _made(name, channels, pretrained=False)
        self.dropout = nn.Dropout(dropout)
        self.features = int(self.body.num_features)
        facts = self.body.pretrained_cfg
        if channels == len(facts["mean"]):
            self.statistics = Statistics(mean=tuple(facts["mean"]), std=tuple(facts["std"]))

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """The whole network: ``freeze`` leaves it as it was fetched and lets only the heads learn."""
        return (self.body,)

    def prepare(self, pixels: Pixels, statistics: Statistics) -> None:  # noqa: ARG002 - it learnt elsewhere
        """Fetch the weights.

        Raises:
            InputError: when they cannot be had.
        """
        try:
            learnt = _made(self.name, self.channels, pretrained=True)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"the weights of {PREFIX}{self.name} cannot be fetched: {reason}") from error
        self.body.load_state_dict(learnt.state_dict())

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """One feature vector per picture."""
        return self.dropout(self.body(pictures))


def _made(name: str, channels: int, *, pretrained: bool) -> Any:
    timm = _timm()
    with torch.random.fork_rng(devices=[], enabled=pretrained):  # fetching draws nothing from the training
        try:
            return timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels)
        except (RuntimeError, ValueError) as error:
            if pretrained or timm.is_model(name.split(".")[0]):
                raise
            close = timm.list_models(f"*{name.split('.')[0]}*")[:3]
            hint = f"; did you mean {', '.join(close)}?" if close else "; timm.list_models() lists them"
            raise InputError(f"timm has no network {name!r}{hint}") from error


def _timm() -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise InputError(
            f"networks of timm need it installed: pip install 'kinwise[timm]' (it brings torchvision). {error}"
        ) from error
    return timm
