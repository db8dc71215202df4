"""The gallery of failures as text: what it says of each, in which words, and that nothing in it breaks out."""

import base64
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from explained import explained, failure_of, mistakes, noise, smooth
from hypothesis import given, settings
from pages import HOSTILE, HOSTILE_TREE, Outline, check_links, check_needs_nothing, without_plotly, words
from PIL import Image
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, cifar_predictions, random_predictions

from kinwise.errors import InputError
from kinwise.examine.cases import Copy, Faithfulness, HeatMap, Hypothesis, Neighbour, Stability
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.compare import compare
from kinwise.judge.comparison import OUTCOMES
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.show import gallery_words
from kinwise.show.comparison import comparison_html
from kinwise.show.gallery import gallery_of
from kinwise.show.pictures import map_uri, picture_uri
from kinwise.show.report import report_html
from kinwise.show.same_failures import outcome, same_failures, summary

MISTAKES = np.array([1, 2, 3])  # a shark for a ray, a dog for a shark, a saw for a dog


def zoo_predictions() -> Predictions:
    return Predictions.from_classes(PROBABILITIES, LABELS, ZOO, ids=np.array([f"zoo/{i}.png" for i in range(5)]))


def shark_case() -> Explanations:
    """One case of which every word is known: a shark, taken for a ray."""
    found = explained(zoo_predictions(), MISTAKES[:1])
    faithful = Faithfulness(whole=0.94, empty=0.01, blanked=0.31, kept=0.62, random_blanked=0.8, random_kept=0.12)
    useless = replace(faithful, random_blanked=0.3)
    targets = (*ZOO.levels, "against")
    case = replace(
        found.cases[0],
        neighbours=tuple(
            Neighbour(id=f"train/{i}.png", label=label, similarity=0.9 - i / 10)
            for i, label in enumerate(("ray", "shark", "ray", "axe", "ray"))
        ),
        copies=(Copy(name="left_right", answered="shark", confidence=0.25, true_confidence=0.75),),
        stability=Stability(copies=17, same=14, right=2),
        maps=tuple(
            HeatMap(target=target, border=0.71, faithfulness=useless if target == "against" else faithful)
            for target in targets
        ),
        hypotheses=(
            Hypothesis(kind="look_alikes", text="3 of 5 are rays."),
            Hypothesis(kind="background", text="The sea is warm."),
        ),
    )
    failure = replace(case.failure, label_doubt=0.08, near_duplicate=None, reasons=("severe", "doubtful"))
    return replace(found, cases=(replace(case, failure=failure),))


def page_of(predictions: Predictions, **more: Any) -> str:
    """A report without plotly's own script."""
    scores = score(predictions, resamples=5)
    page = report_html(predictions=predictions, scores=scores, title="t", facts={}, commands={}, **more)
    return without_plotly(page)


def section(page: str) -> str:
    found = re.search(r'<section id="failures".*?</section>', page, re.DOTALL)
    assert found, "no section of failures"
    return found[0]


@pytest.fixture(scope="module")
def shark_page() -> str:
    return page_of(zoo_predictions(), explanations=shark_case())


def image_in(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


# --- pictures -----------------------------------------------------------------------------------------------------


def test_small_pictures_keep_every_pixel_and_large_ones_are_made_smaller() -> None:
    small, large = noise(np.random.default_rng(0), 1, 32)[0], noise(np.random.default_rng(0), 1, 200)[0]
    assert np.array_equal(np.asarray(image_in(picture_uri(small))).transpose(2, 0, 1), small)
    assert image_in(picture_uri(large)).size == (160, 160)
    grey = np.asarray(image_in(picture_uri(small[:1])))
    assert np.array_equal(grey, np.repeat(small[0][..., None], 3, axis=2))


def test_a_heat_map_is_transparent_where_cold_and_bright_where_hot() -> None:
    heat = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (4, 1))
    colours = np.asarray(image_in(map_uri(heat)).convert("RGBA")).astype(int)
    assert colours.shape == (4, 32, 4)
    opacity = colours[0, :, 3]
    assert (opacity[0], opacity[-1]) == (0, 255)
    assert np.all(np.diff(opacity) > 0)
    assert colours[0, -1, :3].tolist() == [252, 255, 164], "the bright end of inferno"
    assert np.all(np.diff(colours[0, :, :3] @ [0.2126, 0.7152, 0.0722]) > 0), "hotter is lighter, for the colour-blind"


# --- what a card says ---------------------------------------------------------------------------------------------


