"""What the report answers when it is asked, in a browser: folding, pictures of a cell, branches, schemes, paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import LAPTOP, PHONE, Visit, opened
from pages import HOSTILE
from zoo import ZOO, cifar_predictions, random_predictions

from kinwise.examine.album import album_of
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import decide
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.selective import risk_coverage
from kinwise.show.report import report_html

BRANCH = "large_carnivores"


def predictions() -> Predictions:
    """Made-up answers for 800 pictures whose names try to be more than text."""
    judged = cifar_predictions()
    return replace(judged, ids=np.array([f"{HOSTILE} {row}" for row in range(len(judged))]))


def explanations(judged: Predictions) -> Explanations:
    """An album of the mistakes alone."""
    rows = np.flatnonzero(judged.probabilities[-1].argmax(axis=1) != judged.labels)
    pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 3, 8, 8), dtype=np.uint8)
    none = np.zeros((0, 3, 8, 8), np.uint8)
    album = album_of(pixels, rows)
    return Explanations(
        method="grad-cam", cases=(), pictures=none, maps=none, neighbours=none[None, :0], common=(), album=album
    )


def saved(path: Path, judged: Predictions, decision: str = "argmax", **more: Any) -> Path:
    scores = score(judged, decision=decision, resamples=20)
    page = report_html(predictions=judged, scores=scores, title="A title", facts={}, commands={}, **more)
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def judged() -> Predictions:
    return predictions()


@pytest.fixture(scope="module")
def visit(judged: Predictions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    path = tmp_path_factory.mktemp("report") / "report.html"
    with opened(saved(path, judged, explanations=explanations(judged))) as found:
        yield found


@contextmanager
def another(visit: Visit, path: Path) -> Iterator[Visit]:
    """Another page in the same browser, which must not complain either."""
    found = Visit(page=visit.page.context.new_page())
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(path.as_uri())
    found.drawn()
    yield found
    assert found.complaints == []
    found.page.close()


@pytest.fixture(params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def asked(visit: Visit, request: pytest.FixtureRequest) -> Visit:
    """The report as it opens, at the width of a laptop and of a phone."""
    visit.page.set_viewport_size(request.param)
    visit.page.reload()
    visit.drawn()
    return visit


def settled(visit: Visit) -> None:
    """Wait until what was asked for is drawn."""
    visit.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")


def shape(visit: Visit) -> list[int]:
    """How many rows and columns the matrix has as it is drawn, and how many pictures it counts."""
    settled(visit)
    found = visit.page.evaluate(
        """() => {
            const { rows, columns, of } = kinwise.matrix.table();
            const { z } = document.querySelector('#chart-confusion').data[0];
            const sum = rows.flatMap((a) => columns.map((b) => of(a, b))).reduce((x, y) => x + y, 0);
            return [z.length, z[0].length, sum];
        }"""
    )
    return list(found)


def texts(visit: Visit, selector: str) -> list[str]:
    return [text.strip().replace("\u00a0", " ") for text in visit.page.locator(selector).all_inner_texts()]


# --- counting anew -------------------------------------------------------------------------------------------------


def check_summary(found: dict[str, Any], judged: Predictions, decision: str) -> None:
    """What the page's script counts for these pictures is what Python says of them."""
    scores, answers = score(judged, decision=decision, resamples=2), decide(judged, decision).answers
    tree = judged.hierarchy
    truth = tree.level_labels[judged.labels]
    sure = judged.probabilities[-1][np.arange(len(judged)), answers[:, -1]]
    assert found["pictures"] == scores.n
    assert found["mistakes"] == scores.mistakes
    assert found["histogram"] == scores.severity_histogram
    assert found["random"] == pytest.approx(scores.reference["random_severity_histogram"])
    assert found["averageSeverity"] == pytest.approx(scores.average_severity)
    assert (found["mistakeSeverity"] or 0) == pytest.approx(scores.mistake_severity or 0)
    assert found["fullPath"] == pytest.approx(scores.full_path_accuracy)
    assert found["inconsistent"] == pytest.approx(scores.inconsistent_paths)
    for level, name in enumerate(tree.levels):
        figures = scores.level[name]
        assert found["accuracy"][level] == pytest.approx(figures["accuracy"].value)
        assert found["calibrationError"][level] == pytest.approx(figures["calibration_error"].value, abs=1e-4)
        curve = risk_coverage(np.rint(sure.astype(np.float64) * 65535), answers[:, level] != truth[:, level])
        assert found["riskCoverage"][level]["risk"] == pytest.approx(curve.risk.tolist())
        assert found["riskCoverage"][level]["area"] == pytest.approx(curve.area)
        assert found["riskCoverage"][level]["lowest"] == pytest.approx(curve.lowest_area)


