"""The fixture on the tiny study of ``studies``; a test file asks for it with ``pytest_plugins``."""

import os
import pickle

import pytest
from filelock import FileLock
from studies import PLAN, tiny_study

from kinwise.studies.result import Study


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The whole study, done by two workers; not to be written to.

    Of several processes that run tests the first does it, and the others take it from there.
    """
    base = tmp_path_factory.getbasetemp()
    together = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(together / "studied.lock"):
        kept = together / "studied.pickle"
        if not kept.is_file():
            kept.write_bytes(pickle.dumps(tiny_study(PLAN, together / "studied", workers=2)))
        found: Study = pickle.loads(kept.read_bytes())
        return found
