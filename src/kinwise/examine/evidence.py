"""Evidence: what was measured about one failure, and which of it stands out, each with a sentence that says so."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kinwise.examine.cases import Copy, Faithfulness, HeatMap, Neighbour, Stability
from kinwise.judge.failures import LIKELY, Failure

DOUBTFUL = 0.5
"""Doubt from which a label is more likely wrong than right; as the doubt is an upper bound, neighbours must agree."""

TWIN = 0.9
"""The cosine from which the network can hardly tell two pictures apart."""

FEWEST = 3
"""Neighbours below which their labels say nothing."""

MAJORITY = 0.5
"""The share of the neighbours that are labelled as the answer: a vote among them would have given it."""

DIFFERENT = 0.6
"""Different labels per neighbour: most of them stand alone, so that no vote among them means much."""

CLOSE = 0.1
"""The most by which the answer may lead in a close call: changed copies of a picture differ by as much."""

FALL = 0.3
"""The fall in confidence that counts when a picture is changed; a few tenths come from the change being strange."""

KEPT = 0.8
"""The share of the confidence that is left when nothing that mattered was taken away."""

BORDER = 0.65
"""The share of the heat in the outer half: clearly more than the .5 of even heat."""

FAITHFUL = 0.2
"""By how much more the score must fall than with a mask elsewhere, before a word is said about a heat map."""

FICKLE = 0.5
"""The share of moved copies that get another answer: as many as get the same."""

_WEAKER = 0.5  # evidence that often comes with any mistake: the neighbours' features are those that gave the answer


Found = tuple[float, str] | None
"""How strong the evidence is, 0..1, and the sentence; None where nothing stands out."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was measured of one failure."""

    failure: Failure
    neighbours: Sequence[Neighbour]
    copies: Sequence[Copy]
    stability: Stability
    maps: Sequence[HeatMap]

    @property
    def true(self) -> str:
        """The true class."""
        return self.failure.path[-1].true

    @property
    def answered(self) -> str:
        """The class that was answered."""
        return self.failure.path[-1].answered

    @property
    def confidence(self) -> float:
        """The probability of the answered class."""
        return self.failure.path[-1].confidence

    def labelled(self, class_: str) -> int:
        """How many of the neighbours are labelled so."""
        return sum(neighbour.label == class_ for neighbour in self.neighbours)


# --- the label and the training pictures -----------------------------------------------------------------------------


def _label(evidence: Evidence) -> Found:
    doubt, neighbours = evidence.failure.label_doubt, len(evidence.neighbours)
    agreeing, true = evidence.labelled(evidence.true), _name(evidence.true)
    if doubt < DOUBTFUL or (neighbours and agreeing >= evidence.labelled(evidence.answered)):
        return None
    told = f"{agreeing or 'none'} of its {neighbours} nearest training pictures {_are(agreeing)} labelled so"
    also = f", and {told}" if neighbours else ""
    text = f"Confident learning doubts the label {true} by {_percent(doubt)}, an upper bound{also}."
    return _beyond(doubt, DOUBTFUL), text


def _duplicate(evidence: Evidence) -> Found:
    if not evidence.failure.near_duplicate or not evidence.neighbours:
        return None
    nearest = evidence.neighbours[0]
    if nearest.similarity < TWIN or nearest.label == evidence.true:
        return None
    return _beyond(nearest.similarity, TWIN), (
        "It has a near-duplicate among the training pictures, and the most similar of them to the network "
        f"(cosine {nearest.similarity:.2f}) is labelled {_name(nearest.label)}, not {_name(evidence.true)}."
    )


def _neighbours(evidence: Evidence) -> Found:
    count, answered = len(evidence.neighbours), evidence.labelled(evidence.answered)
    true = evidence.labelled(evidence.true)
    if count < FEWEST or answered < MAJORITY * count or answered <= true:
        return None
    return _WEAKER * _beyond(answered / count, MAJORITY), (
        f"{answered} of its {count} nearest training pictures {_are(answered)} labelled {_name(evidence.answered)}, "
        f"{true or 'none'} {_are(true)} labelled {_name(evidence.true)}."
    )


def _scattered(evidence: Evidence) -> Found:
    count, labels = len(evidence.neighbours), Counter(neighbour.label for neighbour in evidence.neighbours)
    if count < FEWEST or len(labels) < DIFFERENT * count:
        return None
    text = f"Its {count} nearest training pictures have {len(labels)} different labels."
    return _WEAKER * _beyond(len(labels) / count, DIFFERENT), text


def _close(evidence: Evidence) -> Found:
    last = evidence.failure.path[-1]
    lead = last.confidence - last.true_confidence
    if not 0 <= lead <= CLOSE:
        return None
    return _beyond(1 - lead, 1 - CLOSE), (
        f"{_name(last.answered)} has {_percent(last.confidence)}, the true class {_name(last.true)} "
        f"{_percent(last.true_confidence)}."
    )