def under(judged: Predictions, node: int) -> Predictions:
    kept = judged.hierarchy.ancestor_matrix[node][judged.labels]
    return replace(
        judged,
        probabilities=tuple(level[kept] for level in judged.probabilities),
        labels=judged.labels[kept],
        ids=judged.ids[kept],
    )


def test_the_script_counts_what_python_counts(visit: Visit, judged: Predictions) -> None:
    for node in (0, judged.hierarchy.names.index(BRANCH)):
        check_summary(visit.page.evaluate(f"kinwise.pictures.summary({node})"), under(judged, node), "argmax")


def test_a_ragged_tree_and_answers_off_its_paths_are_counted_too(visit: Visit, tmp_path: Path) -> None:
    judged = random_predictions(ZOO, 120, 3)
    with another(visit, saved(tmp_path / "report.html", judged, "independent")) as ragged:
        for node in range(len(ZOO.parents)):
            found = ragged.page.evaluate(f"kinwise.pictures.summary({node})")
            check_summary(found, under(judged, node), "independent")
        assert shape(ragged) == [5, 5, 120]
        ragged.page.get_by_role("button", name="superclass 3").click()
        assert shape(ragged) == [3, 3, 120]
        rows = ragged.page.evaluate("kinwise.matrix.table().rows.map((node) => kinwise.pictures.tree.names[node])")
        assert rows == ["fish", "dog", "tools"], "in the order of a walk down the tree"
        ragged.page.click("#cell-show")
        ragged.page.wait_for_selector("#cell h3")
        assert "This page holds no pictures, so there are only names" in texts(ragged, "#cell p")[0]
        assert ragged.page.locator("#cell [role=img]").count() == 0


# --- folding -------------------------------------------------------------------------------------------------------


def test_the_matrix_folds_and_unfolds(asked: Visit) -> None:
    page = asked.page
    assert shape(asked) == [20, 20, 800]
    assert page.locator("#fold-levels [aria-pressed=true]").inner_text().split() == ["superclass", "20"]
    people = page.locator("#fold-families button", has_text="people").last
    people.focus()
    assert people.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert shape(asked) == [24, 24, 800]
    assert page.evaluate("[document.activeElement.ariaExpanded, document.activeElement.firstChild.data]") == [
        "true",
        "people ",
    ]
    page.keyboard.press("Enter")
    assert shape(asked) == [20, 20, 800]
    for name, size in (("group 9", 9), ("class 100", 100)):
        page.get_by_role("button", name=name, exact=True).click()
        assert shape(asked) == [size, size, 800]
        assert asked.overflow() <= 0


def test_the_matrix_zooms_and_comes_back(asked: Visit) -> None:
    edges = "document.querySelector('#chart-confusion')._fullLayout.xaxis.range"
    assert asked.page.evaluate(edges) == [-0.5, 19.5]
    asked.page.click("#zoom-in")
    settled(asked)
    low, high = asked.page.evaluate(edges)
    assert high - low == pytest.approx(12)
    asked.page.click("#zoom-reset")
    settled(asked)
    assert asked.page.evaluate(edges) == [-0.5, 19.5]


