"""A card's turn to speak: messages wait until the interval that the satellite grants it is over. No clock."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from services.errors import ConflictError, InvalidError
from services.ingest.rdss.messages import CHINESE, NO_CARD, Fki, Fki3, Ici, Message, Tcq, Txa, write

INTERVAL_S: Final = 60
"""Until $BDICI says otherwise: what most cards are granted."""

MAX_WAITING: Final = 1000
ATTEMPTS: Final = 3
_COMMANDS: Final = ("TXA", "TCQ")


class FullError(ConflictError):
    """Too many messages wait for the card's turn."""


class Card:
    """The card of one terminal: what waits to be sent, and when the next may go."""

    def __init__(self) -> None:
        """Begin with an unknown card and the usual interval."""
        self.number: str | None = None
        self.interval = timedelta(seconds=INTERVAL_S)
        self._waiting = deque[tuple[Txa | Tcq, int]]()  # with how often it was refused
        self._sent: tuple[Txa | Tcq, int] | None = None  # the one that feedback may come for
        self._next: datetime | None = None

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def put(self, message: Txa | Tcq) -> None:
        """Let a message wait for its turn.

        Raises:
            FullError: too many wait.
            InvalidError: it can't be written as a sentence.
        """
        write(message)
        if len(self._waiting) >= MAX_WAITING:
            raise FullError(
                "{most} messages wait for this card; one goes every {seconds} s.",
                most=MAX_WAITING,
                seconds=self.interval.seconds,
            )
        self._waiting.append((message, 0))

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next message may go; None while nothing waits or no card is in the terminal."""
        if not self._waiting or self.number == NO_CARD:
            return None
        return max(self._next or now, now)

    def is_free(self, now: datetime) -> bool:
        """Whether there is a card, its turn has come, and nothing waits for it yet."""
        return self.number not in (None, NO_CARD) and not self._waiting and (self._next is None or self._next <= now)

    def take(self, now: datetime) -> bytes | None:
        """Return the sentence to send now, or None if it is not due."""
        due = self.next_due(now)
        if due is None or due > now:
            return None
        self._sent = self._waiting.popleft()
        self._next = now + self.interval
        return write(self._sent[0])

    def hear(self, message: Message, now: datetime) -> None:
        """Mind what the terminal says of its card and of what became of a message."""
        if isinstance(message, Ici):
            self.number = message.card
            if message.interval_s:
                self.interval = timedelta(seconds=message.interval_s)
        elif isinstance(message, Fki | Fki3) and message.command in _COMMANDS and self._sent:
            sent, refused = self._sent
            self._sent = None
            if message.ok == "N" and refused + 1 < ATTEMPTS:
                self._waiting.appendleft((sent, refused + 1))
                wait_s = message.remaining_s if isinstance(message, Fki3) else None
                self._next = max(self._next or now, now + timedelta(seconds=wait_s or 0))


def text_message(card: str, text: str) -> Txa:
    """Make a normal message of Chinese text (RDSS 2.1).

    Raises:
        InvalidError: there is no such card, or the text is empty or can't be sent.
    """
    if not (card.isascii() and card.isdigit()):
        raise InvalidError("{card} is no card: seven digits.", card=repr(card))
    if not text.strip():
        raise InvalidError("There is nothing to send.")
    message = Txa(card, 1, CHINESE, text)
    write(message)
    return message
