"""The one error for what a user can put right."""


class UserError(Exception):
    """Something that the user can mend: what is wrong, with the value, and what to do.

    The command line prints both lines and exits with 1; the server answers 4xx. No traceback.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotThereError(UserError):
    """What was asked for by its name does not exist; the server answers 404."""


class LimitError(UserError):
    """More bytes, pixels or pictures than is allowed; the server answers 413."""


class ConflictError(UserError):
    """What was asked for contradicts what is there; the server answers 409."""
