"""kinwise trains image classifiers whose mistakes stay in the family.

The public names are resolved on first use, so that importing kinwise does not import torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Answerer": "kinwise.answering.answers",
    "Answers": "kinwise.answering.answers",
    "Hierarchy": "kinwise.hierarchy",
    "Images": "kinwise.data.images",
    "InputError": "kinwise.errors",
    "Predictions": "kinwise.judge.predictions",
    "Run": "kinwise.run",
    "Scores": "kinwise.judge.metrics",
    "Search": "kinwise.studies.search",
    "Study": "kinwise.studies.result",
    "compare": "kinwise.side_by_side",
    "explain": "kinwise.explanation",
    "load": "kinwise.data",
    "score": "kinwise.judge.metrics",
    "search": "kinwise.studies.search",
    "study": "kinwise.studies.study",
    "train": "kinwise.experiment",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    """Import the module that holds ``name`` when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinwise' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
