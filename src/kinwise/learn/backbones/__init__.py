"""All backbones by name: a new one is a class plus one line here."""

from collections.abc import Callable
from functools import partial

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.learn.backbones.base import Backbone
from kinwise.learn.backbones.fast import FastNet
from kinwise.learn.backbones.plain import PlainNet, ResNet9
from kinwise.learn.backbones.pretrained import PREFIX, PretrainedNet

DENSE_TRUNK = partial(PlainNet, blocks=((64, 128), (256, 256), (512, 512)), side=4, dense=(1024, 512), dense_norm=True)
WEIGHTED_HEADS = partial(
    PlainNet, blocks=((64, 64), (128, 128), (256, 256)), side=4, dense=(1024,), dense_norm=True, block_dropout=True
)
DOUBLE_CONV = partial(PlainNet, blocks=((64, 64), (128, 128), (256, 256)), side=4, dense=(1024, 512))
SMOOTHED_CNN = partial(PlainNet, blocks=((64,) * 2, (128,) * 3, (256,) * 3, (512,) * 3), side=2, dense=(1024, 512))

BACKBONES: dict[str, Callable[[Config, int, int], Backbone]] = {
    "fast": lambda config, channels, size: FastNet(config.widths, channels, config.dropout, size),
    "dense-trunk": lambda config, channels, _: DENSE_TRUNK(channels=channels, dropout=config.dropout),
    "weighted-heads": lambda config, channels, _: WEIGHTED_HEADS(channels=channels, dropout=config.dropout),
    "double-conv": lambda config, channels, _: DOUBLE_CONV(channels=channels, dropout=config.dropout),
    "resnet9": lambda config, channels, _: ResNet9(channels, config.dropout),
    "smoothed-cnn": lambda config, channels, _: SMOOTHED_CNN(channels=channels, dropout=config.dropout),
}


def backbone(config: Config, channels: int, size: int = 32) -> Backbone:
    """The backbone that ``config`` names, for pictures of ``size`` pixels, with fresh weights.

    Raises:
        InputError: when there is none of that name, or it has widths of its own and others are asked for.
    """
    if config.network.startswith(PREFIX):
        _without_widths(config)
        return PretrainedNet(config.network.removeprefix(PREFIX), channels, config.dropout)
    if config.network not in BACKBONES:
        raise InputError(f"unknown network {config.network!r}; there are {', '.join(BACKBONES)}, timm:NAME")
    if config.network != "fast":
        _without_widths(config)
    return BACKBONES[config.network](config, channels, size)


def _without_widths(config: Config) -> None:
    if config.widths:
        raise InputError(f"widths: {config.network} has its own; leave them empty (--set widths=)")
