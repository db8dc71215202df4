"""Pages as text: their outline, their figures and their words, for the tests of everything that writes HTML."""

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from kinwise.hierarchy import Hierarchy

VOID = {"meta", "link", "br", "img", "input", "circle", "path"}
HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)>&amp;\u2028{{ 7 * 6 }}'
HOSTILE_TREE = Hierarchy(
    parents=np.array([-1, 0, 0, 1, 1, 2]),
    names=("r", HOSTILE, "b", HOSTILE + "c", "<b>d</b>", "e"),
    levels=(HOSTILE, "class"),
)


class Outline(HTMLParser):
    """Collects elements and checks that they are closed in the order in which they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if attributes.get("id"):
            self.ids.append(str(attributes["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def without_plotly(page: str) -> str:
    """The page without plotly's own script, which is the same in all of them."""
    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def figures(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def words(page: str) -> str:
    """What a reader reads."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def check_links(page: str) -> None:
    """It is well formed, its links and references lead somewhere, and its charts have figures and descriptions."""
    outline = Outline(page)
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    for tag, attributes in outline.elements:
        if tag == "a":
            assert str(attributes["href"])[1:] in outline.ids
        for reference in ("aria-labelledby", "aria-describedby"):
            assert attributes.get(reference) is None or attributes[reference] in outline.ids
        if "data-chart" in attributes:
            assert attributes["aria-label"]
            assert attributes["data-chart"] in figures(page)


def check_needs_nothing(page: str) -> None:
    """Nothing is loaded from anywhere."""
    for tag, attributes in Outline(page).elements:
        assert not str(attributes.get("src", "data:")).startswith(("http", "//")), tag
        if tag != "a":
            assert str(attributes.get("href", "data:")).startswith("data:"), tag
    assert "@import" not in page
    assert not re.search(r"url\((?!data:|\$\{sheet\})", page), "only pictures that the page itself holds"