def test_dragging_zooms_in_and_a_double_click_out(visit: Visit) -> None:
    visit.page.set_viewport_size(LAPTOP)
    visit.page.reload()
    visit.drawn()
    edges = "document.querySelector('#chart-confusion')._fullLayout.yaxis.range"
    plot = visit.page.locator("#chart-confusion .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    places = [(box["x"] + share * box["width"], box["y"] + share * box["height"]) for share in (0.25, 0.5, 0.75)]
    visit.page.mouse.move(*places[0])
    visit.page.mouse.down()
    for place in places[1:]:
        visit.page.mouse.move(*place)
    visit.page.mouse.up()
    visit.redrawn(f"{edges}[0] < 19")
    assert visit.page.evaluate(edges) == pytest.approx([14.5, 4.5], abs=0.3)
    plot.dblclick()
    visit.redrawn(f"{edges}[0] === 19.5")


def test_a_matrix_of_too_many_rows_shows_those_with_most_mistakes(visit: Visit, tmp_path: Path) -> None:
    tree = Hierarchy(parents=np.array([-1, *[0] * 400]), names=tuple(f"n{n}" for n in range(401)))
    with another(visit, saved(tmp_path / "report.html", random_predictions(tree, 500, 0))) as flat:
        assert shape(flat)[:2] == [300, 300]
        assert "the 100 other nodes, those with the fewest mistakes, are left out" in texts(flat, "#fold-note")[0]
        assert not flat.page.locator(".families").is_visible()


# --- the pictures of a cell ------------------------------------------------------------------------------------------


def test_a_click_on_a_cell_shows_its_pictures(asked: Visit, judged: Predictions) -> None:
    page = asked.page
    place = page.evaluate(
        """() => {
            const box = document.querySelector('#chart-confusion');
            const { xaxis, yaxis } = box._fullLayout;
            box.scrollIntoView({ behavior: 'instant' });
            window.scrollBy({ top: -100, behavior: 'instant' });
            const edge = box.getBoundingClientRect();
            const { rows, columns } = kinwise.matrix.table();
            const [a, b] = ['true', 'answered'].map((name) => Number(document.querySelector(`#cell-${name}`).value));
            return {
                x: edge.left + xaxis._offset + xaxis.c2p(columns.indexOf(b)),
                y: edge.top + yaxis._offset + yaxis.c2p(rows.indexOf(a)),
                a,
                b,
            };
        }"""
    )
    page.mouse.move(place["x"] - 2, place["y"])
    page.mouse.move(place["x"], place["y"])
    page.wait_for_selector("#chart-confusion .hovertext")
    page.mouse.click(place["x"], place["y"])
    page.wait_for_selector("#cell h3")
    tree = judged.hierarchy
    first, second = place["a"], place["b"]  # the most frequent mistake, which the lists hold from the start
    answers = judged.probabilities[-1].argmax(axis=1)
    inside = tree.ancestor_matrix[first][judged.labels] & tree.ancestor_matrix[second][answers]
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(-judged.probabilities[-1][rows, answers[rows]], kind="stable")]
    assert len(rows) > 1
    names = [tree.names[node].replace("_", " ") for node in (first, second)]
    assert texts(asked, "#cell h3") == [f"True {names[0]}, answered {names[1]}"]
    assert texts(asked, "#cell p")[0].startswith(f"{len(rows)} pictures, ")
    shown = [text.get_attribute("aria-label") or "" for text in page.locator("#cell [role=img]").all()]
    assert shown == [
        f"{judged.ids[row]}, true {tree.classes[judged.labels[row]].replace('_', ' ')}, "
        f"answered {tree.classes[answers[row]].replace('_', ' ')}, "
        f"{100 * judged.probabilities[-1][row, answers[row]]:.0f}\u00a0% sure"
        for row in rows
    ]
    assert page.locator("#cell img, #cell script").count() == 0, "names stay text"


def test_a_cell_is_chosen_by_keyboard(asked: Visit) -> None:
    page = asked.page
    page.select_option("#cell-true", label="people")
    page.select_option("#cell-answered", label="trees")
    page.focus("#cell-show")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell h3")
    assert page.evaluate("document.activeElement.textContent") == "True people, answered trees"
    page.get_by_role("button", name="Close").click()
    assert not page.locator("#cell").is_visible()
    assert page.evaluate("document.activeElement.id") == "cell-show"


