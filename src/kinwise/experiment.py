"""An experiment from beginning to end: train, predict, judge, report. What comes out is a complete run folder."""

import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kinwise import run_folder
from kinwise.config import Config
from kinwise.data import data_folder, read_for, under, whole_name
from kinwise.data.duplicates import Duplicates
from kinwise.data.images import Images, fingerprints, hold_out, is_of, split
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.errors import InputError
from kinwise.files import WriteError, read_json, write_file
from kinwise.learn.machine import Machine, keep_memory, look_at_machine
from kinwise.learn.processes import Processes, join_processes, leave_processes
from kinwise.learn.train import Progress, Training
from kinwise.learn.weights import load_state
from kinwise.recipes import Recipe, command_of
from kinwise.recipes import recipe as find_recipe
from kinwise.record import CONFIG, config_of, write_record
from kinwise.results import judge_and_write, write_history
from kinwise.run import Run
from kinwise.splits import DRAWN, OFFICIAL


def silent(_: object) -> None:
    """Tell nobody."""


def never() -> bool:
    """No."""
    return False


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Who wants to know what while an experiment runs; all silent unless given.

    Attributes:
        say: called with a line of text at every stage.
        progress: called after every step.
        stop: asked before every step; True ends the training there, to be resumed.
    """

    say: Callable[[str], None] = silent
    progress: Callable[[Progress], None] = silent
    stop: Callable[[], bool] = never


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The training was stopped and can go on; the message says how."""


def train(
    images: Images | None = None,
    *,
    recipe: str = "quick",
    seed: int = 0,
    out: Path | str | None = None,
    changes: Sequence[str] = (),
    config: Config | None = None,
    data_dir: Path | None = None,
    strict: bool = False,
    command: str = "",
    watchers: Watchers | None = None,
) -> Run | None:
    """Train a network and write a complete run folder: weights, predictions, scores and report.

    Args:
        images: pictures; without them, those that the config names are loaded.
        recipe: the name of a recipe; ``kinwise recipes`` lists them.
        seed: of everything drawn.
        out: the run folder; without it, a new one under ``runs``.
        changes: ``key=value`` texts that change single values of the recipe.
        config: all values at once, instead of recipe, seed and changes; nothing is fitted to the number of pictures.
        data_dir: where data sets are kept.
        strict: refuse picture files that cannot be used; else they are said and left out.
        command: the command line that asked for this, for the record; without it, one that does the same.
        watchers: who is told how it goes.

    Returns:
        The run; None in all but the first of several processes.

    Raises:
        InputError: for anything the caller got wrong.
        Interrupted: when a watcher stopped it.
    """
    named = find_recipe(recipe)
    if any(one.partition("=")[0].strip() == "recipe" for one in changes):
        raise InputError(
            "a change cannot take another recipe; name it by itself: --recipe NAME, from Python recipe=NAME"
        )
    given = (f"seed={seed}", *changes)
    wanted = config or named.config.changed(given)
    if out:
        run_folder.check_free(Path(out))
    watchers = watchers or Watchers()
    machine = look_at_machine(wanted)
    processes = join_processes(machine.device)
    try:
        images, duplicates = processes.first_before_others(
            lambda: pictures_of(wanted, images, data_dir, watchers.say, strict=strict)
        )
        config = (config or fitted_to(images, named).changed(given)).changed(_names(images, config or wanted))
        parts = held_out(config, images, duplicates)
        training = _prepare(config, parts, machine, processes)
        folder = None
        if processes.is_first:
            folder = run_folder.new_folder(Path(out) if out else run_folder.default_folder(config))
        with _kept(folder):
            if folder:
                command = command or command_of(config, out)
                write_record(folder, config, command=command, machine=str(machine), seen=fingerprints(images))
            return _carry_out(training, parts, duplicates, folder, watchers)
    finally:
        leave_processes()


def resume(
    path: Path | str, images: Images | None = None, *, data_dir: Path | None = None, watchers: Watchers | None = None
) -> Run | None:
    """Go on with a training that was broken off, to the very weights it would have reached without the break.

    Args:
        path: the unfinished run, with or without ``.partial``.
        images: the pictures it was trained on; without them, those that its config names are loaded.
        data_dir: where data sets are kept.
        watchers: who is told how it goes.

    Raises:
        InputError: when there is nothing to resume there, or the pictures are not the same.
        Interrupted: when a watcher stopped it again.
    """
    folder = run_folder.partial_folder(Path(path))
    if (folder / run_folder.DONE).is_file():  # broken off between the last file and the renaming
        return Run(run_folder.finish_folder(folder))
    record = read_json(folder / CONFIG)
    config = config_of(record, folder)
    watchers = watchers or Watchers()
    machine = look_at_machine(config)
    processes = join_processes(machine.device)
    try:
        images, duplicates = processes.first_before_others(lambda: pictures_of(config, images, data_dir, watchers.say))
        if not is_of(record, images):
            raise InputError(
                f"{folder} was trained on other pictures, or with another tree, than {images.name} has now; train "
                f"anew, or from Python give resume() the same pictures"
            )
        parts = held_out(config, images, duplicates)
        training = _prepare(config, parts, machine, processes)
        try:
            training.load_state(load_state(folder / run_folder.STATE))
        except (RuntimeError, ValueError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder / run_folder.STATE} does not fit its {CONFIG}: one of them was changed; train anew"
            ) from error
        first = folder if processes.is_first else None
        with _kept(first):
            return _carry_out(training, parts, duplicates, first, watchers)
    finally:
        leave_processes()


