"""Answer about pictures, export a network, serve a page to try it."""

import csv
import io
import json
import sys
from collections.abc import Callable
from typing import Any

from kinwise.errors import InputError
from kinwise.verbs import using


def predict(verb: using.Predict) -> None:
    """Answer about pictures; a file that cannot be read is named on standard error and stops nothing."""
    from kinwise.answering import text as answer_text
    from kinwise.answering.answers import Answerer
    from kinwise.answering.files import answer_files, picture_files
    from kinwise.console import answering_progress
    from kinwise.files import write_text
    from kinwise.learn.machine import keep_memory
    from kinwise.run import Run

    files = picture_files(verb.pictures, sys.stdin.buffer)
    if not files:
        raise InputError("which pictures? kinwise predict RUN PICTURE..., a folder with some, or - and their names")
    if verb.csv and not verb.csv.resolve().parent.is_dir():
        raise InputError(f"cannot write {verb.csv}: there is no folder {verb.csv.resolve().parent}")
    keep_memory()
    answerer = Answerer(Run(verb.run), promise=verb.promise, device=verb.device)
    if answerer.threshold and answerer.threshold.note:
        print(answerer.threshold.note, file=sys.stderr)
    lines = answer_text.Lines(files, answerer.hierarchy)
    table, unreadable = [answer_text.csv_head(answerer.hierarchy)], 0
    with answering_progress(len(files)) as (show, done):
        if not verb.json:
            show(lines.head())
        for batch in answer_files(answerer, files):
            unreadable += _show_batch(batch, lines, verb.json, show)
            table += answer_text.csv_rows(batch) if verb.csv else ()
            done(len(batch.files))
    if verb.csv:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        write_text(verb.csv, text.getvalue())
    if unreadable == len(files):
        raise InputError(f"none of {len(files):,} files holds a picture that can be read")


def _show_batch(batch: Any, lines: Any, as_json: bool, show: Callable[..., None]) -> int:
    """Show the answers about some files; how many of them could not be read."""
    from kinwise.answering.text import json_lines, shown

    answered = []
    for file, row in batch.rows():
        if isinstance(row, str):
            print(f"{shown(file)}: {shown(row)}", file=sys.stderr, flush=True)
        elif not as_json:
            answered.append(lines.line(file, batch.answers, row))
    show(*json_lines(batch) if as_json else answered)
    return len(batch.unreadable)


def export(verb: using.Export) -> None:
    """Write a run's network into one file, verified."""
    from kinwise.exporting.export import export
    from kinwise.run import Run

    exported = export(Run(verb.run), verb.out, verb.format, verb.data_dir)
    print(json.dumps(exported.to_dict(), indent=1) if verb.json else exported.text())


def serve(verb: using.Serve) -> None:
    """Serve a page to try a run, until Ctrl-C."""
    from kinwise.console import say
    from kinwise.serving.server import serve as listen

    listen(verb.run, host=verb.host, port=verb.port, promise=verb.promise, data_dir=verb.data_dir, say=say)
