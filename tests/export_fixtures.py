"""A run that learnt how sure to be, for the tests of exported files; asked for with ``pytest_plugins``."""

from pathlib import Path

import numpy as np
import pytest

from kinwise.judge.predictions import Predictions
from kinwise.run import Run
from kinwise.run_folder import VALIDATION


@pytest.fixture
def calibrated(run_folder: Path) -> Run:
    """A complete run with validation predictions that are mostly right and not sure enough of it."""
    run = Run(run_folder)
    found = run.predictions()
    generator = np.random.default_rng(0)
    odds = generator.exponential(size=found.probabilities[-1].shape) + 6.5 * np.eye(32)[found.labels]
    sure = Predictions.from_classes(odds / odds.sum(axis=1, keepdims=True), found.labels, found.hierarchy)
    sure.save(run_folder / VALIDATION)
    return run
