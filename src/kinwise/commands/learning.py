"""Describe data sets, list recipes, train; studies and searches."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from kinwise.cli import STOPPED
from kinwise.errors import InputError
from kinwise.verbs import learning


def data(verb: learning.Data) -> None:
    """Describe a data set, a folder or a table."""
    from kinwise.data import check_division, data_folder, divided, is_path, read
    from kinwise.data.describe import describe, description_text, pairs_csv
    from kinwise.data.folder import survey
    from kinwise.data.folder.describe import describe_survey, survey_text
    from kinwise.data.kept_duplicates import duplicates_of
    from kinwise.data.options import ReadOptions
    from kinwise.files import write_text

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    check_division(verb.split, "together", verb.seed)
    folder, options = data_folder(verb.data_dir), ReadOptions(hierarchy=verb.hierarchy or "", strict=verb.strict)
    found = survey(verb.data, options, cache=folder, say=say) if is_path(verb.data) else None
    whole = found.images if found else read(verb.data, options, data_dir=verb.data_dir, say=say)
    images = divided(whole, verb.split, verb.seed, "together", folder, say)
    wanted = verb.duplicates or verb.duplicates_csv
    duplicates = duplicates_of(images.pixels, folder, say, images.content) if wanted else None
    if duplicates and verb.duplicates_csv:
        write_text(verb.duplicates_csv, pairs_csv(images, duplicates))
    facts = describe_survey(found, images, duplicates) if found else describe(images, duplicates)
    text = survey_text if found else description_text
    print(json.dumps(facts, indent=1) if verb.json else text(facts))


def recipes(verb: learning.Recipes) -> None:
    """List the recipes."""
    from kinwise.recipes import recipes as all_recipes

    found = list(all_recipes().values())
    if verb.json:
        print(json.dumps([recipe.to_dict() for recipe in found], indent=1))
        return
    for recipe in found:
        print(f"{recipe.config.recipe}\n  {recipe.summary}\n  expected: {recipe.expected}\n  cost:     {recipe.cost}")
        print(f"  source:   {recipe.source}\n  run it:   kinwise train cifar100 --recipe {recipe.config.recipe}\n")


def train(verb: learning.Train) -> None:
    """Train, or go on with an unfinished training."""
    from kinwise import experiment
    from kinwise.console import say, stop_on_interrupt, training_progress
    from kinwise.learn.processes import torchrun_place

    if verb.resume is None and not verb.data:
        raise InputError("which pictures? kinwise train shapes, kinwise train cifar100, or kinwise train FOLDER")
    with training_progress() as progress, stop_on_interrupt() as stop:
        rank, count = torchrun_place()
        watchers = experiment.Watchers(
            say=experiment.silent if rank else say,
            progress=experiment.silent if rank else progress,
            stop=stop if count == 1 else experiment.never,
        )
        try:
            run = _resume(verb, watchers) if verb.resume else _train(verb, watchers)
        except experiment.Interrupted as interrupted:
            print(f"kinwise: {interrupted}", file=sys.stderr)
            sys.exit(STOPPED)
    if run is None:
        return
    say(run.saved_scores().text())
    say(f"Run:    {run.folder}")
    if (run.folder / "report.html").is_file():
        say(f"Report: {(run.folder / 'report.html').resolve()}")


def _train(verb: learning.Train, watchers: Any) -> Any:
    from kinwise import experiment
    from kinwise.record import command_line

    named = {key: getattr(verb, key) for key in ("data", "split", "seed", "epochs", "device", "hierarchy", "size")}
    changes = [assignment for group in verb.set for assignment in group]
    if any(assignment.partition("=")[0].strip() == "data" for assignment in changes):
        raise InputError(f"the pictures are named by themselves (kinwise train {verb.data}), not by --set data=...")
    changes += [f"{key}={value}" for key, value in named.items() if value is not None]
    return experiment.train(
        recipe=verb.recipe,
        changes=changes,
        out=verb.out,
        data_dir=verb.data_dir,
        strict=verb.strict,
        command=command_line(),
        watchers=watchers,
    )


def _resume(verb: learning.Train, watchers: Any) -> Any:
    from kinwise import experiment

    given = [
        f.name for f in fields(verb) if getattr(verb, f.name) != f.default and f.name not in ("resume", "data_dir")
    ]
    if given:
        raise InputError(f"--resume takes everything from the unfinished run; leave out {', '.join(given)}")
    assert verb.resume is not None
    return experiment.resume(verb.resume, data_dir=verb.data_dir, watchers=watchers)


def study(verb: learning.Study) -> None:
    """Train what a study file names, and print its table; status 1 where a run failed by a fault of ours, else 2."""
    from kinwise.console import say
    from kinwise.studies import study as studies

    if verb.dry_run:
        plan, jobs = studies.prepare(verb.file, out=verb.out, data_dir=verb.data_dir)
        for job in jobs:
            say(f"{job.name}  {studies.state(job)}")
        say(f"{len(plan.runs)} runs; without --dry-run those that are not complete are trained")
        return
    with _told_when_stopped():
        found = studies.study(
            verb.file, out=verb.out, workers=verb.workers, cluster=verb.cluster, data_dir=verb.data_dir, say=say
        )
    say(found.text())
    say(f"Table: {(found.folder / 'table.html').resolve()}")
    if found.failed:
        count = "1 run" if len(found.failed) == 1 else f"{len(found.failed)} runs"
        told = f"kinwise: {count} failed; {found.folder / studies.FAILURES} says why, the same command tries again"
        print(told, file=sys.stderr)
        sys.exit(1 if any(one.ours for one in found.failed) else 2)


def search(verb: learning.Search) -> None:
    """Look for good values, and print the trials and the command that trains with the best."""
    from kinwise.console import say
    from kinwise.studies.search import search as look

    with _told_when_stopped():
        found = look(verb.file, trials=verb.trials, storage=verb.storage, out=verb.out, data_dir=verb.data_dir, say=say)
    say(found.text())


@contextmanager
def _told_when_stopped() -> Iterator[None]:
    """Where Ctrl-C stops the work, say how it goes on."""
    from kinwise.experiment import Interrupted
    from kinwise.record import command_line

    try:
        yield
    except Interrupted as interrupted:
        print(f"kinwise: {interrupted} Go on: {command_line()}", file=sys.stderr)
        sys.exit(STOPPED)
