"""The page to try a network in a real browser: pictures come by choosing, dropping and pasting, and get answers."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from browser import LAPTOP, PHONE, Visit, visiting
from playwright.sync_api import FilePayload, Locator, expect
from runs import tiny_images
from servers import Served, png, served, wait_until, with_validation

from kinwise.data import DATA_SETS
from kinwise.data.images import Images

pytest_plugins = ["run_fixtures"]

HOSTILE = '<img src=x onerror="document.title=1">"&.png'
STRENGTH = "getComputedStyle(document.querySelector('.card .map:not([hidden])')).opacity"
ADD = """([names, content, kind]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const transfer = new DataTransfer();
    for (const name of names) transfer.items.add(new File([bytes], name, { type: "image/png" }));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
        : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run that stops where it is unsure."""
    folder = with_validation(trained, tmp_path_factory.mktemp("tried") / "a <b>run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, "shapes", lambda _: tiny_images())
        with served(folder, promise=0.6) as found:
            yield found


@pytest.fixture(scope="module")
def opened(server: Served) -> Iterator[Visit]:
    with visiting(server.address) as found:
        yield found


@pytest.fixture
def visit(opened: Visit) -> Visit:
    """The page at laptop width without pictures, whatever the test before did to it."""
    opened.page.set_viewport_size(LAPTOP)
    opened.page.emulate_media(color_scheme="light")
    clear = opened.page.get_by_role("button", name="Remove all")
    if clear.is_visible():
        clear.click()
    return opened


def picture(index: int, name: str = "") -> FilePayload:
    return {"name": name or f"{index}.png", "mimeType": "image/png", "buffer": png(tiny_images().test.pixels[index])}


def choose(visit: Visit, *files: FilePayload) -> Locator:
    """Choose files, and wait until each has its card, and no card is waited for."""
    visit.page.locator("#files").set_input_files(list(files))
    cards = visit.page.locator(".card:not(.busy)")
    expect(cards).to_have_count(len(files), timeout=60_000)
    return cards


def add(visit: Visit, kind: str, *names: str) -> None:
    content = base64.b64encode(png(tiny_images().test.pixels[7])).decode()
    visit.page.evaluate(ADD, [list(names), content, kind])


def test_each_chosen_picture_gets_its_path(visit: Visit) -> None:
    cards = choose(visit, picture(0), picture(5))
    tree = tiny_images().hierarchy
    for card, name in zip(cards.all(), ("0.png", "5.png"), strict=True):
        assert card.locator(".file").inner_text().startswith(name)
        assert card.locator(".level").all_inner_texts() == list(tree.levels)
        answered = card.locator(".node.answered span:first-child").all_inner_texts()
        heading = card.locator("h3").inner_text()
        assert heading == (answered[-1] if answered else "No answer")
        stopped = card.locator(".reason").count() == 1
        assert stopped == (heading not in [one.replace("_", " ") for one in tree.classes])
        shares = card.locator(".node").evaluate_all("(all) => all.map((one) => one.style.getPropertyValue('--share'))")
        shown = card.locator(".node span:last-child").all_inner_texts()
        assert len(shown) == len(shares) > 0
        for share, text in zip(shares, shown, strict=True):
            assert float(share) * 100 == pytest.approx(float(re.sub(r"[^\d.]", "", text)), abs=0.1)
    assert visit.page.locator("[role=status]").inner_text().startswith("2 pictures answered")


def test_pictures_and_maps_are_drawn_on_top_of_each_other(visit: Visit) -> None:
    card = choose(visit, picture(0)).first
    expect(card.locator(".map:visible")).to_have_count(1)
    photo, heat = card.locator(".photo").bounding_box(), card.locator(".map:visible").bounding_box()
    assert photo is not None
    assert heat == pytest.approx(photo, abs=0.5)
    assert photo["width"] == pytest.approx(300)
    for image in card.locator(".look img").all():
        assert image.evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 0


def test_a_long_picture_is_covered_by_its_map(visit: Visit) -> None:
    tall = np.zeros((3, 120, 60), np.uint8)
    card = choose(visit, {"name": "tall.png", "mimeType": "image/png", "buffer": png(tall)}).first
    photo, heat = card.locator(".photo").bounding_box(), card.locator(".map:visible").bounding_box()
    assert photo is not None
    assert (photo["width"], photo["height"]) == pytest.approx((150, 300))
    assert heat == pytest.approx(photo, abs=0.5), "the run squashes its pictures"


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("squash", ["100%", "100%", "0%", "0%"]),
        ("crop", ["100%", "50%", "0%", "25%"]),
        ("pad", ["200%", "100%", "-50%", "0%"]),
    ],
)
def test_the_map_lies_where_the_network_looked(visit: Visit, fit: str, expected: list[str]) -> None:
    place = """(fit) => {
        kinwise.facts.fit = fit;
        const map = { level: "class", name: "x", picture: "data:," };
        const made = kinwise.left("data:,", { name: "x", width: 60, height: 120, heat_maps: [map], seen: "data:," });
        kinwise.facts.fit = "squash";
        const { width, height, left, top } = made.querySelector(".map").style;
        return [width, height, left, top];
    }"""
    assert visit.page.evaluate(place, fit) == expected


def test_the_slider_and_the_level_change_every_map_by_keyboard(visit: Visit) -> None:
    choose(visit, picture(0), picture(1))
    page = visit.page
    slider = page.get_by_label("Strength of the heat map")
    slider.focus()
    slider.press("Home")
    heat = page.locator(".card .map:visible").first
    expect(heat).to_have_css("opacity", "0")
    slider.press("End")
    expect(heat).to_have_css("opacity", "1")
    assert page.locator("output[for=map-strength]").inner_text() == "100 %"
    levels = page.locator("input[name=map]")
    page.locator("input[name=map]:checked").focus()
    page.keyboard.press("ArrowLeft")
    last = levels.count() - 1
    shown = page.locator(".card .map:visible").evaluate_all("(all) => all.map((one) => one.dataset.map)")
    assert shown == [str(last - 1)] * 2
    levels.nth(last).check()


def test_similar_training_pictures_come_when_all_were_looked_at(
    opened: Visit, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = Event()
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: wait_for(go_on))
    assert opened.page.context.browser
    with served(with_validation(trained, tmp_path / "run")) as server:
        visit = Visit(page=opened.page.context.browser.new_page())
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.goto(server.address)
        card = choose(visit, picture(3)).first
        assert "Still looking at the training pictures" in card.locator(".near").inner_text()
        go_on.set()
        expect(card.locator(".near li")).to_have_count(5, timeout=60_000)
        assert visit.complaints == []
        first = card.locator(".near li").first
        assert first.get_attribute("title")
        assert first.locator("img").evaluate("(one) => one.naturalWidth") == 32
        visit.page.close()


def wait_for(event: Event) -> Images:
    event.wait(60)
    return tiny_images()


def test_dropped_and_pasted_pictures_are_answered(visit: Visit) -> None:
    add(visit, "dragover", "one.png")
    assert visit.page.locator(".over").is_visible()
    add(visit, "drop", "one.png", "two.png")
    assert not visit.page.locator(".over").is_visible()
    expect(visit.page.locator(".card:not(.busy)")).to_have_count(2, timeout=60_000)
    add(visit, "paste", "three.png")
    expect(visit.page.locator(".card:not(.busy)")).to_have_count(3, timeout=60_000)
    assert visit.page.locator(".card .file").first.inner_text().startswith("three.png"), "the newest comes first"


def test_a_hostile_name_is_text_and_nothing_else(visit: Visit) -> None:
    broken: FilePayload = {"name": f"2{HOSTILE}", "mimeType": "image/png", "buffer": b"broken"}
    cards = choose(visit, picture(2, HOSTILE), broken)
    good, bad = cards.all()
    assert good.locator(".file").inner_text().startswith(HOSTILE)
    assert good.locator(".photo").get_attribute("alt") == f"Your picture {HOSTILE}"
    assert good.get_by_role("button").get_attribute("aria-label") == f"Remove {HOSTILE}"
    assert bad.locator(".error").inner_text().startswith(f"2{HOSTILE}: ")
    assert visit.page.locator("img[src=x]").count() == 0
    assert visit.page.locator("h1").inner_text() == "a <b>run"
    assert visit.page.title() == "Try a <b>run"


def test_a_file_that_is_too_large_is_not_even_sent(visit: Visit) -> None:
    before = len(visit.requests)
    visit.page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(10_000_001)], "large.png", { type: "image/png" }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }"""
    )
    expect(visit.page.locator(".card.failed")).to_contain_text("large.png: the file is larger than 10 MB")
    assert [url for url in visit.requests[before:] if "answers" in url] == []


