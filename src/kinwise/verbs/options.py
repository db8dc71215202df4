"""Options that several verbs of the command line have, each the same everywhere."""

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import UseAppendAction, arg

SPLITS = "official|70:30|80:20|90:10"

Values = Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(metavar="KEY=VALUE")]
DataFolder = Annotated[
    Path | None, arg(metavar="DIR", help_behavior_hint="(default: $KINWISE_DATA, or the platform's cache folder)")
]
Flag = Annotated[bool, arg(help_behavior_hint="")]


def of_recipe(metavar: str) -> Any:
    """An option that replaces one value of the recipe; its text is checked where all values of a recipe are."""
    return arg(metavar=metavar, help_behavior_hint="(default: the recipe's)")
