"""CIFAR-100: reading the official files, fetching them, and what happens when that goes wrong."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from kinwise import load
from kinwise.data.cifar import Source, cifar100
from kinwise.data.download import DownloadError, download
from kinwise.data.images import split
from kinwise.errors import InputError
from kinwise.splits import RESPLITS
from kinwise.taxonomy import built_in

FOLDER = "cifar-100-python"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


# --- a small data set in the official form, and a server that gives it away ------------------------------------------


def tiny_files() -> dict[str, bytes]:
    """Three files as the official ones are: 100 classes, 200 training and 100 test pictures."""
    classes = sorted(built_in("cifar100").classes)
    generator = np.random.default_rng(0)

    def part(name: str, per_class: int) -> dict[bytes, object]:
        labels = np.tile(np.arange(100), per_class).tolist()
        return {
            b"filenames": [f"{name}_{index}.png".encode() for index in range(len(labels))],
            b"fine_labels": labels,
            b"data": generator.integers(0, 256, (len(labels), 3072), dtype=np.uint8),
        }

    contents = {
        "meta": {b"fine_label_names": [name.encode() for name in classes]},
        "train": part("a", 2),
        "test": part("b", 1),
    }
    return {name: pickle.dumps(content, protocol=3) for name, content in contents.items()}


def packed(files: dict[str, bytes], prefix: str = FOLDER) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


FILES = tiny_files()
ARCHIVE = packed(FILES)


@dataclass
class Server:
    """What the server has, how it behaves, and which ranges it was asked for."""

    content: bytes = ARCHIVE
    obeys_range: bool = True
    break_after: int | None = None  # bytes of each answer until the connection breaks
    status: int | None = None
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture(autouse=True)
def direct_and_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("kinwise.data.download.time.sleep", lambda _: None)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.obeys_range else 0
            if state.status or start >= len(state.content):
                self.send_error(state.status or 416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            self.wfile.write(state.content[start:][: state.break_after])

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{listening.server_port}/tiny.tar.gz"
        yield state
        listening.shutdown()
        thread.join()


def source(url: str, archive: bytes = ARCHIVE) -> Source:
    return Source(
        url=url,
        size=len(archive),
        md5=md5(archive),
        folder=FOLDER,
        files={name: md5(content) for name, content in FILES.items()},
    )


def put_files(folder: Path) -> Path:
    (folder / FOLDER).mkdir()
    for name, content in FILES.items():
        (folder / FOLDER / name).write_bytes(content)
    return folder / FOLDER


NOWHERE = "http://127.0.0.1:1/tiny.tar.gz"


# --- reading ---------------------------------------------------------------------------------------------------------


def check_tiny(folder: Path, of: Source) -> None:
    images = cifar100(folder, of)
    train = pickle.loads(FILES["train"])
    np.testing.assert_array_equal(images.train.pixels[3, 1], train[b"data"][3, 1024:2048].reshape(32, 32))
    assert images.train.labels.tolist() == train[b"fine_labels"]
    assert images.train.ids[:2].tolist() == ["train/a_0.png", "train/a_1.png"]
    assert images.test.ids[-1] == "test/b_99.png"
    assert images.hierarchy.classes == tuple(sorted(images.hierarchy.classes))
    assert (len(images.train), len(images.test)) == (200, 100)


def test_files_that_are_there_are_used_as_they_are(tmp_path: Path) -> None:
    put_files(tmp_path)
    check_tiny(tmp_path, source(NOWHERE))
    assert sorted(path.name for path in tmp_path.rglob("*")) == [FOLDER, "meta", "test", "train"]


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["meta", "train", "test"])
def test_a_damaged_file_is_named_and_never_unpickled(tmp_path: Path, name: str) -> None:
    damaged, mark = put_files(tmp_path) / name, tmp_path / "mark"
    damaged.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(InputError, match=f"{name} is damaged: its md5 is .*delete it to have it downloaded again"):
        cifar100(tmp_path, source(NOWHERE))
    assert not mark.exists()
    assert damaged.exists()


def test_even_a_file_with_the_right_md5_can_run_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = pickle.dumps(Trap(mark))
    (put_files(tmp_path) / "meta").write_bytes(content)
    of = source(NOWHERE)
    with pytest.raises(pickle.UnpicklingError, match="may not name"):
        cifar100(tmp_path, Source(**(vars(of) | {"files": {**of.files, "meta": md5(content)}})))
    assert not mark.exists()


# --- fetching --------------------------------------------------------------------------------------------------------


def test_absent_files_are_downloaded_and_nothing_else_stays(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    check_tiny(tmp_path / "new", source(server.url))
    assert sorted(path.name for path in (tmp_path / "new").rglob("*")) == [FOLDER, "meta", "test", "train"]
    size = f"{len(ARCHIVE) / 1e6:.1f}"
    assert f"{FOLDER}.tar.gz: {size} of {size} MB" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    download(server.url, tmp_path / "tiny.part", size=len(ARCHIVE), md5=md5(ARCHIVE))
    shown = terminal.getvalue()
    assert "tiny" in shown
    assert "━" in shown


def test_a_broken_download_goes_on_where_it_broke(tmp_path: Path, server: Server) -> None:
    server.break_after = len(ARCHIVE) // 2 - 10
    check_tiny(tmp_path, source(server.url))
    half = server.break_after
    assert server.asked == [None, f"bytes={half}-", f"bytes={2 * half}-"]


def test_the_next_command_goes_on_where_the_last_one_gave_up(tmp_path: Path, server: Server) -> None:
    server.break_after = 1000
    with pytest.raises(InputError, match=r"broke off after 3,000 of .*Run the command again to go on"):
        cifar100(tmp_path, source(server.url))
    server.break_after = None
    check_tiny(tmp_path, source(server.url))
    assert server.asked[-1] == "bytes=3000-"


def test_a_server_that_ignores_ranges_sends_everything_again(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(b"something else")
    server.obeys_range = False
    download(server.url, path, size=len(ARCHIVE), md5=md5(ARCHIVE))
    assert path.read_bytes() == ARCHIVE


def test_a_complete_part_needs_no_server(tmp_path: Path) -> None:
    (tmp_path / f"{FOLDER}.tar.gz.part").write_bytes(ARCHIVE)
    check_tiny(tmp_path, source(NOWHERE))


def test_a_part_that_is_too_long_is_fetched_again(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(ARCHIVE + b"!")
    download(server.url, path, size=len(ARCHIVE), md5=md5(ARCHIVE))
    assert path.read_bytes() == ARCHIVE
    assert server.asked == [None]


def test_a_range_beyond_the_file_asks_for_the_whole(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(b"x" * 50)
    server.content = b"y" * 50
    with pytest.raises(DownloadError, match="broke off after 50 of 60 bytes"):
        download(server.url, path, size=60, md5="", attempts=1)
    assert server.asked == ["bytes=50-", None]
    assert path.read_bytes() == server.content


def test_what_arrives_damaged_is_deleted(tmp_path: Path, server: Server) -> None:
    server.content = ARCHIVE[:-1] + b"?"
    with pytest.raises(InputError, match=r"arrived damaged .* so it was deleted; run the command again"):
        cifar100(tmp_path, source(server.url))
    assert list(tmp_path.iterdir()) == []


def test_more_than_was_asked_for_is_not_taken(tmp_path: Path, server: Server) -> None:
    server.content = ARCHIVE + b"and more"
    download(server.url, tmp_path / "x", size=len(ARCHIVE), md5=md5(ARCHIVE))
    assert (tmp_path / "x").read_bytes() == ARCHIVE


def test_files_that_are_there_survive_a_download(tmp_path: Path, server: Server) -> None:
    folder = put_files(tmp_path)
    (folder / "train").unlink()
    kept = (folder / "test").stat()
    check_tiny(tmp_path, source(server.url))
    assert (folder / "test").stat().st_mtime_ns == kept.st_mtime_ns
    assert (folder / "test").stat().st_ino == kept.st_ino


def test_an_archive_put_there_by_hand_is_used_and_kept(tmp_path: Path) -> None:
    archive = tmp_path / f"{FOLDER}.tar.gz"
    archive.write_bytes(ARCHIVE)
    check_tiny(tmp_path, source(NOWHERE))
    assert archive.read_bytes() == ARCHIVE


def test_a_damaged_archive_put_there_by_hand_is_refused_and_kept(tmp_path: Path) -> None:
    archive = tmp_path / f"{FOLDER}.tar.gz"
    archive.write_bytes(b"no archive")
    with pytest.raises(InputError, match="is damaged or no official archive"):
        cifar100(tmp_path, source(NOWHERE))
    assert archive.exists()


def test_an_archive_may_not_write_outside(tmp_path: Path) -> None:
    evil = packed({"../../../escaped": b"boo"})
    data = tmp_path / "data"
    data.mkdir()
    (data / f"{FOLDER}.tar.gz").write_bytes(evil)
    with pytest.raises(InputError, match="cannot unpack"):
        cifar100(data, source(NOWHERE, evil))
    assert not (tmp_path / "escaped").exists()
    assert [path.name for path in data.iterdir()] == [f"{FOLDER}.tar.gz"]


def test_offline_one_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        cifar100(tmp_path, source(NOWHERE))
    message = str(raised.value)
    for part in (NOWHERE, "refused", "--data-dir", "KINWISE_DATA", *(str(tmp_path / FOLDER / name) for name in FILES)):
        assert part in message
    assert "\n" not in message


def test_a_server_that_has_no_such_file(tmp_path: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(InputError, match=r"could not be downloaded from .*the server answered 404"):
        cifar100(tmp_path, source(server.url))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*name another data folder with --data-dir or KINWISE_DATA"):
        cifar100(tmp_path / "file", source(NOWHERE))


# --- the real thing --------------------------------------------------------------------------------------------------


def test_the_real_cifar100(cifar_folder: Path) -> None:
    images = load("cifar100", data_dir=cifar_folder)
    assert images.pixels.shape == (60_000, 3, 32, 32)
    assert np.bincount(images.train.labels).tolist() == [500] * 100
    assert np.bincount(images.test.labels).tolist() == [100] * 100
    assert images.hierarchy.level_sizes == (9, 20, 100)
    assert images.ids[0] == "train/bos_taurus_s_000507.png"
    assert images.hierarchy.classes[images.labels[0]] == "cattle"
    assert images.pixels[0, :, 0, 0].tolist() == [255, 255, 255]
    with (cifar_folder / FOLDER / "train").open("rb") as file:
        official = pickle.load(file, encoding="bytes")
    coarse = images.hierarchy.level_labels[images.train.labels, 1]
    pairs = set(zip(coarse.tolist(), official[b"coarse_labels"], strict=True))
    assert len(pairs) == 20  # our superclasses are the official ones, one to one
    for name, share in RESPLITS.items():
        again = split(images, name, seed=1)
        assert np.bincount(again.test.labels).tolist() == [round(600 * share)] * 100
        assert np.bincount(again.train.labels).tolist() == [600 - round(600 * share)] * 100