def test_pictures_are_removed_one_by_one_and_the_focus_stays_near(visit: Visit) -> None:
    choose(visit, picture(0), picture(1))
    page = visit.page
    page.get_by_role("button", name="Remove 0.png").press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("button", name="Remove 1.png")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(0)
    assert not page.locator(".answers").is_visible()
    expect(page.locator("#files")).to_be_focused()


def test_choosing_is_reached_by_keyboard_and_shows_the_focus(visit: Visit) -> None:
    page = visit.page
    page.locator(".scheme").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#files")).to_be_focused()
    assert page.locator(".drop label").evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    assert page.get_by_label("Choose pictures").count() == 1


def test_the_dark_scheme_reaches_the_cards(visit: Visit) -> None:
    card = choose(visit, picture(0)).first
    visit.page.emulate_media(color_scheme="dark")
    expect(card).to_have_css("background-color", "rgb(27, 32, 37)")
    visit.page.emulate_media(color_scheme="light")
    expect(card).to_have_css("background-color", "rgb(255, 255, 255)")


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_it_fits(visit: Visit, size: dict[str, int]) -> None:
    visit.page.set_viewport_size(size)  # type: ignore[arg-type]
    wide = {
        "name": f"{'a_long_name' * 20}.png",
        "mimeType": "image/png",
        "buffer": png(np.zeros((3, 40, 400), np.uint8)),
    }
    choose(visit, picture(0), wide)  # type: ignore[arg-type]
    assert visit.overflow() <= 0
    outside = (
        "[...document.querySelectorAll('.card *, .controls *, .drop *')]"
        ".filter((one) => !one.matches('.map') && one.getBoundingClientRect().right > innerWidth).length"
    )
    assert visit.page.evaluate(outside) == 0


