"""The fixture on the tiny study of ``studies``; a test file asks for it with ``pytest_plugins``."""

import pytest
from studies import PLAN, tiny_study

from kinwise.studies.result import Study


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The whole study, done by two workers; not to be written to."""
    return tiny_study(PLAN, tmp_path_factory.mktemp("studied") / "study", workers=2)