# --- stages ---------------------------------------------------------------------------------------------------------


def pictures_of(
    config: Config,
    given: Images | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
    *,
    strict: bool = False,
) -> tuple[Images, Duplicates]:
    """The pictures given, or those that the config names, under its tree and split; those split again stay so.

    With them which are near-duplicates of each other. Where it is strict, every picture file must be readable.
    """
    images = read_for(config, data_dir, say, strict=strict) if given is None else under(given, config.hierarchy)
    duplicates = duplicates_of(images.pixels, data_folder(data_dir), say, images.content)
    if images.split == OFFICIAL:
        images = split(images, config.split, config.seed, _kept_together(config, duplicates))
    return images, duplicates


def held_out(config: Config, images: Images, duplicates: Duplicates) -> Images:
    """``images`` with the share of the training part that the config wants for validation moved there.

    Pictures that come with a validation part keep it as it is.
    """
    if not config.validation or len(images.where("validation")):
        return images
    return hold_out(images, config.validation, config.seed, _kept_together(config, duplicates))


def fitted_to(images: Images, named: Recipe) -> Config:
    """The recipe's config for these pictures: those that were decoded from files are somebody's own.

    Where their classes are too small to hold any out, nothing is chosen on those held out.
    """
    config = named.config_for(len(images.where("train")), side=images.pixels.shape[-1], own=bool(images.content))
    if config.logit_adjustment != "validation" or len(images.where("validation")):
        return config
    if len(hold_out(images, config.validation, config.seed).where("validation")):
        return config
    return replace(config, validation=0.0, logit_adjustment="none")


def _names(images: Images, config: Config) -> list[str]:
    """What a config must say to find ``images`` again, from any folder and in the same form."""
    division = images.split.removeprefix(DRAWN)
    found = [f"data={images.name}", f"split={division}", f"hierarchy={whole_name(config.hierarchy)}"]
    return [*found, f"size={images.pixels.shape[-1]}"] if images.content else found


def _kept_together(config: Config, duplicates: Duplicates) -> np.ndarray | None:
    return duplicates.clusters if config.near_duplicates == "together" else None


def _prepare(config: Config, images: Images, machine: Machine, processes: Processes) -> Training:
    keep_memory()
    for part, use in (("train", "learn from"), ("test", "judge by")):
        if not len(images.where(part)):
            raise InputError(f"{images.name} has no {part} pictures to {use}")
    height, width = images.pixels.shape[2:]
    if height != width:
        raise InputError(
            f"{images.name}: expected square pictures, got {height} px high and {width} px wide; scale them"
        )
    return Training(config, images, machine, processes)


def _carry_out(
    training: Training, images: Images, duplicates: Duplicates, folder: Path | None, watchers: Watchers
) -> Run | None:
    """Train to the end, then let the first process judge and write; ``folder`` is None in all others."""

    def epoch_done(training: Training) -> None:
        if folder:
            _save_progress(training, folder)

    if folder:
        watchers.say(f"Training on {training.machine}")
        last, side = training.feed.size_at(training.feed.steps - 1), training.feed.size
        if last < side:
            watchers.say(
                f"The last steps see pictures of {last} px, but the network is judged by them as they are, {side} px; "
                f"resolutions that end with {side}:1 keep both alike"
            )
    training.run(watchers.progress, epoch_done, watchers.stop)
    if not training.is_done:
        if folder is None:
            raise Interrupted("stopped")
        _save_progress(training, folder)
        raise Interrupted(
            f"Stopped at step {training.step:,} of {training.feed.steps:,}. Go on: {run_folder.resume_command(folder)}"
        )
    if folder is None:
        return None
    return judge_and_write(training, images, duplicates, folder, watchers.say)


def _save_progress(training: Training, folder: Path) -> None:
    state = io.BytesIO()
    torch.save(training.state(), state)
    write_file(folder / run_folder.STATE, lambda path: path.write_bytes(state.getbuffer()))
    write_history(training, folder)


@contextmanager
def _kept(folder: Path | None) -> Iterator[None]:
    """Where a training breaks off, say how to go on; or remove its folder, where nothing was saved yet."""
    try:
        yield
    except BaseException as error:
        if folder is None:
            raise
        if not (folder / run_folder.STATE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            raise
        go_on = run_folder.resume_command(folder)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"Stopped. Go on from the last epoch: {go_on}") from error
        if isinstance(error, WriteError):
            raise WriteError(f"{error}\nThe training is kept up to its last epoch. Go on: {go_on}") from error
        raise
