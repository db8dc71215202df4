"""From what a study says to whole configs: recipes fitted to the pictures, losses and networks tried on them once."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch

from kinwise.config import Config
from kinwise.data import read_for, under, whole_name
from kinwise.data.augment import channel_statistics
from kinwise.data.images import Images, split
from kinwise.data.options import ReadOptions, options_of
from kinwise.errors import InputError
from kinwise.experiment import fitted_to
from kinwise.hierarchy import Hierarchy
from kinwise.learn.losses import loss_context
from kinwise.learn.network import build
from kinwise.recipes import recipe
from kinwise.studies.plan import Planned

Networks = set[tuple[str, tuple[int, ...], str]]


def fitted(
    runs: Sequence[Planned],
    images: Images | None = None,
    data_dir: Path | None = None,
    trees: Mapping[str, Hierarchy] = MappingProxyType({}),
) -> dict[str, Config]:
    """The config that each of ``runs`` trains, by its name: that of ``kinwise train`` with the same recipe and values,
    but for the failures, which are explained only where it says so.

    Every data set is loaded here once, one after the other, so a missing one is told, or downloaded, before anything
    is trained; every kind of network is built once, and every loss put beside its tree. The ``trees``, by name, are
    those that the runs will be judged by.

    Raises:
        InputError: when pictures are missing or not the ones named, a network or loss cannot be had, or a tree is not
            over the classes of the pictures.
    """
    configs: dict[str, Config] = {}
    for found, group in by_data(runs, images, data_dir):
        tried: Networks = set()
        for name, tree in trees.items():
            _require_same_classes(found, name, tree)
        for run in group:
            configs[run.name] = fit(run, found)
            try_out(configs[run.name], found, tried)
    return configs


def _require_same_classes(images: Images, name: str, tree: Hierarchy) -> None:
    try:
        tree.with_class_order(images.hierarchy.classes)
    except InputError as error:
        raise InputError(f"[judge] hierarchies: {name} does not fit {images.name}: {error}") from error


def by_data(
    runs: Sequence[Planned], images: Images | None, data_dir: Path | None
) -> Iterator[tuple[Images, list[Planned]]]:
    """Each data set, loaded in each form unless it is the one given, with the runs on it."""
    groups: dict[tuple[str, ReadOptions], list[Planned]] = {}
    for run in runs:
        config, name = recipe(run.recipe).config.changed(run.changes), run.settings.get("data", "")
        form = (name or (images.name if images else ""), options_of(config))
        groups.setdefault(form, []).append(run)
    for (name, _), group in groups.items():
        if not name:
            raise InputError('which pictures? Say data = "shapes" or data = "cifar100" under [set]')
        if images is not None and name != images.name:
            raise InputError(f"expected data = {images.name!r}, as the pictures given are called, got {name!r}")
        wanted = recipe(group[0].recipe).config.changed(group[0].changes)
        yield read_for(wanted, data_dir) if images is None else under(images, wanted.hierarchy), group


def fit(run: Planned, images: Images) -> Config:
    """The config of ``run`` on ``images``, which have the official split; no failures explained unless it says so."""
    named, changes = recipe(run.recipe), ["explained=0", *run.changes, f"data={images.name}"]
    parts = split(images, named.config.changed(changes).split)
    config = fitted_to(parts, named).changed(changes)
    return config.changed([f"hierarchy={whole_name(config.hierarchy)}"])


def try_out(config: Config, images: Images, tried: Networks) -> None:
    """Build the network, unless its kind was ``tried`` before, and put the loss beside the tree.

    Raises:
        InputError: when a training would raise it: the loss does not fit the tree, the network is not there.
    """
    loss_context(config, images.hierarchy, torch.device("cpu"))
    kind = (config.network, config.widths, config.loss)
    if kind not in tried:
        tried.add(kind)
        few = images.pixels[:2]
        build(config, images.hierarchy, channel_statistics(few), few.shape[-1], config.seed)
