"""Hypotheses: what may have happened to one failure, from what was measured about it and nothing else.

None of them is proved: what is measured goes together with the mistake, and the sentences say what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kinwise.examine.cases import Case, Copy, HeatMap, Hypothesis, Neighbour, Stability
from kinwise.examine.evidence import CHECKS, Evidence
from kinwise.judge.failures import Failure

KINDS = {
    "label": "The label may be wrong",
    "duplicate": "A near-duplicate may be labelled otherwise",
    "neighbours": "It looks like its training neighbours",
    "scattered": "Its training neighbours disagree",
    "close": "It is a close call",
    "kin": "The kin of the answer weigh more",
    "colour": "Colour decides",
    "detail": "Fine detail decides",
    "texture": "Texture, not shape",
    "border": "The border decides",
    "part": "One part tips the balance",
    "shift": "It depends on a pixel or two",
}
"""What may have happened, as a title for people."""

MOST = 3
"""Hypotheses per failure: more of them explain nothing."""

FEWEST_RIGHT = 20
"""Right answers below which a share of them says nothing."""

USUAL = 0.5
"""The share of right answers that show the same, from which it explains no mistake."""

TRUTHLESS = ("neighbours", "scattered", "colour", "detail", "texture", "shift")
"""The kinds that do not look at the truth, so that right answers can show the same."""


def hypotheses(
    failure: Failure,
    neighbours: Sequence[Neighbour],
    copies: Sequence[Copy],
    stability: Stability,
    maps: Sequence[HeatMap],
    usual: Mapping[str, float] | None = None,
) -> tuple[Hypothesis, ...]:
    """What may have happened, the best supported first, at most ``MOST``; none where nothing measured stands out.

    How well a hypothesis is supported is how far what was measured lies from its threshold to the most there can be,
    half of that where the same is often seen with any mistake, times the share of right answers that do not show it.
    What half of the right answers show explains nothing. Of a right answer there is nothing to say.

    Args:
        failure: which picture, what was true, what was answered.
        neighbours: the most similar training pictures, the most similar first.
        copies: the answers to its "grey", "blurred" and "shuffled" copies, those that there are.
        stability: the answers to its shifted and mirrored copies.
        maps: its heat maps; the last but one is that of the answered class, the last that of the answered class
            against the true one.
        usual: the share of right answers that show the same, by kind (see ``usual_among``); none known without it.
    """
    evidence = Evidence(failure=failure, neighbours=neighbours, copies=copies, stability=stability, maps=maps)
    if evidence.true == evidence.answered:
        return ()
    shares = {kind: (usual or {}).get(kind) for kind in CHECKS}
    found = [
        (result[0] * (1 - (shares[kind] or 0)), Hypothesis(kind=kind, text=result[1], usual=shares[kind]))
        for kind, check in CHECKS.items()
        if (shares[kind] or 0) < USUAL and (result := check(evidence))
    ]
    found.sort(key=lambda one: -one[0])
    return tuple(one for _, one in found[:MOST])


def usual_among(right: Sequence[Case]) -> dict[str, float]:
    """How often what would speak for a hypothesis is measured on right answers as well: shares 0..1, by kind.

    Of the kinds that do not look at the truth: neighbours, copies, stability. Too few right answers say nothing.

    Args:
        right: pictures that got their class, looked at like failures; their maps are not looked at.
    """
    if len(right) < FEWEST_RIGHT:
        return {}
    evidence = [_truthless(case) for case in right]
    return {kind: sum(CHECKS[kind](one) is not None for one in evidence) / len(evidence) for kind in TRUTHLESS}


def _truthless(case: Case) -> Evidence:
    """What was measured, as if the true class were one that nothing else has."""
    last = replace(case.failure.path[-1], true="")
    failure = replace(case.failure, path=(*case.failure.path[:-1], last))
    return Evidence(failure=failure, neighbours=case.neighbours, copies=case.copies, stability=case.stability, maps=())
