"""What several test files share: where the real CIFAR-100 is, and a patient hypothesis for busy machines."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# On a developer's machine hypothesis looks for new cases every time; in CI a change is judged by the same ones.
settings.register_profile("kinwise", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("kinwise")


# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them press.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cifar_folder() -> Path:
    """The data folder that holds ``cifar-100-python/``; without one the test is skipped, or fails if it must run."""
    folder = Path(os.environ.get("KINWISE_DATA") or "nowhere")
    if not (folder / "cifar-100-python" / "train").is_file():
        missing = "no CIFAR-100: set KINWISE_DATA to the folder that holds cifar-100-python/"
        if os.environ.get("KINWISE_REQUIRE_CIFAR") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return folder
