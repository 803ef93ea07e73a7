"""The five ways a request can fail; subclasses stand beside the raise and say what is allowed."""


class TianshuError(Exception):
    """Root of all errors that a caller is meant to read."""


class InvalidError(TianshuError):
    """The request says something that can't be true; the sentence tells what would be accepted."""


class NotFoundError(TianshuError):
    """What was asked for does not exist (or may not be known to exist)."""


class NotAllowedError(TianshuError):
    """The law or the role forbids it; the sentence names the limit."""


class ConflictError(TianshuError):
    """Somebody else was first, or the state does not permit the step."""


class UnavailableError(TianshuError):
    """It can't be done now and may be tried again."""