def test_the_command_for_programs_names_this_server(visit: Visit, server: Served) -> None:
    assert (
        visit.page.locator(".command code").inner_text() == f"curl -F pictures=@photo.jpg {server.address}/api/answers"
    )
    facts = json.loads(visit.page.locator("#facts").inner_text())
    assert facts["name"] == "a <b>run"


def test_when_the_server_is_gone_the_page_says_so(visit: Visit) -> None:
    visit.page.route("**/api/answers*", lambda route: route.abort())
    card = choose(visit, picture(0)).first
    assert "the server does not answer" in card.inner_text()
    visit.page.unroute("**/api/answers*")
    visit.complaints[:] = [one for one in visit.complaints if "ERR_FAILED" not in one]


def test_without_scripts_the_page_says_what_is_missing(opened: Visit, server: Served) -> None:
    assert opened.page.context.browser
    context = opened.page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.address)
    assert page.get_by_text("Scripts are off").is_visible()
    assert not page.locator(".drop").is_visible()
    context.close()


def test_the_browser_never_complained_and_asked_nobody_else(opened: Visit, server: Served) -> None:
    assert opened.complaints == []
    fetched = [url for url in opened.requests if not url.startswith(("data:", "blob:"))]
    assert [url for url in fetched if not url.startswith(server.address)] == []
    wait_until(lambda: server.told == [])