def _kin(evidence: Evidence) -> Found:
    """The rule of lowest expected severity passed over a likelier class: what it costs to be wrong decided."""
    *coarser, last = evidence.failure.path
    apart = [level for level in coarser if level.confidence > level.true_confidence]
    if last.confidence >= last.true_confidence or not apart:
        return None
    widest = max(apart, key=lambda level: level.confidence - level.true_confidence)
    return 1.0, (
        f"The true class {_name(last.true)} has {_percent(last.true_confidence)}, {_name(last.answered)} "
        f"{_percent(last.confidence)}; but {_name(widest.answered)} as a whole has {_percent(widest.confidence)}, "
        f"{_name(widest.true)} {_percent(widest.true_confidence)}: this answer is the milder one on average."
    )


# --- changed copies --------------------------------------------------------------------------------------------------


def _colour(evidence: Evidence) -> Found:
    return _without(evidence, "grey", "In grey")


def _detail(evidence: Evidence) -> Found:
    return _without(evidence, "blurred", "Blurred")


def _without(evidence: Evidence, name: str, how: str) -> Found:
    """Whether the answer goes when something is taken away."""
    copy = _copy(evidence, name)
    if not copy or copy.answered == evidence.answered or evidence.confidence - copy.confidence < FALL:
        return None
    right = copy.answered == evidence.true
    strength = _beyond(evidence.confidence - copy.confidence, FALL)
    return strength if right else _WEAKER * strength, (
        f"{how} it is answered {_name(copy.answered)}{', the true class' if right else ''}: the confidence in "
        f"{_name(evidence.answered)} falls from {_percent(evidence.confidence)} to {_percent(copy.confidence)}."
    )


def _texture(evidence: Evidence) -> Found:
    copy = _copy(evidence, "shuffled")
    if not copy or copy.answered != evidence.answered or evidence.confidence <= LIKELY:
        return None
    if copy.confidence < KEPT * evidence.confidence:
        return None
    return _beyond(copy.confidence / evidence.confidence, KEPT), (
        f"With its tiles shuffled, so that no outline is left, it is still answered {_name(evidence.answered)}: "
        f"{_percent(evidence.confidence)} before, {_percent(copy.confidence)} after."
    )


def _shift(evidence: Evidence) -> Found:
    stability = evidence.stability
    fickle = 1 - stability.same / stability.copies if stability.copies else 0.0
    if fickle < FICKLE:
        return None
    return _beyond(fickle, FICKLE), (
        f"Of {stability.copies} copies, shifted a little or mirrored, {stability.same or 'none'} "
        f"{'gets' if stability.same == 1 else 'get'} the same answer, {stability.right or 'none'} the right one."
    )


def _copy(evidence: Evidence, name: str) -> Copy | None:
    return next((copy for copy in evidence.copies if copy.name == name), None)


# --- heat maps -------------------------------------------------------------------------------------------------------


def _border(evidence: Evidence) -> Found:
    if len(evidence.maps) < 2:
        return None
    heat = evidence.maps[-2]
    if heat.border < BORDER or not _faithful(heat.faithfulness):
        return None
    return _beyond(heat.border, BORDER), (
        f"{_percent(heat.border)} of the heat lies in the outer half of the picture (even heat: 50 %), and blanking "
        f"the hottest fifth takes the confidence {_blanked(heat.faithfulness)}."
    )


def _part(evidence: Evidence) -> Found:
    if not evidence.maps:
        return None
    faith = evidence.maps[-1].faithfulness
    if not _faithful(faith) or not faith.blanked < 0.5 <= faith.whole:
        return None
    return _beyond(faith.fall - faith.random_fall, FAITHFUL), (
        f"Blanking the fifth that speaks most for {_name(evidence.answered)} rather than {_name(evidence.true)} takes "
        f"its share of the two {_blanked(faith)}."
    )


def _faithful(faith: Faithfulness) -> bool:
    return faith.fall - faith.random_fall >= FAITHFUL


def _blanked(faith: Faithfulness) -> str:
    elsewhere = _percent(faith.random_blanked)
    return f"from {_percent(faith.whole)} to {_percent(faith.blanked)} (as much elsewhere: {elsewhere})"


CHECKS: dict[str, Callable[[Evidence], Found]] = {
    "label": _label,
    "duplicate": _duplicate,
    "neighbours": _neighbours,
    "scattered": _scattered,
    "close": _close,
    "kin": _kin,
    "colour": _colour,
    "detail": _detail,
    "texture": _texture,
    "border": _border,
    "part": _part,
    "shift": _shift,
}


# --- words -----------------------------------------------------------------------------------------------------------


def _beyond(value: float, least: float) -> float:
    """How far a value is on its way from its threshold to 1, which is the most there can be."""
    return min(1.0, (value - least) / (1 - least))


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _name(node: str) -> str:
    return node.replace("_", " ")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
