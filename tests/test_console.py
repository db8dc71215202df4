"""What is shown while something is counted: plain lines now and then, or a bar on a terminal."""

import os
import pty
import subprocess
import sys

import pytest

from kinwise import console
from kinwise.console import counting_progress


@pytest.mark.parametrize(
    ("seconds", "expected"), [(5.0, ""), (0.0, "Decoding 1/1,200\nDecoding 2/1,200\nDecoding 1,200/1,200\n")]
)
def test_elsewhere_than_on_a_terminal_a_line_is_printed_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seconds: float, expected: str
) -> None:
    monkeypatch.setattr(console, "PLAIN_SECONDS", seconds)
    with counting_progress("Decoding") as progress:
        for done in (1, 2, 1200):
            progress(done, 1200)
    assert capsys.readouterr().out == expected


def test_on_a_terminal_there_is_a_bar() -> None:
    program = "from kinwise.console import counting_progress\nwith counting_progress('Decoding') as p: p(1, 3); p(3, 3)"
    reader, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    subprocess.run([sys.executable, "-c", program], stdout=terminal, stderr=terminal, env=environment, check=True)
    os.close(terminal)
    shown = os.read(reader, 10_000).decode()
    os.close(reader)
    assert "Decoding" in shown
    assert "3/3" in shown
