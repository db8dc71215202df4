"""Cases: failures together with everything that was measured about them."""

from dataclasses import asdict, dataclass
from typing import Any

from kinwise.judge.failures import Failure, LevelAnswer


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A training picture that the network finds similar.

    Attributes:
        id: its name.
        label: its class.
        similarity: the cosine of both feature vectors, -1..1, higher is more alike.
    """

    id: str
    label: str
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What became of the answer when the picture was changed.

    Attributes:
        name: how it was changed, a key of ``copies.COPIES``.
        answered: the class that the changed picture got.
        confidence: the probability of the class that the unchanged picture had got, 0..1.
        true_confidence: the probability of the true class, 0..1.
    """

    name: str
    answered: str
    confidence: float
    true_confidence: float


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How many of a number of shifted and mirrored copies got the same answer, and how many the right one."""

    copies: int
    same: int
    right: int


@dataclass(frozen=True, kw_only=True)
class Faithfulness:
    """Whether the picture's hottest part carries the answer: what the score does when it is blanked or kept alone.

    All are scores of one target, 0..1; ``random`` ones are means over masks of the same shape and size elsewhere.

    Attributes:
        whole: of the picture as it is.
        empty: of a picture with everything blanked.
        blanked: with the hottest part blanked.
        kept: with everything else blanked.
        random_blanked: with as large a part elsewhere blanked.
        random_kept: with as large a part elsewhere kept alone.
    """

    whole: float
    empty: float
    blanked: float
    kept: float
    random_blanked: float
    random_kept: float

    @property
    def fall(self) -> float:
        """How far the score falls without the hottest part, -1..1; higher is more faithful."""
        return self.whole - self.blanked

    @property
    def rise(self) -> float:
        """How far the score rises with the hottest part alone, -1..1; higher is more faithful."""
        return self.kept - self.empty

    @property
    def random_fall(self) -> float:
        """The fall with a random mask."""
        return self.whole - self.random_blanked

    @property
    def random_rise(self) -> float:
        """The rise with a random mask."""
        return self.random_kept - self.empty


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """What is known about one heat map; its pixels are kept with those of the pictures.

    Attributes:
        target: what it explains: a level's name for the answered node of that level, or ``maps.AGAINST`` for the
            answered class against the true one.
        border: the share of its heat in the outer ring that makes up half of the picture, 0..1; .5 is even.
        faithfulness: whether the hottest part carries the answer.
    """

    target: str
    border: float
    faithfulness: Faithfulness


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """What may have happened, and what was measured that says so.

    Attributes:
        kind: a key of ``hypothesis.KINDS``.
        text: one sentence with the numbers.
        usual: the share of right answers for which the same was measured, 0..1; None where that is not known.
    """

    kind: str
    text: str
    usual: float | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """A failure and what was measured about it.

    Attributes:
        failure: which picture, what was true, what was answered.
        neighbours: the most similar training pictures, the most similar first.
        copies: the answers to changed copies.
        stability: the answers to shifted and mirrored copies.
        maps: one heat map per target: the levels coarse to fine, then true against predicted.
        hypotheses: what may have happened, the best supported first; none where nothing measured stands out.
    """

    failure: Failure
    neighbours: tuple[Neighbour, ...]
    copies: tuple[Copy, ...]
    stability: Stability
    maps: tuple[HeatMap, ...]
    hypotheses: tuple[Hypothesis, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in failures.json."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Case":
        """What ``to_dict`` gave."""
        failure = dict(data["failure"])
        path = tuple(LevelAnswer(**step) for step in failure.pop("path"))
        return Case(
            failure=Failure(**{**failure, "reasons": tuple(failure["reasons"])}, path=path),
            neighbours=tuple(Neighbour(**one) for one in data["neighbours"]),
            copies=tuple(Copy(**one) for one in data["copies"]),
            stability=Stability(**data["stability"]),
            maps=tuple(HeatMap(**{**one, "faithfulness": Faithfulness(**one["faithfulness"])}) for one in data["maps"]),
            hypotheses=tuple(Hypothesis(**one) for one in data["hypotheses"]),
        )


@dataclass(frozen=True, kw_only=True)
class Trait:
    """Something that pictures have more or less of, and how often those are failures: found on one half of the test
    pictures, checked on the other.

    Attributes:
        name: of the trait, a key of ``traits.TRAITS`` or another that was handed in (see ``traits.described``).
        side: "low" or "high": the quarter of each class's pictures with least or most of it.
        pictures: how many pictures of the second half are in that quarter.
        found: (error rate in the quarter, error rate in the rest), 0..1, on the half in which it was found.
        checked: the same on the other half.
        difference: value, low and high of the difference of ``checked``, 95 % interval.
        holds: whether the difference has the same sign on both halves and its interval excludes 0.
    """

    name: str
    side: str
    pictures: int
    found: tuple[float, float]
    checked: tuple[float, float]
    difference: tuple[float, float, float]
    holds: bool
