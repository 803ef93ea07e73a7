"""What geo refuses, as a pattern and its values: the caller can say it in the reader's own language."""

from typing import Any


class ToldError(ValueError):
    """What was given can't be computed on; the sentence, a pattern and its values, says why."""

    def __init__(self, pattern: str, /, **values: Any) -> None:
        super().__init__(pattern.format(**values) if values else pattern)
        self.pattern, self.values = pattern, values
