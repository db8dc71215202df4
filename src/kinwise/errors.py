"""The one exception for what a user got wrong: the command line prints it and ends with status 2."""


class InputError(ValueError):
    """Something the user gave is wrong. The message says what was got, what was expected, and what to do."""
