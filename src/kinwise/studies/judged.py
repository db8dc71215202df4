"""Every run of a study under every decision rule and tree, from its saved predictions; what was found is kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kinwise import judge, run_folder
from kinwise.errors import InputError
from kinwise.files import read_json, write_json, writing
from kinwise.hierarchy import Hierarchy
from kinwise.judge.scores import Scores
from kinwise.run import Run
from kinwise.studies.judging import Judging

JUDGED_FROM = (run_folder.PREDICTIONS, run_folder.VALIDATION, run_folder.SCORES)
RESAMPLES = 1
"""The intervals of a study are those over its seeds; none over pictures are shown."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A run under one decision rule and one tree: its scores, or else why there are none.

    Attributes:
        decision: the rule.
        tree: the name of the tree; empty: the one it was trained on.
        scores: what came of it.
        trouble: why the rule or the tree cannot be used for this run.
        ours: whether that is a fault of kinwise, rather than of the run.
    """

    decision: str
    tree: str
    scores: Scores | None = None
    trouble: str = ""
    ours: bool = False


def judged(run: Run, judging: Judging, kept: Path) -> list[Judged]:
    """``run`` under all rules and trees of ``judging``, those that were judged before read from the file ``kept``.

    The file counts as long as the run's predictions and the code that judges are the same; what is missing there is
    judged now and added. A rule that cannot be used for this run is no error, but told in its place.

    Raises:
        InputError: when the file cannot be written.
    """
    saved = run.saved_scores()
    of = {"run": _digest(*(_content(run.folder / name) for name in JUDGED_FROM)), "code": _code()}
    found = _kept(kept, of)
    before, result = len(found), []
    for decision, name in judging.ways:
        tree = judging.trees.get(name)
        if decision == saved.decision and _is_own(tree, run.hierarchy):
            result.append(Judged(decision=decision, tree=name, scores=saved))
            continue
        key = f"{decision} {_digest(json.dumps(tree.to_dict()).encode()) if tree else 'own'}"
        one = _from_dict(decision, name, found[key]) if key in found else _judge(run, decision, name, tree)
        result.append(one)
        if not one.ours:
            found[key] = {"trouble": one.trouble, "scores": one.scores.to_dict() if one.scores else None}
    if len(found) > before:
        with writing(kept):
            kept.parent.mkdir(exist_ok=True)
        write_json(kept, {"of": of, "found": found})
    return result


def _judge(run: Run, decision: str, name: str, tree: Hierarchy | None) -> Judged:
    """Judge the saved predictions; under its own tree a run keeps what its heads say about the coarser levels."""
    try:
        other = None if _is_own(tree, run.hierarchy) else tree
        scores = run.scores(decision=decision, hierarchy=other, resamples=RESAMPLES)
    except InputError as error:
        return Judged(decision=decision, tree=name, trouble=str(error))
    except Exception as error:  # must not end the trainings that are under way
        return Judged(decision=decision, tree=name, trouble=f"{type(error).__name__}: {error}", ours=True)
    return Judged(decision=decision, tree=name, scores=scores)


def _is_own(tree: Hierarchy | None, own: Hierarchy) -> bool:
    """Whether ``tree`` is the one that a run was trained on, however its nodes are numbered."""
    if tree is None or tree == own:
        return True
    return set(tree.classes) == set(own.classes) and tree.with_class_order(own.classes) == own


# --- what is kept ---------------------------------------------------------------------------------------------------


def _kept(path: Path, of: Mapping[str, str]) -> dict[str, Any]:
    """What was found before of the same run by the same code; nothing where the file is missing or damaged."""
    try:
        data = read_json(path)
    except InputError:
        return {}
    return data["found"] if data.get("of") == of and isinstance(data.get("found"), dict) else {}


def _from_dict(decision: str, tree: str, data: Mapping[str, Any]) -> Judged:
    scores = Scores.from_dict(data["scores"]) if data["scores"] else None
    return Judged(decision=decision, tree=tree, scores=scores, trouble=data["trouble"])


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


@cache
def _code() -> str:
    """The digest of everything that judges: a rule or a metric that changed is worked out again."""
    return _digest(*(path.read_bytes() for path in sorted(Path(judge.__file__).parent.glob("*.py"))))
