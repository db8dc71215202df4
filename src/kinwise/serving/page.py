"""The page to try a network: one HTML file with everything in it, and the policy that lets nothing else run."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kinwise import __version__
from kinwise.hierarchy import Hierarchy
from kinwise.serving.schema import Facts
from kinwise.show.page import json_inside
from kinwise.show.tallies import display
from kinwise.show.theme import page_colours


def page_html(facts: Facts, tree: Hierarchy, nonce: str) -> str:
    """The page.

    Args:
        facts: the run that answers.
        tree: its tree.
        nonce: what its scripts and styles are known by.
    """
    kin = {tree.names[node]: _classes_below(tree, int(node)) for node in tree.children(0)}
    return (
        _environment()
        .get_template("try.html.j2")
        .render(
            version=__version__,
            nonce=nonce,
            facts=facts,
            inside=json_inside(facts.model_dump()),
            kin=kin,
            colours={scheme: page_colours(len(tree.levels), 0, scheme) for scheme in ("light", "dark")},
        )
    )


def policy(nonce: str) -> str:
    """The Content-Security-Policy of the page: only its own scripts and styles, and pictures it holds already."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _classes_below(tree: Hierarchy, node: int) -> list[str]:
    return [tree.classes[index] for index in tree.tree_order if tree.ancestor_matrix[node, index]]


@cache
def _environment() -> Environment:
    loader = ChoiceLoader([PackageLoader("kinwise.serving", "templates"), PackageLoader("kinwise.show", "templates")])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["display"] = display
    environment.globals["read"] = lambda name: Markup(loader.get_source(environment, name)[0])
    return environment
