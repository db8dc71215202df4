"""The server as a program meets it: its answers, its limits, and whom it refuses."""

import io
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import Hostile, write_hostile_folder
from PIL import Image
from runs import Refused, tiny_images
from servers import Served, get_from, png, post_to, served, wait_until, with_validation

from kinwise.answering.answers import Answerer
from kinwise.data import DATA_SETS
from kinwise.run import Run
from kinwise.run_folder import WEIGHTS
from kinwise.serving import limits
from kinwise.serving.guard import is_own
from kinwise.serving.learnt import FEATURES, kept

httpx = pytest.importorskip("httpx")
pytest_plugins = ["run_fixtures"]

HOSTILE_NAMES = ('<img src=x onerror="alert(1)">.png', "a\nb.png", "../../etc/passwd", "\"quoted'.png", "ä 漢字.png")


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run without validation pictures, whose training pictures are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())
        folder = tmp_path_factory.mktemp("served") / "run"
        shutil.copytree(trained, folder)
        with served(folder) as found:
            wait_until(lambda: facts(found)["learnt"]["state"] == "ready")
            yield found


@pytest.fixture(scope="module")
def promising(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run that keeps a promise, and whose training pictures cannot be loaded: those of its data set are others."""
    folder = with_validation(trained, tmp_path_factory.mktemp("promising") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, "shapes", lambda _: tiny_images().take(np.arange(100)))
        with served(folder, promise=0.9) as found:
            yield found


def facts(server: Served) -> dict[str, Any]:
    return dict(get_from(f"{server.address}/api/run").json())


def ask(server: Served, *files: tuple[str, bytes], **parameters: Any) -> Any:
    """What the server says about files: a list, one entry for each."""
    reply = post(server, *files, **parameters)
    assert reply.status_code == 200, reply.text
    return reply.json()["pictures"]


def post(server: Served, *files: tuple[str, bytes], **parameters: Any) -> Any:
    form = [("pictures", file) for file in files]
    return post_to(f"{server.address}/api/answers", files=form, params=parameters, timeout=60)


def picture(index: int) -> tuple[str, bytes]:
    return f"{index}.png", png(tiny_images().test.pixels[index])


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_is_that_of_the_run(server: Served, trained: Path) -> None:
    pixels = tiny_images().test.pixels[:3]
    answers = Answerer(Run(trained)).answer(pixels)
    for row, said in enumerate(ask(server, *map(picture, range(3)))):
        expected = answers.to_dict(row)
        assert {key: said[key] for key in expected} == expected, "as kinwise predict --json"
        assert said["answer"] == answers.path(row)[-1][1]
        assert (said["stops_at"], said["reason"]) == (None, "")
        assert (said["name"], said["width"], said["height"]) == (f"{row}.png", *pixels.shape[:1:-1])
        assert (said["heat_maps"], said["similar"], said["seen"]) == (None, None, None), "nobody asked for them"


def test_it_stops_where_it_is_unsure_and_says_why(promising: Served, trained: Path) -> None:
    grey = np.full((3, 32, 32), 127, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (7, 3, 32, 32)).astype(np.uint8)
    said = ask(promising, *((f"{i}.png", png(one)) for i, one in enumerate([grey, *noise])))
    tree = Run(trained).hierarchy
    stopped = [one for one in said if one["stops_at"] is not None]
    assert stopped, "a network of three epochs is not sure about noise"
    for one in stopped:
        assert one["reason"]
        assert one["stops_at"] == (one["level"] or "root")
        assert one["answer"] not in tree.classes
    assert facts(promising)["promise"] == 0.9
    assert facts(promising)["calibrated"]


def test_without_validation_pictures_nothing_is_promised(server: Served) -> None:
    reply = post(server, picture(0)).json()
    assert (reply["calibrated"], reply["promise"]) == (False, None)


def test_of_every_level_the_most_probable_nodes_are_told(server: Served, trained: Path) -> None:
    probabilities = Answerer(Run(trained)).answer(tiny_images().test.pixels[:1]).probabilities
    (said,) = ask(server, picture(0))
    for level, array in zip(said["best"], probabilities, strict=True):
        assert [one["confidence"] for one in level] == pytest.approx(np.sort(array[0])[::-1][:3], abs=1e-4)


def test_heat_maps_come_for_every_level_as_pictures(server: Served) -> None:
    (said,) = ask(server, picture(0), heat_maps=True)
    levels = facts(server)["levels"]
    assert [one["level"] for one in said["heat_maps"]] == levels
    assert [one["name"] for one in said["heat_maps"]] == [step["name"] for step in said["path"]]
    for one in said["heat_maps"]:
        assert one["picture"].startswith("data:image/png;base64,")
    assert said["seen"].startswith("data:image/webp;base64,")


def test_a_training_picture_is_most_similar_to_itself(server: Served) -> None:
    train = tiny_images().train
    (said,) = ask(server, ("one.png", png(train.pixels[40])), similar=5)
    first = said["similar"][0]
    assert (first["id"], first["label"]) == (train.ids[40], train.hierarchy.classes[train.labels[40]])
    assert first["similarity"] == pytest.approx(1, abs=2e-3), "features are kept in float16"
    similarities = [one["similarity"] for one in said["similar"]]
    assert len(similarities) == 5
    assert similarities == sorted(similarities, reverse=True)
    assert first["path"][-1] == first["label"]


def test_without_training_pictures_it_goes_on_and_the_terminal_says_why(promising: Served) -> None:
    wait_until(lambda: facts(promising)["learnt"]["state"] == "missing")
    (said,) = ask(promising, picture(0), similar=5)
    assert said["similar"] is None
    assert said["path"] is not None
    assert len(promising.told) == 1
    assert "trained and judged on other pictures" in promising.told[0]


def test_the_next_start_takes_what_was_found(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = with_validation(trained, tmp_path / "run")
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())
    with served(folder) as first:
        wait_until(lambda: facts(first)["learnt"]["state"] == "ready")
        expected = ask(first, picture(3), similar=5)[0]["similar"]
    with monkeypatch.context() as patch:
        patch.setattr("kinwise.serving.asking.Asking.features", lambda *_: pytest.fail("looked again"))
        with served(folder) as second:
            wait_until(lambda: facts(second)["learnt"]["state"] == "ready")
    with served(folder) as third:
        wait_until(lambda: facts(third)["learnt"]["state"] == "ready")
        similar = ask(third, picture(3), similar=5)[0]["similar"]
    assert [one["id"] for one in similar] == [one["id"] for one in expected]
    assert (folder / FEATURES).is_file()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes() + b" ")
    assert kept(Run(folder)) is None, "other weights have other features"


def test_many_requests_at_once_get_their_own_answers(server: Served, trained: Path) -> None:
    count = 64
    answers = Answerer(Run(trained)).answer(tiny_images().test.pixels[:count])
    top = np.round(answers.probabilities[-1].max(axis=1), 4)
    assert len(set(top.tolist())) > count // 2, "the pictures must be told apart by their answers"
    together = threading.Barrier(count)

    def one(index: int) -> Any:
        together.wait(60)
        return ask(server, picture(index), heat_maps=index % 2 == 0, similar=index % 3)[0]

    with ThreadPoolExecutor(count) as people:
        replies = list(people.map(one, range(count)))
    for index, said in enumerate(replies):
        assert said["name"] == f"{index}.png"
        confidences = [step["confidence"] for step in said["path"]]
        assert confidences == pytest.approx([step[2] for step in answers.path(index)], abs=1e-4), f"picture {index}"
        assert [step["name"] for step in said["path"]] == [step[1] for step in answers.path(index)]
        assert (said["heat_maps"] is not None) == (index % 2 == 0)
        assert len(said["similar"] or ()) == index % 3


def test_files_of_one_request_keep_their_order(server: Served) -> None:
    files = [picture(4), ("broken.png", b"nothing"), picture(9), ("empty.png", b"")]
    said = ask(server, *files)
    assert [one["name"] for one in said] == ["4.png", "broken.png", "9.png", "empty.png"]
    assert ["error" in one for one in said] == [False, True, False, True]
    alone = [ask(server, files[0])[0], ask(server, files[2])[0]]
    for together, by_itself in zip((said[0], said[2]), alone, strict=True):
        assert [step["name"] for step in together["path"]] == [step["name"] for step in by_itself["path"]]


def test_the_size_is_that_of_the_picture_upright(server: Served) -> None:
    image, file = Image.new("RGB", (40, 20), "red"), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(file, "JPEG", exif=exif)
    (said,) = ask(server, ("lies.jpg", file.getvalue()))
    assert (said["width"], said["height"]) == (20, 40)


# --- what is told about the run and the endpoint --------------------------------------------------------------------


def test_the_facts_hold_the_tree_and_no_path_of_the_machine(server: Served, trained: Path) -> None:
    found, tree = facts(server), Run(trained).hierarchy
    assert found["tree"] == {"names": list(tree.names), "parents": tree.parents.tolist()}
    assert (found["levels"], found["classes"]) == (list(tree.levels), list(tree.classes))
    assert found["limits"] == {"files": 16, "file_bytes": 10_000_000, "body_bytes": 40_000_000}
    assert found["learnt"] == {"state": "ready", "done": 256, "total": 256}
    assert "/" not in found["name"] + found["data"]


def test_the_schema_describes_request_and_reply(server: Served) -> None:
    schema = get_from(f"{server.address}/openapi.json").json()
    operation = schema["paths"]["/api/answers"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["pictures"]
    assert (form["minItems"], form["maxItems"], form["items"]["format"]) == (1, 16, "binary")
    assert {one["name"] for one in operation["parameters"]} == {"heat_maps", "similar"}
    assert {"400", "403", "413", "415", "422"} <= set(operation["responses"])
    for name in ("Answer", "Refused", "Reply", "Facts"):
        model = schema["components"]["schemas"][name]
        assert [key for key, about in model["properties"].items() if not about.get("description")] == [], name
    said = ask(server, picture(0), ("broken.png", b""), heat_maps=True, similar=2)
    assert set(said[0]) == set(schema["components"]["schemas"]["Answer"]["properties"])
    assert set(said[1]) == set(schema["components"]["schemas"]["Refused"]["properties"])


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[Hostile]:
    """Every plain file of the hostile folder."""
    files = write_hostile_folder(tmp_path_factory.mktemp("hostile"))
    return [one for one in files if one.path.is_file() and os.access(one.path, os.R_OK)]


def test_hostile_files_are_answered_or_refused_with_their_reason(server: Served, hostile: list[Hostile]) -> None:
    assert len(hostile) > 40
    for start in range(0, len(hostile), limits.FILES):
        some = hostile[start : start + limits.FILES]
        said = ask(server, *((f"{place}", one.path.read_bytes()) for place, one in enumerate(some)))
        for one, reply in zip(some, said, strict=True):
            assert ("error" in reply) != one.readable, f"{one.path.name}: {reply}"
            assert one.reason in reply.get("error", ""), one.path.name


def test_a_name_that_is_no_unicode_comes_back_as_something(server: Served) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="caf\xe9\x00.png"\r\n\r\n'
    body = head + picture(0)[1] + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x; charset=utf-8"}
    reply = post_to(f"{server.address}/api/answers", content=body, headers=headers, timeout=60)
    assert reply.status_code in (200, 400)
    assert reply.status_code == 400 or reply.json()["pictures"][0]["answer"]


def bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header tells of a picture that would fill the memory."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb(50_000, 10), "too large: 50,000 x 10 pixels"),
        (bomb(20_000, 20_000), "too large: "),
        (bomb(100, 100), "truncated|damaged"),
        (png(np.zeros((3, 32, 32), np.uint8))[:60], "truncated|damaged"),
        (b"", "0 bytes"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "an SVG drawing"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch owned) (w) file", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(10_000_001), "larger than 10 MB"),
    ],
    ids=["wide", "bomb", "short", "truncated", "empty", "svg", "postscript", "ten megabytes"],
)
def test_files_that_are_no_pictures_are_refused_one_by_one(server: Served, content: bytes, reason: str) -> None:
    said = ask(server, ("bad.png", content), picture(0))
    assert set(said[0]) == {"name", "error"}
    assert any(one in said[0]["error"] for one in reason.split("|")), said[0]["error"]
    assert said[1]["answer"], "and the file beside it is answered"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_come_back_as_they_were_and_open_nothing(server: Served, name: str) -> None:
    reply = post(server, (name, picture(0)[1]), (name, b"broken"))
    assert reply.headers["content-type"] == "application/json"
    sent = {name, name.replace('"', "%22").replace("\n", "%0A"), name.replace("\n", "%0A")}
    assert {one["name"] for one in reply.json()["pictures"]} <= sent


def test_a_long_name_is_cut(server: Served) -> None:
    (said,) = ask(server, ("n" * 1000 + ".png", picture(0)[1]))
    assert said["name"] == "n" * limits.NAME_LENGTH


def test_too_many_files_are_refused(server: Served) -> None:
    assert len(ask(server, *[picture(0)] * 16)) == 16
    reply = post(server, *[picture(0)] * 17)
    assert (reply.status_code, reply.json()) == (
        413,
        {"error": "a request may have 16 files at most, and no other fields"},
    )


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{}", "headers": {"content-type": "application/json"}}, 415),
        ({"content": b"nothing", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"nothing", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
        ({"files": [("other", ("a.png", b"x"))]}, 422),
        ({"files": [("pictures", ("a.png", b"x")), ("other", ("a.png", b"x"))]}, 422),
        ({"files": [("pictures", ("a.png", b"x"))], "data": {"more": "x"}}, 413),
        ({"files": [("pictures", ("a.png", b"x"))], "params": {"similar": 1000}}, 422),
        ({"files": [("pictures", ("a.png", b"x"))], "params": {"similar": "<script>"}}, 422),
    ],
    ids=[
        "json",
        "no boundary",
        "no form",
        "other field",
        "another field",
        "text field",
        "too many similar",
        "no number",
    ],
)
def test_a_request_of_the_wrong_form_gets_one_sentence(server: Served, request_: Any, status: int) -> None:
    reply = post_to(f"{server.address}/api/answers", **request_)
    assert (reply.status_code, set(reply.json())) == (status, {"error"}), reply.text
    assert "Traceback" not in reply.text
    assert "<script>" not in reply.text


def test_a_body_is_refused_by_its_length_before_it_is_read(server: Served) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    head = f"POST /api/answers HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 40000001\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 413"), "nothing of the body was sent"


def test_a_body_of_unknown_length_is_refused_while_it_is_read(server: Served) -> None:
    sent = [0]

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a.png"\r\n\r\n'
        while sent[0] < 400_000_000:
            sent[0] += 1_000_000
            yield bytes(1_000_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    try:
        reply = post_to(f"{server.address}/api/answers", content=endless(), headers=headers, timeout=60)
        assert (reply.status_code, reply.json()) == (413, {"error": "a request may have 40 MB at most"})
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        pass  # the server has hung up, and the client was still talking
    assert sent[0] < 100_000_000, "it was read to its end"
    assert ask(server, picture(0))[0]["answer"], "the server lives"


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/docs", "/redoc", "/etc/passwd", "/..%2f..%2fetc/passwd", "/config.json"]
)
def test_what_is_not_there_is_not_found(server: Served, path: str) -> None:
    reply = get_from(server.address + path)
    assert (reply.status_code, reply.json()) == (404, {"error": "Not Found"})


def test_a_wrong_method_is_refused(server: Served) -> None:
    reply = get_from(f"{server.address}/api/answers")
    assert (reply.status_code, reply.json()) == (405, {"error": "Method Not Allowed"})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost@evil.example", ""])
def test_other_hosts_are_refused(server: Served, host: str) -> None:
    for path in ("/", "/api/run", "/nothing"):
        reply = get_from(server.address + path, headers={"host": host})
        assert (reply.status_code, set(reply.json())) == (400, {"error"})


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_pages_of_other_servers_are_refused(server: Served, origin: str) -> None:
    form = {"files": [("pictures", picture(0))], "headers": {"origin": origin}}
    reply = post_to(f"{server.address}/api/answers", **form)
    assert (reply.status_code, set(reply.json())) == (403, {"error"})
    assert "access-control-allow-origin" not in reply.headers
    own = post_to(f"{server.address}/api/answers", **(form | {"headers": {"origin": server.address}}), timeout=60)
    assert own.status_code == 200


@pytest.mark.parametrize(
    ("header", "host", "own"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8000", "127.0.0.1", True),
        ("printer.local:8000", "printer.local", True),
        ("192.168.0.7:8000", "127.0.0.1", False),
        ("192.168.0.7:8000", "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("[", "127.0.0.1", False),
        ("127.0.0.1/evil", "127.0.0.1", False),
        ("evil@127.0.0.1", "127.0.0.1", False),
    ],
)
def test_which_names_are_its_own(header: str, host: str, own: bool) -> None:
    assert is_own(header, host) is own


def test_every_answer_carries_the_headers(server: Served) -> None:
    replies = [get_from(server.address + path) for path in ("/", "/api/run", "/nothing", "/openapi.json")]
    replies += [post(server, picture(0)), get_from(server.address, headers={"host": "evil.example"})]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in reply.headers


def test_only_the_scripts_of_the_page_may_run(server: Served) -> None:
    pages = [get_from(server.address) for _ in range(2)]
    nonces = [page.headers["content-security-policy"].split("'nonce-")[1].split("'")[0] for page in pages]
    assert nonces[0] != nonces[1]
    for page, nonce in zip(pages, nonces, strict=True):
        scripts = page.text.count("<script") - page.text.count('<script type="application/json"')
        assert page.text.count(f'<script nonce="{nonce}"') == scripts
        assert "unsafe" not in page.headers["content-security-policy"]
        assert " style=" not in page.text
        assert "http" not in page.text.replace("http://127.0.0.1:8000", "").replace("http://www.w3.org/2000/svg", "")


def test_a_fault_inside_is_told_without_details(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())
    monkeypatch.setattr("kinwise.serving.asking.Asking.answers", broken)
    with served(with_validation(trained, tmp_path / "run")) as server:
        reply = post(server, picture(0))
    assert (reply.status_code, reply.json()) == (500, {"error": "a fault of this server; its terminal says more"})
    assert reply.headers["x-content-type-options"] == "nosniff"


# --- the command ----------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_one_message(run_folder: Path, refused: Refused) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = refused("serve", run_folder, "--port", port)
    assert f"cannot listen on 127.0.0.1 port {port}: " in message
    assert "--port" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--port", 70000), "port: expected 0..65535, got 70000"),
        (("--host", "not an address"), "is no address of this machine"),
        (("--promise", 0.9), "can promise nothing"),
        (("--port", 0, "--promise", 2), "promise"),
    ],
)
def test_wrong_options_are_one_message(
    run_folder: Path, refused: Refused, arguments: tuple[Any, ...], expected: str
) -> None:
    assert expected in refused("serve", run_folder, "--port", 0, *arguments)


def test_no_run_is_one_message(tmp_path: Path, refused: Refused) -> None:
    assert "no run at" in refused("serve", tmp_path / "nothing", "--port", 0)


def test_without_fastapi_the_message_says_what_to_install(
    run_folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    for name in [one for one in sys.modules if one.startswith("kinwise.serving.app")]:
        monkeypatch.delitem(sys.modules, name)
    assert "pip install 'kinwise[serve]'" in refused("serve", run_folder, "--port", 0)


def test_the_command_prints_its_address_and_ends_quietly(run_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kinwise", "serve", str(run_folder), "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout
        line = program.stdout.readline()
        address = line.split()[2]
        assert line == f"Try it: {address}  (Ctrl-C ends it)\n"
        wait_until(lambda: _answers(f"{address}/api/run"))
        program.send_signal(2)
        rest, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (0, "")
    assert json.dumps(rest).count("\\n") <= 1, "at most the line that the training pictures are not those"


def _answers(address: str) -> bool:
    try:
        return bool(get_from(address).status_code == 200)
    except httpx.ConnectError:
        return False
