"""Config: everything that describes one training, completely. Frozen; to and from JSON; changed with ``key=value``."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal

from kinwise.errors import InputError

_STRENGTHS = (
    "expected_cost_lambda",
    "soft_margin_tau",
    "soft_labels_beta",
    "tree_smoothing_beta",
    "hxe_alpha",
    "consistency_mu",
    "path_kl_mu",
    "hier_cos_alpha",
)
_PATHS = ("data", "hierarchy")  # names of folders and files may end in a space

CALIBRATED_FROM = 100
"""With so many pictures held out, answers go by calibrated probabilities unless something else is asked for."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One training. The recipe gives every value; ``--set key=value`` changes single ones."""

    recipe: str = "quick"
    """The recipe these values started from."""

    # --- pictures
    data: str = "shapes"
    """Which pictures: shapes, cifar100, a folder, or a table of files (CSV)."""
    hierarchy: str = ""
    """The tree: a built-in one or a file; empty: the one that the pictures come with."""
    size: int = 0
    """Height and width to which picture files are decoded, 16..1024 pixels; 0: chosen from the files."""
    fit: Literal["squash", "crop", "pad"] = "squash"
    """How picture files become square: each side scaled by itself, the middle cut out, or the border continued."""
    split: Literal["official", "70:30", "80:20", "90:10"] = "official"
    """The official train and test parts, or all pictures merged and split again (scores are then not comparable)."""
    near_duplicates: Literal["together", "apart"] = "together"
    """Near-duplicates stay on one side of a new split and of the pictures held out; apart: every picture is drawn by
    itself, as in most published splits. The official test part is what it is."""
    validation: float = 0.0
    """The share of the training part held out for validation, in [0, 1)."""
    normalisation: Literal["channel", "unit"] = "channel"
    """Pixels less the mean of their channel, over its standard deviation; or merely scaled to 0..1."""
    sampler: Literal["shuffle", "balanced"] = "shuffle"
    """Every picture once per epoch, or drawn so that every class comes equally often."""
    logit_adjustment: Literal["none", "validation"] = "none"
    """For uneven classes: by how much the answers lean towards rare ones, chosen on validation pictures at the end."""

    # --- network
    network: str = "fast"
    """The backbone: fast, dense-trunk, weighted-heads, double-conv, resnet9, smoothed-cnn or timm:NAME."""
    widths: tuple[int, ...] = (32, 128, 384)
    """Channels of the three groups of fast; empty for the other networks, which have their own."""
    dropout: float = 0.0
    """The share of features left out in training, in [0, 1)."""

    # --- loss
    loss: str = "ancestor-sum"
    """What is minimised: flat, levels, severity-weighted, severity-weighted-levels, learned-severity, expected-cost,
    soft-margin, ancestor-sum, soft-labels, tree-smoothing, tree-smoothing-levels, hxe, consistency, path-kl, haframe,
    hier-cos or conditional."""
    head: Literal["", "summed", "independent", "conditional", "haframe", "hier-cos"] = ""
    """How scores of all levels come from features; empty: the head that goes with the loss."""
    coarse_heads: Literal["learning", "reading"] = "learning"
    """independent: whether the heads of the coarser levels shape the features too, or only read them."""
    level_weights: tuple[float, ...] = ()
    """The weight of each level's term, coarse to fine; empty: 1 for the classes and 0.1 for each coarser level."""
    severity_factors: tuple[float, ...] = ()
    """severity-weighted(-levels): the factor for each severity 0, 1, 2, ... of the answer; empty: 1, 1, 2, 4, 8, ...
    learned-severity begins with their differences; empty: 0.1 for each step."""
    label_smoothing: float = 0.25
    """The share of the target spread over all classes, in [0, 1)."""
    expected_cost_lambda: float = 0.3
    """expected-cost: the weight of the expected severity."""
    soft_margin_tau: float = 0.3
    """soft-margin: by how much a class's score must lie lower for each step of distance."""
    soft_labels_beta: float = 15.0
    """soft-labels: how fast the target falls with the distance; larger is nearer to flat."""
    tree_smoothing_beta: float = 1.0
    """tree-smoothing(-levels): how fast the smoothed share of the target falls with each step of distance."""
    hxe_alpha: float = 0.1
    """hxe: how much less a decision counts the higher it is in the tree."""
    consistency_mu: float = 1.0
    """consistency: the weight of the disagreement between the heads of neighbouring levels."""
    path_kl_mu: float = 1.0
    """path-kl: the weight of the divergence over all levels side by side."""
    haframe_alpha: float = 0.4
    """haframe: the share of the loss that pulls cosines to their places, in [0, 1]."""
    haframe_gamma: float = 2.0
    """haframe: how fast the wanted cosines fall with the distance."""
    haframe_least: float = 0.0
    """haframe: the wanted cosine of the farthest classes falls to exp(-gamma) of the way above this, in [0, 1)."""
    hier_cos_alpha: float = 0.05
    """hier-cos: the weight of the term that pulls each level to its true node."""

    # --- optimisation
    epochs: float = 6.0
    """Passes over the training pictures; need not be whole."""
    batch: int = 256
    """Pictures per step, over all processes together; batch normalisation needs 2 in each process."""
    resolutions: tuple[tuple[int, float], ...] = ((21, 0.45), (32, 1.0))
    """(size in pixels, until which share of the steps): small pictures first are cheaper."""
    optimiser: Literal["muon", "adam", "sgd"] = "muon"
    """Muon for the filters with SGD for all else, or Adam or SGD for everything."""
    learning_rate: float = 0.1
    """Peak learning rate: with muon of the filters, else of everything."""
    momentum: float = 0.6
    """Nesterov momentum of what has that learning rate; with adam the decay of its first moment."""
    other_learning_rate: float = 0.7
    """muon: peak learning rate of all but the filters (SGD, Nesterov momentum 0.9)."""
    weight_decay: float = 5e-4
    """Weight decay (L2), in units of the weight per unit of learning rate."""
    decayed: Literal["head", "dense", "all"] = "head"
    """Which weights decay: those of the head, those of the dense layers below it, or all but biases and norms."""
    schedule: Literal["linear", "cosine", "one-cycle", "constant", "exponential", "plateau"] = "linear"
    """How the learning rates fall after the warm-up: to 0 straight, or by half a cosine; never; by a factor each epoch;
    or by a factor whenever the validation loss (without a validation part, the training loss) stands still."""
    warmup: float = 0.25
    """The share of the steps in which the learning rates rise."""
    learning_rate_decay: float = 0.1
    """exponential: the factor of each epoch; plateau: of each time that the loss stands still; in (0, 1]."""
    patience: int = 5
    """plateau: for how many epochs the loss may stand still before the rates fall."""
    early_stopping: int = 0
    """End after so many epochs without a lower validation loss, and take the weights of the epoch where it was lowest;
    0: train to the end and take the last weights."""
    freeze: tuple[float, ...] = (0.45, 0.75)
    """At which share of the steps each stage, in order from the pictures, ends its learning: its rates fall to 0 there,
    and no gradient is computed for it afterwards. Stages without a share learn to the end."""

    # --- augmentation
    translate: int = 2
    """Each picture is moved by up to so many pixels in each direction, its border reflected."""
    flip: Literal["alternating", "random", "none"] = "alternating"
    """Mirroring: the other side in every epoch, at random, or never."""
    crop: float = 1.0
    """Random resized crops: the least share of a picture's area that is seen, in (0, 1]; 1: none."""
    jitter: float = 0.0
    """Brightness, contrast and saturation change by random factors within 1 - jitter .. 1 + jitter, in [0, 1)."""

    # --- answers
    decision: Literal["auto", "least-cost", "argmax"] = "auto"
    """How probabilities become the class that is answered: the lowest expected severity, or the most likely class.
    auto: the first where 100 pictures or more are held out to calibrate on, else the second."""

    # --- report
    explained: int = 60
    """How many failures the report looks at with pictures and heat maps; 0: none."""

    # --- machine
    seed: int = 0
    """Of everything drawn: the split, the weights, the order, the augmentation."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes the fastest that is there."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of convolutions and products; auto takes bfloat16 where the hardware has instructions for it."""

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        _in_range("validation", self.validation, 0, 1, "[0, 1)", upper_open=True)
        _in_range("label_smoothing", self.label_smoothing, 0, 1, "[0, 1)", upper_open=True)
        _in_range("warmup", self.warmup, 0, 1, "[0, 1)", upper_open=True)
        _in_range("dropout", self.dropout, 0, 1, "[0, 1)", upper_open=True)
        _in_range("learning_rate_decay", self.learning_rate_decay, 0, 1, "(0, 1]", lower_open=True)
        _in_range("patience", self.patience, 0, float("inf"), "at least 0")
        _in_range("early_stopping", self.early_stopping, 0, float("inf"), "at least 0")
        _in_range("momentum", self.momentum, 0, 1, "[0, 1)", upper_open=True)
        _in_range("epochs", self.epochs, 0, float("inf"), "above 0", lower_open=True, upper_open=True)
        _in_range("size", self.size or 16, 16, 1024, "0 or 16..1024")
        _in_range("explained", self.explained, 0, float("inf"), "at least 0")
        _in_range("batch", self.batch, 1, float("inf"), "at least 1")
        _in_range("seed", self.seed, 0, 2**31 - 1, "0..2147483647")
        _in_range("translate", self.translate, 0, 16, "0..16")
        _in_range("crop", self.crop, 0, 1, "(0, 1]", lower_open=True)
        _in_range("jitter", self.jitter, 0, 1, "[0, 1)", upper_open=True)
        for name in ("learning_rate", "other_learning_rate", "weight_decay"):
            _in_range(name, getattr(self, name), 0, float("inf"), "at least 0 and finite", upper_open=True)
        for name in _STRENGTHS:
            _in_range(name, getattr(self, name), 0, float("inf"), "at least 0 and finite", upper_open=True)
        _in_range("haframe_alpha", self.haframe_alpha, 0, 1, "[0, 1]")
        _in_range("haframe_gamma", self.haframe_gamma, 0, 50, "(0, 50]", lower_open=True)
        _in_range("haframe_least", self.haframe_least, 0, 1, "[0, 1)", upper_open=True)
        for name in ("level_weights", "severity_factors"):
            for value in getattr(self, name):
                _in_range(name, value, 0, float("inf"), "at least 0 and finite", upper_open=True)
        ends = list(self.freeze)
        if ends != sorted(ends) or not all(0 < end <= 1 for end in ends):
            raise InputError(f"freeze: expected shares above 0 and up to 1 that do not fall, got {_text(self.freeze)}")
        if self.widths and (len(self.widths) != 3 or min(self.widths) < 8 or any(width % 8 for width in self.widths)):
            raise InputError(f"widths: expected three multiples of 8, or none, got {_text(self.widths)}")
        shares = [share for _, share in self.resolutions]
        rising = shares == sorted(shares) and all(0 <= share <= 1 for share in shares)
        if not shares or not rising or shares[-1] != 1 or min(size for size, _ in self.resolutions) < 16:
            raise InputError(
                "resolutions: expected size:until pairs with sizes of 16 or more and shares rising to 1, for example "
                f"21:0.45,32:1, got {_text(self.resolutions)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Config":
        """The inverse of ``to_dict``; a key left out has its default.

        Raises:
            InputError: for an unknown key or a value that does not fit.
        """
        return Config(**{key: _checked(key, _as_tuple(value)) for key, value in data.items()})

    def changed(self, assignments: Sequence[str]) -> "Config":
        """This config with ``key=value`` texts applied, for example ``["loss=flat", "widths=24,96,288"]``.

        Raises:
            InputError: for an unknown key (the closest one is named) or a value that cannot be read.
        """
        changes: dict[str, Any] = {}
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            key = key.strip().replace("-", "_")
            if not equals:
                raise InputError(f"--set takes key=value, got {assignment!r}")
            changes[key] = _checked(key, _parsed(key, text if key in _PATHS else text.strip()))
        return replace(self, **changes)

    def text_of(self, key: str) -> str:
        """The value of ``key`` as ``--set`` takes it."""
        return _text(getattr(self, key))


def _kinds() -> dict[str, Any]:
    return {field.name: field.type for field in fields(Config)}


def _kind(key: str) -> Any:
    kinds = _kinds()
    if key not in kinds:
        close = get_close_matches(key, kinds, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise InputError(f"unknown key {key!r}{hint} The keys are: {', '.join(kinds)}")
    return kinds[key]


def _parsed(key: str, text: str) -> Any:
    """The value that ``text`` writes for ``key``."""
    kind = _kind(key)
    try:
        if key == "resolutions":
            pairs = [pair.split(":") for pair in text.split(",")]
            return tuple((int(size), float(share)) for size, share in pairs)
        if typing.get_origin(kind) is tuple:
            item = typing.get_args(kind)[0]
            return tuple(item(part) for part in text.split(",") if part.strip())
        return kind(text) if isinstance(kind, type) else text
    except ValueError as error:
        raise InputError(f"{key}: cannot read {text!r} as {_kind_text(key)}") from error


def _checked(key: str, value: Any) -> Any:
    """``value``, refused when it is not of the kind that ``key`` has."""
    kind = _kind(key)
    if typing.get_origin(kind) is Literal:
        options = typing.get_args(kind)
        if value not in options:
            raise InputError(f"{key}: expected one of {', '.join(options)}, got {value!r}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not _fits(value, kind):
        raise InputError(f"{key}: expected {_kind_text(key)}, got {value!r}")
    return value


def _fits(value: Any, kind: Any) -> bool:
    """Whether ``value`` is of ``kind``: a plain type or a tuple of kinds; whole numbers are numbers, bools are not."""
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, tuple):
            return False
        if kinds[-1] is Ellipsis:
            return all(_fits(item, kinds[0]) for item in value)
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def _kind_text(key: str) -> str:
    if key == "resolutions":
        return "size:until pairs separated by commas"
    named = {int: "a whole number", float: "a number", str: "a text"}
    kind = _kind(key)
    if kind in named:
        return named[kind]
    return "numbers separated by commas"


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(":".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value)
    return str(value)


def _in_range(
    name: str, value: float, low: float, high: float, text: str, *, lower_open: bool = False, upper_open: bool = False
) -> None:
    inside = (low < value if lower_open else low <= value) and (value < high if upper_open else value <= high)
    if not inside:
        raise InputError(f"{name}: expected {text}, got {value}")
