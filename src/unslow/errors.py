"""The errors that end a command: what happened, where, and what to do next."""


class UnslowError(Exception):
    """unslow or the target failed. The message is shown as it is; the command exits with 1."""

    exit_code = 1


class UsageError(UnslowError):
    """The command, a setting or an input is wrong. The command exits with 2."""

    exit_code = 2
