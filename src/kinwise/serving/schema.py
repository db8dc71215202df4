"""The JSON that goes out, as pydantic models; /openapi.json is made from them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Step(_Model):
    """A node of the tree and how sure the network is of it."""

    level: str
    """The level of the node."""
    name: str
    """The name of the node."""
    confidence: float
    """The probability of the node, 0..1; calibrated where the reply says so."""


class HeatMap(_Model):
    """Which places of a picture speak for a node: LayerCAM, each map by itself from none (clear) to most (yellow)."""

    level: str
    """The level of the node that is explained."""
    name: str
    """The node that is explained: the answer's at this level, else the most probable one."""
    picture: str
    """The map as a PNG file, a data URI; it covers what the network saw."""


class Similar(_Model):
    """A training picture that the network finds similar."""

    id: str
    """What finds the picture again within its data set."""
    label: str
    """Its label."""
    path: list[str]
    """Its label and what stands above it in the tree, coarse to fine."""
    similarity: float
    """The cosine of the two pictures' features, -1..1; higher is more alike."""
    picture: str
    """The picture, small, as a WebP file, a data URI."""


class Answer(_Model):
    """What the network says about one picture."""

    name: str
    """The file's name, as it was sent."""
    width: int
    """Of the picture, upright, in pixels."""
    height: int
    """Of the picture, upright, in pixels."""
    answer: str | None
    """The deepest node answered; null where the network cannot even tell the coarsest level."""
    level: str | None
    """Its level; null where there is no answer."""
    confidence: float | None
    """Its probability; null where there is no answer."""
    path: list[Step]
    """From the coarsest level down to the answer; empty where there is none."""
    likeliest: list[Step]
    """The same down to the most probable class, wherever the answer stops."""
    stops_at: str | None
    """The level at which the path stops before a class is reached, "root" where it is empty; null for a class."""
    reason: str
    """Why it stops there; empty for a class."""
    best: list[list[Step]]
    """For every level of the tree its most probable nodes, whatever the answer; three at most."""
    heat_maps: list[HeatMap] | None
    """For every level a map; null where none were asked for or none can be made."""
    similar: list[Similar] | None
    """The most similar training pictures, the most similar first; null where none were asked for or none are known."""
    seen: str | None
    """What the network saw of the picture, as a WebP file, a data URI; null where no heat maps were asked for."""


class Refused(_Model):
    """A file that gave no picture."""

    name: str
    """The file's name, as it was sent."""
    error: str
    """Why it gave none."""


class Reply(_Model):
    """The answers to one request."""

    calibrated: bool
    """Whether confidences were calibrated on validation pictures."""
    promise: float | None
    """The share of right answers that is promised, 0..1; null where nothing is, and every answer is a class."""
    pictures: list[Answer | Refused]
    """One for every file, in the order in which they were sent."""


class Learnt(_Model):
    """How far the training pictures have been looked at; similar ones are known when all have."""

    state: Literal["loading", "looking", "ready", "missing"]
    """missing: they could not be loaded, and answers come without similar pictures."""
    done: int
    """How many were looked at."""
    total: int
    """How many will be."""


class Tree(_Model):
    """The tree of the classes."""

    names: list[str]
    """The name of every node."""
    parents: list[int]
    """The index of every node's parent; -1 for the root, which is node 0."""


class Limits(_Model):
    """What a request may bring at most."""

    files: int
    """Pictures."""
    file_bytes: int
    """Bytes of one picture's file."""
    body_bytes: int
    """Bytes of the whole request."""


class Facts(_Model):
    """The run that answers."""

    name: str
    """Of the run."""
    recipe: str
    """What it was trained by."""
    data: str
    """What it was trained on."""
    side: int
    """Height and width of the pictures that the network sees, in pixels."""
    fit: Literal["squash", "crop", "pad"]
    """How a picture becomes square: each side scaled by itself, the middle cut out, or the border continued."""
    levels: list[str]
    """The levels of the tree, coarse to fine; the last one holds the classes."""
    classes: list[str]
    """The names of the classes."""
    tree: Tree
    """How the classes are related."""
    calibrated: bool
    """Whether confidences were calibrated on validation pictures."""
    promise: float | None
    """The share of right answers that is promised, 0..1; null where nothing is, and every answer is a class."""
    promise_note: str
    """Why the promise may not be kept; empty where it is."""
    limits: Limits
    """What a request may bring."""
    learnt: Learnt
    """How far the training pictures have been looked at."""


class Fault(_Model):
    """Why a request was refused."""

    error: str
    """One sentence."""
