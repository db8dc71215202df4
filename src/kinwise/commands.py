"""What each command does: parse nothing, compute nothing; call the rooms and print."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from kinwise import cli, commands_of_use
from kinwise.errors import InputError
from kinwise.judge.scores import Scores


def train(verb: cli.Train) -> None:
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
            sys.exit(cli.STOPPED)
    if run is None:
        return
    say(run.saved_scores().text())
    say(f"Run:    {run.folder}")
    if (run.folder / "report.html").is_file():
        say(f"Report: {(run.folder / 'report.html').resolve()}")


def _train(verb: cli.Train, watchers: Any) -> Any:
    from kinwise import experiment
    from kinwise.record import command_line

    named = {key: getattr(verb, key) for key in ("data", "split", "seed", "epochs", "device", "hierarchy")}
    changes = [assignment for group in verb.set for assignment in group]
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


def _resume(verb: cli.Train, watchers: Any) -> Any:
    from kinwise import experiment

    given = [
        f.name for f in fields(verb) if getattr(verb, f.name) != f.default and f.name not in ("resume", "data_dir")
    ]
    if given:
        raise InputError(f"--resume takes everything from the unfinished run; leave out {', '.join(given)}")
    assert verb.resume is not None
    return experiment.resume(verb.resume, data_dir=verb.data_dir, watchers=watchers)


def evaluate(verb: cli.Evaluate) -> None:
    """Judge saved predictions again, or new ones on another data set."""
    from kinwise.run import Run

    run = Run(verb.run)
    predictions = None
    if verb.data is None:
        scores = run.scores(decision=verb.decision, hierarchy=verb.hierarchy)
    else:
        from kinwise.judge.metrics import score
        from kinwise.predict import predictions_of

        predictions = predictions_of(run, verb.data, verb.data_dir)
        scores = score(predictions, decision=verb.decision, hierarchy=verb.hierarchy)
    if verb.promise is None:
        _print_scores(scores, verb.json)
        return
    from kinwise.predict import promise_of

    kept = promise_of(run, verb.promise, predictions, verb.hierarchy)
    if verb.json:
        print(json.dumps(scores.to_dict() | {"promise": kept.to_dict()}, indent=1))
    else:
        print(f"{scores.text()}\n\n{kept.text()}")


def score_file(verb: cli.Score) -> None:
    """Judge the predictions of any framework and write a report on them."""
    from kinwise.files import write_text
    from kinwise.judge.metrics import score
    from kinwise.judge.outside import read_predictions
    from kinwise.show.report import report_html
    from kinwise.taxonomy import find

    predictions = read_predictions(verb.file, find(verb.hierarchy))
    scores = score(predictions, decision=verb.decision)
    _print_scores(scores, verb.json)
    path = verb.report or verb.file.with_suffix(".html")
    again = ["kinwise", "score", str(verb.file), "--hierarchy", verb.hierarchy, "--decision", verb.decision]
    page = report_html(
        predictions=predictions,
        scores=scores,
        title=verb.file.name,
        facts={"predictions": predictions.source, "hierarchy": verb.hierarchy},
        commands={"Judge them again": shlex.join(again)},
    )
    write_text(path, page)
    if not verb.json:
        print(f"Judged: {predictions.source}\nReport: {path.resolve()}")


def compare(verb: cli.Compare) -> None:
    """Compare runs on the same pictures, and write it down where a folder is given."""
    from kinwise.record import command_line
    from kinwise.run import check_free
    from kinwise.side_by_side import compare, histories, write_comparison

    if len(verb.runs) < 2:
        raise InputError("which runs? kinwise compare RUN RUN..., the baseline first")
    if verb.out is not None:
        from kinwise.examine.maps import check_method

        check_free(verb.out)
        check_method(verb.map)
    comparison = compare(*verb.runs, decision=verb.decision, hierarchy=verb.hierarchy)
    print(json.dumps(comparison.to_dict(), indent=1) if verb.json else comparison.text())
    if verb.out is not None:
        told = {"histories": histories(*verb.runs), "explained": _explained(verb, comparison)}
        folder = write_comparison(comparison, verb.out, **told, command=command_line())
        if not verb.json:
            print(f"\nPage:   {(folder / 'comparison.html').resolve()}")


def _explained(verb: cli.Compare, comparison: Any) -> Any:
    """The baseline's failures as every run sees them; none, and the reason said, where that cannot be had."""
    from kinwise.explanation import same_failures
    from kinwise.run import Run

    if not all(path.is_dir() for path in verb.runs):
        return ()
    try:
        return same_failures([Run(path) for path in verb.runs], comparison, method=verb.map, data_dir=verb.data_dir)
    except InputError as error:
        print(f"The page is written without pictures: {error}", file=sys.stderr)
        return ()


