"""Options that several verbs of the command line have, each the same everywhere."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

DataFolder = Annotated[
    Path | None, arg(metavar="DIR", help_behavior_hint="(default: $KINWISE_DATA, or the platform's cache folder)")
]
Flag = Annotated[bool, arg(help_behavior_hint="")]