def test_a_card_says_what_was_measured(shark_page: str) -> None:
    text = words(section(shark_page)).replace("\u00a0", " ")
    for known in (
        "shark , taken for ray , 50 % sure severity 1",
        "Look alikes. 3 of 5 are rays. answered true",
        "class ray 50 % shark 10 % superclass fish 60 % group animals 80 %",
        "Most similar training pictures 3 of 5 labelled ray, 1 shark ray 0.90 shark 0.80 ray 0.70 axe 0.60 ray 0.50",
        "Background The sea is warm.",
        "Blanking the hottest fifth: ray goes from 94 % to 31 %; as much elsewhere: to 80 %. Keeping only it: 62 %; "
        "as much elsewhere: 12 %.",
        "ray against shark goes from 94 % to 31 %; as much elsewhere: to 30 %. Keeping only it: 62 %; as much "
        "elsewhere: 12 %. So the hottest fifth matters no more than others.",
        "Shifted and mirrored copies of 17, 14 get the same answer, 2 the right one",
        "Chosen because the answer is far from the truth; the label may be wrong Picture zoo/1.png",
        "Near-duplicate in train unknown Doubt in the label 8 %",
        "changed copy answer ray shark left right shark 25 % 75 %",
    ):
        assert known in text, known
    assert text.count("So the hottest fifth matters no more") == 1


def test_pictures_and_maps_speak_to_those_who_cannot_see_them(shark_page: str) -> None:
    images = [attributes for tag, attributes in Outline(section(shark_page)).elements if tag == "img"]
    spoken = [str(one["alt"]).replace("\u00a0", " ") for one in images]
    heat = "heat map for {}, 71 % of its heat in the outer half".format
    assert spoken == [
        "picture of shark, taken for ray",
        *map(heat, ("animals", "fish", "ray", "ray against shark")),
    ]
    assert ["hidden" in one for one in images[1:]] == [True, True, False, True], "the answered class is shown first"
    tiles = [a["aria-label"] for tag, a in Outline(section(shark_page)).elements if a.get("class") == "tile"]
    assert tiles[:2] == [
        "training picture labelled ray, like the answer",
        "training picture labelled shark, like the truth",
    ]
    assert tiles[3] == "training picture labelled axe"


def test_cards_carry_what_filters_ask_for() -> None:
    found = gallery_of(ZOO, explained(zoo_predictions(), MISTAKES))
    assert found is not None
    assert [card.nodes for card in found.cards] == [(1, 3, 5), (1, 7), (2, 4, 8)]
    assert [(one.node, one.depth, one.name, one.count) for one in found.branches] == [
        *((1, 0, "animals", 2), (3, 1, "fish", 1), (5, 2, "shark", 1), (7, 1, "dog", 1)),
        *((2, 0, "things", 1), (4, 1, "tools", 1), (8, 2, "saw", 1)),
    ]
    assert [(severity, count) for severity, _, count in found.severities] == [(1, 1), (2, 1), (3, 1)]
    assert [(key, count) for key, _, count in found.reasons] == [("confident", 1), ("severe", 1), ("frequent", 1)]
    assert (found.targets, found.shown) == (("group", "superclass", "class", "class against the true one"), 2)
    page = page_of(zoo_predictions(), explanations=explained(zoo_predictions(), MISTAKES))
    cases = [attributes for _, attributes in Outline(page).elements if attributes.get("class") == "case"]
    assert [one["data-path"] for one in cases] == ["1 3 5", "1 7", "2 4 8"]
    assert [one["data-confidence"] for one in cases] == ["0.5000", "0.3000", "0.4000"]


def test_a_training_picture_that_is_near_several_is_in_the_album_once() -> None:
    found = explained(zoo_predictions(), MISTAKES)
    same = np.repeat(found.neighbours[:1, :1], 5, axis=1).repeat(3, axis=0)
    gallery = gallery_of(ZOO, replace(found, neighbours=same))
    assert gallery is not None
    assert (gallery.album.columns, gallery.album.rows) == (1, 1)
    assert {(tile.column, tile.row) for card in gallery.cards for tile in card.tiles} == {(0, 0)}
    apart = gallery_of(ZOO, found)
    assert apart is not None
    assert image_in(apart.album.uri).size == (8 * apart.album.columns, 8 * apart.album.rows)


def test_nothing_measured_is_said_plainly() -> None:
    found = explained(zoo_predictions(), MISTAKES[:1])
    bare = replace(found, common=(), cases=(replace(found.cases[0], hypotheses=(), copies=(), neighbours=()),))
    text = words(section(page_of(zoo_predictions(), explanations=replace(bare, neighbours=found.neighbours[:, :0]))))
    assert "Nothing that was measured stands out." in text
    assert "no trait goes with more failures on both halves" in text
    assert "changed copy" not in text
    assert "Most similar" not in text