def explain(verb: cli.Explain) -> None:
    """Look at a run's failures and write them down."""
    from kinwise.examine.summary import summary
    from kinwise.explanation import explain as look
    from kinwise.run import Run

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    run = Run(verb.run)
    found = look(run, count=verb.count, method=verb.map, data_dir=verb.data_dir, say=say)
    if verb.json:
        print((run.folder / "failures.json").read_text("utf-8"), end="")
        return
    print(summary(found))
    for name, file in (("Failures", "failures.csv"), ("Report", "report.html")):
        print(f"{name + ':':9} {(run.folder / file).resolve()}")
    if verb.figures:
        print(f"Figures:  {run.figures().resolve()}")


def report(verb: cli.Report) -> None:
    """Write the reports of runs again."""
    from kinwise.run import Run

    if not verb.runs:
        raise InputError("which runs? kinwise report RUN...")
    for run in [Run(folder) for folder in verb.runs]:
        print(f"Report: {run.report().resolve()}")
        if verb.figures:
            print(f"Figures: {run.figures().resolve()}")


def data(verb: cli.Data) -> None:
    """Describe a data set."""
    from kinwise.data import data_folder, load
    from kinwise.data.describe import describe, description_text, pairs_csv
    from kinwise.data.kept_duplicates import duplicates_of
    from kinwise.files import write_text

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    images = load(verb.data, data_dir=verb.data_dir, split=verb.split, seed=verb.seed, say=say)
    wanted = verb.duplicates or verb.duplicates_csv
    folder = data_folder(verb.data_dir)
    duplicates = duplicates_of(images.pixels, folder, say, images.content) if wanted else None
    if duplicates and verb.duplicates_csv:
        write_text(verb.duplicates_csv, pairs_csv(images, duplicates))
    facts = describe(images, duplicates)
    print(json.dumps(facts, indent=1) if verb.json else description_text(facts))


def recipes(verb: cli.Recipes) -> None:
    """List the recipes."""
    from kinwise.recipes import recipes as all_recipes

    found = list(all_recipes().values())
    if verb.json:
        print(json.dumps([recipe.to_dict() for recipe in found], indent=1))
        return
    for recipe in found:
        print(f"{recipe.config.recipe}\n  {recipe.summary}\n  expected: {recipe.expected}\n  cost:     {recipe.cost}")
        print(f"  source:   {recipe.source}\n  run it:   kinwise train cifar100 --recipe {recipe.config.recipe}\n")


def study(verb: cli.Study) -> None:
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


@contextmanager
def _told_when_stopped() -> Iterator[None]:
    """Where Ctrl-C stops the work, say how it goes on."""
    from kinwise.experiment import Interrupted
    from kinwise.record import command_line

    try:
        yield
    except Interrupted as interrupted:
        print(f"kinwise: {interrupted} Go on: {command_line()}", file=sys.stderr)
        sys.exit(cli.STOPPED)


def search(verb: cli.Search) -> None:
    """Look for good values, and print the trials and the command that trains with the best."""
    from kinwise.console import say
    from kinwise.studies.search import search as look

    with _told_when_stopped():
        found = look(verb.file, trials=verb.trials, storage=verb.storage, out=verb.out, data_dir=verb.data_dir, say=say)
    say(found.text())


def _print_scores(scores: Scores, as_json: bool) -> None:
    print(json.dumps(scores.to_dict(), indent=1) if as_json else scores.text())


RUN: dict[type, Callable[[Any], None]] = {
    cli.Train: train,
    cli.Evaluate: evaluate,
    cli.Score: score_file,
    cli.Explain: explain,
    cli.Compare: compare,
    cli.Report: report,
    cli.Predict: commands_of_use.predict,
    cli.Export: commands_of_use.export,
    cli.Data: data,
    cli.Recipes: recipes,
    cli.Study: study,
    cli.Search: search,
}
