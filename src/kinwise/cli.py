"""The command line: reads the arguments, hands over to the command, and ends with its status."""

import errno
import inspect
import os
import sys
from typing import Annotated, Any, NoReturn, Union

import tyro
from tyro.conf import subcommand

from kinwise.errors import InputError
from kinwise.verbs import VERBS

STOPPED = 130  # what a shell reports for a program that Ctrl-C ended


def parse(arguments: list[str]) -> Any:
    """The verb that ``arguments`` name, with its options; help and wrong options end the program, as tyro does."""
    settings: dict[str, Any] = {"config": (tyro.conf.FlagCreatePairsOff,)}
    if arguments and arguments[0] in VERBS:
        name, kind = arguments[0], VERBS[arguments[0]]
        about = inspect.getdoc(kind)
        return tyro.cli(kind, prog=f"kinwise {name}", description=about, args=arguments[1:], **settings)
    about = "Train image classifiers whose mistakes stay in the family, judge them, and show what they do."
    verbs: Any = Union[tuple(Annotated[kind, subcommand(name)] for name, kind in VERBS.items())]  # noqa: UP007 - made here
    return tyro.cli(verbs, prog="kinwise", description=about, args=arguments, **settings)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 2 the user's input is wrong, 130 stopped by Ctrl-C, 1 a fault of ours."""
    verb = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        from kinwise import commands

        commands.RUN[type(verb)](verb)
        sys.stdout.flush()
    except InputError as error:
        _end(str(error), 2)
    except KeyboardInterrupt:
        _end("stopped", STOPPED)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        _drop_output()
        if error.errno == errno.ENOSPC:
            _end(f"cannot write the output: {error.strerror}", 2)


def _end(message: str, status: int) -> NoReturn:
    print(f"kinwise: {message}", file=sys.stderr)
    sys.exit(status)


def _drop_output() -> None:
    """Send what is still to be printed nowhere: a full disk, or a reader (`head`) that has gone, takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