def test_traits_are_told_with_both_halves(shark_page: str) -> None:
    text = words(section(shark_page)).replace("\u00a0", " ")
    assert (
        "few edges 1,312 pictures of the other half 41.2 % 26.7 % without 39.8 % 27.1 % without "
        "+12.7 points +9.8 to +15.6 yes"
    ) in text
    assert "-0.5 points -3.4 to +2.4 no" in text


def test_what_is_measured_has_a_name_for_people() -> None:
    told = [gallery_words.hypothesis(Hypothesis(kind=kind, text="")) for kind in ("colour", "not_there")]
    assert told == ["Colour decides", "Not there"]


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_needs_nothing(shark_page: str) -> None:
    check_links(shark_page)
    check_needs_nothing(shark_page)


def test_the_same_input_gives_the_same_text(shark_page: str) -> None:
    assert page_of(zoo_predictions(), explanations=shark_case()) == shark_page


def test_without_failures_there_is_no_section() -> None:
    page = page_of(Predictions.from_classes(np.eye(5), np.arange(5), ZOO))
    assert 'id="failures"' not in page
    assert 'href="#failures"' not in page
    assert ".cases" not in page, "nor its styles"


def test_failures_alone_are_a_table_without_pictures() -> None:
    judged = replace(zoo_predictions(), near_duplicate=np.arange(5) == 3)
    page = page_of(judged)
    check_links(page)
    outline = Outline(section(page))
    assert not [tag for tag, _ in outline.elements if tag == "img"]
    assert not [a for tag, a in outline.elements if a.get("name") == "map"], "no maps to choose from"
    text = words(section(page)).replace("\u00a0", " ")
    assert (
        "zoo/1.png shark 10 % fish 60 % animals 80 % ray 50 % fish 60 % animals 80 % severity 1 "
        "an example of its branch of the tree 40 %"
    ) in text
    assert "zoo/3.png has a near-duplicate in train saw" in text
    assert text.count("has a near-duplicate") == 1


def test_failures_of_other_classes_are_refused() -> None:
    judged = zoo_predictions()
    failure = failure_of(judged, 1)
    other = replace(failure, path=(*failure.path[:-1], replace(failure.path[-1], true="whale")))
    with pytest.raises(InputError, match=r"'whale'.*kinwise explain"):
        gallery_of(ZOO, failures=[other])


def test_hostile_names_stay_text() -> None:
    ids = np.array([HOSTILE, "b", "c", "d"])
    judged = Predictions.from_classes(np.eye(3)[[0, 1, 0, 2]] * 0.4 + 0.2, [1, 0, 1, 2], HOSTILE_TREE, ids=ids)
    found = explained(judged, np.array([0, 1, 2]))
    cases = tuple(
        replace(
            case,
            hypotheses=(Hypothesis(kind=HOSTILE, text=HOSTILE),) * 2,
            copies=(Copy(name=HOSTILE, answered=HOSTILE, confidence=0.5, true_confidence=0.5),),
            neighbours=tuple(replace(one, id=HOSTILE, label=HOSTILE) for one in case.neighbours),
        )
        for case in found.cases
    )
    common = (replace(found.common[0], name=HOSTILE),)
    scripts = sum(tag == "script" for tag, _ in Outline(page_of(zoo_predictions())).elements)
    for page in (page_of(judged, explanations=replace(found, cases=cases, common=common)), page_of(judged)):
        outline = Outline(page)
        assert outline.open == []
        assert sum(tag == "script" for tag, _ in outline.elements) == scripts
        images = [attributes for tag, attributes in outline.elements if tag == "img"]
        assert all(str(one["src"]).startswith("data:image/") for one in images)
        assert not [attributes for _, attributes in outline.elements if "onerror" in attributes]
        assert HOSTILE.replace("\u2028", " ") in words(page)


@settings(max_examples=3)
@given(tree=hierarchies())
def test_any_tree_gives_a_well_formed_gallery(tree: Hierarchy) -> None:
    judged = random_predictions(tree, 12, 0)
    wrong = mistakes(judged, 4)
    found = explained(judged, wrong) if len(wrong) else None
    check_links(page_of(judged, explanations=found))


