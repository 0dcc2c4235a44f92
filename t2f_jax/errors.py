"""The one exception that is a user's to mend: it becomes one line on stderr and exit code 2."""


class UserError(Exception):
    """A mistake in what the user gave (a path, a row, a key, a flag): says what, where, and what would be right."""


class DiskFull(UserError):
    """No room to write what must be written. Whoever catches it ends the process soon: other writers fail, too."""
