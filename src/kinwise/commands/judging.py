"""Judge runs and predictions, explain, compare, report."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from kinwise.errors import InputError
from kinwise.judge.scores import MAY_STOP, Scores
from kinwise.verbs import judging

if TYPE_CHECKING:
    from kinwise.judge.predictions import Predictions
    from kinwise.run import Run

ALL = "all"
"""What stands for every decision rule on the command line."""


def evaluate(verb: judging.Evaluate) -> None:
    """Judge saved predictions again, or new ones on another data set."""
    from kinwise.judge.decide import PROMISE, check_rule, is_fitted
    from kinwise.run import Run

    run = Run(verb.run)
    if verb.decision != ALL:
        check_rule(verb.decision)
    predictions = None
    if verb.data is not None:
        from kinwise.predict import predictions_of

        predictions = predictions_of(run, verb.data, verb.data_dir)
    promise = PROMISE if verb.promise is None else verb.promise
    if verb.decision == ALL:
        _print_all_rules(run, predictions, verb, promise)
        return
    scores = _scores_by(run, predictions, verb, promise)
    if verb.promise is None or is_fitted(verb.decision):
        _print_scores(scores, verb.json)
        return
    from kinwise.predict import promise_of

    kept = promise_of(run, verb.promise, predictions, verb.hierarchy)
    if verb.json:
        print(json.dumps(scores.to_dict() | {"promise": kept.to_dict()}, indent=1))
    else:
        print(f"{scores.text()}\n\n{kept.text()}")


def _scores_by(run: "Run", predictions: "Predictions | None", verb: judging.Evaluate, promise: float) -> Scores:
    """By the rule of the command line, of the saved predictions or of new ones."""
    from kinwise.judge.metrics import score

    if predictions is None:
        return run.scores(decision=verb.decision, hierarchy=verb.hierarchy, promise=promise)
    given: dict[str, Any] = {"validation": run.validation(), "promise": promise, "hierarchy": verb.hierarchy}
    return score(predictions, decision=run.rule(verb.decision), **given)


def _print_all_rules(run: "Run", predictions: "Predictions | None", verb: judging.Evaluate, promise: float) -> None:
    """A table of all rules; with intervals in JSON alone, where there is room for them."""
    from kinwise.judge.rule_table import table_of_rules

    given: dict[str, Any] = {"validation": run.validation(), "promise": promise, "hierarchy": verb.hierarchy}
    judged = run.predictions() if predictions is None else predictions
    table = table_of_rules(judged, resamples=1000 if verb.json else 1, **given)
    print(json.dumps(table.to_dict(), indent=1) if verb.json else table.text())


def score_file(verb: judging.Score) -> None:
    """Judge the predictions of any framework and write a report on them."""
    from kinwise.files import write_text
    from kinwise.judge.decide import check_answers_classes
    from kinwise.judge.metrics import score
    from kinwise.judge.outside import read_predictions
    from kinwise.show.report import report_html
    from kinwise.taxonomy import find

    if verb.report is not None:
        check_answers_classes(verb.decision, "a report")
    predictions = read_predictions(verb.file, find(verb.hierarchy))
    scores = score(predictions, decision=verb.decision)
    _print_scores(scores, verb.json)
    if scores.stopping:
        if not verb.json:
            print(f"No report: {verb.decision} {MAY_STOP}, and a report needs a class for every picture")
        return
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


def explain(verb: judging.Explain) -> None:
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


def compare(verb: judging.Compare) -> None:
    """Compare runs on the same pictures, and write it down where a folder is given."""
    from kinwise.record import command_line
    from kinwise.run_folder import check_free
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


def _explained(verb: judging.Compare, comparison: Any) -> Any:
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


def report(verb: judging.Report) -> None:
    """Write the reports of runs again."""
    from kinwise.run import Run

    if not verb.runs:
        raise InputError("which runs? kinwise report RUN...")
    for run in [Run(folder) for folder in verb.runs]:
        print(f"Report: {run.report().resolve()}")
        if verb.figures:
            print(f"Figures: {run.figures().resolve()}")


def _print_scores(scores: Scores, as_json: bool) -> None:
    print(json.dumps(scores.to_dict(), indent=1) if as_json else scores.text())