def test_200_cases_stay_under_4_megabytes() -> None:
    judged, generator = cifar_predictions(), np.random.default_rng(0)
    pixels, train = (smooth(generator, (count, 3)) // 2 + noise(generator, count, 32) // 12 for count in (800, 900))
    rows = np.resize(mistakes(judged, 200), 200)
    found = explained(judged, rows, pixels=pixels, train=train)
    page = page_of(judged, explanations=found)
    size = len(page.encode()) - len(page_of(judged).encode())
    assert 1_000_000 < size < 4_000_000, f"{size / 1e6:.1f} MB"


# --- beside each other in a comparison ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sides() -> list[Predictions]:
    """The zoo's answers, and others that mend picture 1, are graver in 2 and as severe in 3; 0 is a new mistake."""
    after = Predictions.from_classes(np.eye(5)[[1, 0, 4, 2, 4]], LABELS, ZOO, ids=zoo_predictions().ids)
    return [zoo_predictions(), after]


def test_what_became_of_a_failure() -> None:
    found = [outcome(2, after) for after in range(4)]
    assert found == ["mended", "milder", "as_severe", "graver"]
    assert set(found) <= set(OUTCOMES)


def test_the_summary_gives_shares(sides: list[Predictions]) -> None:
    comparison = compare(sides, names=("before", "after"), resamples=5)
    told = summary(comparison.differences[0], "before").replace("\u00a0", " ")
    assert told == (
        "after mends 33 % of the mistakes of before and makes 1 new one; of what both have wrong, 0 % became milder "
        "and 50 % graver."
    )
    right = Predictions.from_classes(np.eye(5)[LABELS], LABELS, ZOO, ids=sides[0].ids)
    upside_down = compare([right, sides[0]], names=("right", "before"), resamples=5)
    assert summary(upside_down.differences[0], "right") == "right makes no mistake; before makes 3."
    mended = compare([sides[0], right], names=("before", "right"), resamples=5)
    told = summary(mended.differences[0], "before").replace("\u00a0", " ")
    assert told == "right mends 100 % of the mistakes of before and makes no new ones."


def test_a_comparison_follows_each_failure(sides: list[Predictions]) -> None:
    comparison = compare(sides, names=("before", "after"), resamples=5)
    found = [explained(one, MISTAKES, seed=seed) for seed, one in enumerate(sides)]
    same = same_failures(comparison, found)
    assert same is not None
    assert [[answer.outcome for answer in row.answers] for row in same.rows] == [
        ["", "mended"],
        ["", "graver"],
        ["", "as_severe"],
    ]
    assert same.outcomes == (("mended", "mended", 1), ("as_severe", "as severe", 1), ("graver", "graver", 1))
    assert same.rows[0].answers[0].maps[2].uri != same.rows[0].answers[1].maps[2].uri, "each run has its own map"
    page = without_plotly(comparison_html(comparison, explained=found))
    check_links(page)
    check_needs_nothing(page)
    text = words(section(page)).replace("\u00a0", " ")
    assert "true class shark zoo/1.png before ray 50 % sure after shark 100 % sure mended" in text
    assert "before shark 30 % sure after axe 100 % sure graver" in text
    outline = Outline(section(page))
    assert sum(a.get("aria-label") == "picture of shark" for _, a in outline.elements) == 1
    assert section(page).count("data:image/webp") == 3, "each picture is in the page once"


def test_a_comparison_of_other_failures_is_refused(sides: list[Predictions]) -> None:
    comparison = compare(sides, names=("before", "after"), resamples=5)
    one, other = explained(sides[0], MISTAKES), explained(sides[1], MISTAKES[:2])
    for wrong in ([one], [one, other], [one, one, one]):
        with pytest.raises(InputError, match="the same pictures in the same order"):
            comparison_html(comparison, explained=wrong)


def test_a_comparison_without_explanations_is_as_before(sides: list[Predictions]) -> None:
    comparison = compare(sides, names=("before", "after"), resamples=5)
    page = comparison_html(comparison)
    assert "gallery" not in without_plotly(page)
    assert "shark ray 50 % sure shark 100 % sure, mended" in words(section(page)).replace("\u00a0", " ")


def test_hostile_names_stay_text_in_a_comparison() -> None:
    ids = np.array([HOSTILE, "b", "c", "d"])
    one = Predictions.from_classes(np.eye(3)[[0, 1, 0, 2]] * 0.4 + 0.2, [1, 0, 1, 2], HOSTILE_TREE, ids=ids)
    comparison = compare([one, replace(one)], names=(HOSTILE, HOSTILE + "2"), resamples=5)
    found = explained(one, np.array([0, 1, 2]))
    page = without_plotly(comparison_html(comparison, explained=[found, found]))
    outline = Outline(page)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 4
    assert all(str(a["src"]).startswith("data:image/") for tag, a in outline.elements if tag == "img")
    assert not [attributes for _, attributes in outline.elements if "onerror" in attributes]
    assert HOSTILE.replace("\u2028", " ") in words(section(page))