# --- one branch ------------------------------------------------------------------------------------------------------


def test_a_click_on_the_tree_shows_one_branch_alone(asked: Visit, judged: Predictions) -> None:
    page = asked.page
    page.evaluate("document.addEventListener('kinwise:filter', ({ detail }) => (window.heard = detail.node))")
    before = {name: texts(asked, name) for name in (".verdict", ".tiles", ".landed", ".confusions", "#box-selective")}
    node = judged.hierarchy.names.index("large_animals")
    page.locator("#chart-tree .slice", has_text="large").first.scroll_into_view_if_needed()
    page.evaluate(
        """(node) => {
            const slices = [...document.querySelectorAll('#chart-tree .slice')];
            const slice = slices.find((one) => one.__data__.data.data.id === String(node));
            slice.dispatchEvent(new MouseEvent('click', { bubbles: true }));
        }""",
        node,
    )
    settled(asked)
    part = under(judged, node)
    assert page.evaluate("window.heard") == node
    assert page.locator("#only [role=status]").text_content() == "Only: large animals (80 pictures)"
    accuracy = score(part, resamples=2).accuracy["class"]
    assert texts(asked, ".tiles [data-key=accuracy-2] .value") == [f"{100 * accuracy:.1f} %"]
    assert page.locator(".classes tbody tr:visible").count() == 10
    assert shape(asked)[0::2] == [10, 80]
    bars = page.evaluate("document.querySelector('#chart-severity-pictures').data[0].y")
    histogram = score(part, resamples=2).severity_histogram
    assert bars == pytest.approx([count / 80 for count in histogram])
    assert asked.overflow() <= 0
    page.click("#only-all")
    settled(asked)
    assert page.evaluate("window.heard") == 0
    assert {name: texts(asked, name) for name in before} == before
    assert page.locator(".classes tbody tr:visible").count() == 100
    assert shape(asked) == [20, 20, 800]


def test_a_branch_is_chosen_from_the_list(asked: Visit, judged: Predictions) -> None:
    page = asked.page
    node = judged.hierarchy.names.index("girl")
    page.select_option("#only-branch", str(node))
    settled(asked)
    assert page.locator("#only [role=status]").text_content() == "Only: girl (8 pictures)"
    assert page.locator(".classes tbody tr:visible").count() == 1
    assert shape(asked)[0::2] == [1, 8]
    page.select_option("#only-branch", "0")
    settled(asked)
    assert page.locator("#only [role=status]").text_content() == ""


# --- schemes and paper -----------------------------------------------------------------------------------------------


def test_the_button_chooses_the_scheme_and_paper_stays_light(asked: Visit) -> None:
    page = asked.page
    ground = "getComputedStyle(document.body).backgroundColor"
    bar = "document.querySelector('#chart-accuracy .bars path').style.fill"
    button = page.get_by_role("button", name="Colours:")
    assert page.evaluate(f"[{ground}, {bar}]") == ["rgb(250, 249, 246)", "rgb(230, 159, 0)"]
    button.click()
    settled(asked)
    assert button.get_attribute("aria-label") == "Colours: dark. Change"
    assert page.evaluate(f"[{ground}, {bar}]") == ["rgb(20, 24, 28)", "rgb(240, 178, 50)"]
    page.reload()
    asked.drawn()
    assert page.evaluate(f"[{ground}, {bar}]") == ["rgb(20, 24, 28)", "rgb(240, 178, 50)"]
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(bar) == "rgb(230, 159, 0)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    asked.redrawn(f"{bar} === 'rgb(240, 178, 50)'")
    button.click()
    settled(asked)
    button.click()
    settled(asked)
    assert button.get_attribute("aria-label") == "Colours: system. Change"
    assert page.evaluate("[Object.keys(localStorage).length, document.documentElement.dataset.scheme ?? 'none']") == [
        0,
        "none",
    ]


def test_the_browser_never_complained(visit: Visit) -> None:
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:", "file:"))] == []
