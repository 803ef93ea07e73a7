"""BeiDou short messages (北斗短报文, RDSS) between a terminal and its host: 2.1, and the known part of BeiDou-3.

Sources: public articles and programs, named beside the vectors of the tests; the standards themselves were not read.
Of $BDTCI's sixth field nobody says what it means: it is kept as it is. $CCICR, $BDICP and the binary protocol 4.0
($TXSQ) are only mentioned there and not read.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from services.ingest import sentence_fields as kinds
from services.ingest.sentence_fields import TEXT, Kind, malformed
from services.ingest.sentences import Sentence, close_sentence

_MOST_DIGITS: Final = 12
CHINESE, CODE, MIXED = 0, 1, 2
"""Modes of a payload: GBK text; hex; hex behind A4, text and bytes mixed. BeiDou-3 counts from 1 (and compresses in 4
and 5, which is kept as it is)."""

NO_CARD: Final = "0000000"


def digits(*counts: int) -> Kind:
    """Digits that are no number: a card, a clock; or nothing."""

    def read(texts: Any) -> str:
        text = str(texts[0])
        fits = len(text) in counts if counts else len(text) <= _MOST_DIGITS
        if text and not (text.isascii() and text.isdigit() and fits):
            raise malformed(
                text, "row of {digits} digits", digits=" or ".join(map(str, counts)) or f"up to {_MOST_DIGITS}"
            )
        return text

    return Kind(read, lambda value: [value])


_CARD = digits()
_SMALL = kinds.integer(1, 0, 99_999)
_YES = kinds.letters("YN")


@dataclass(frozen=True, slots=True)
class Ica:
    """$CCICA: which card is in the terminal?"""

    kind: Annotated[int | None, _SMALL]
    frame: Annotated[str, digits()]


@dataclass(frozen=True, slots=True)
class Rmo:
    """$CCRMO: put out a sentence of the terminal, so often."""

    sentence: Annotated[str, TEXT]
    mode: Annotated[int | None, _SMALL]
    every_s: Annotated[int | None, _SMALL]


@dataclass(frozen=True, slots=True)
class Ici:
    """$BDICI: the card; 0000000 is none."""

    card: Annotated[str, _CARD]
    serial: Annotated[str, TEXT]
    broadcast: Annotated[str, _CARD]
    user_type: Annotated[int | None, _SMALL]
    interval_s: Annotated[int | None, _SMALL]  # the card may send once in this time
    level: Annotated[int | None, _SMALL]  # how much a message may hold
    encrypted: Annotated[str, kinds.letters("EN")]
    subordinates: Annotated[int | None, _SMALL]


@dataclass(frozen=True, slots=True)
class Txa:
    """$CCTXA: send."""

    to_card: Annotated[str, _CARD]
    kind: Annotated[int | None, _SMALL]  # 0 express, 1 normal
    mode: Annotated[int | None, _SMALL]
    payload: Annotated[str, kinds.rest()]


@dataclass(frozen=True, slots=True)
class Tcq:
    """$CCTCQ: send, BeiDou-3."""

    to_card: Annotated[str, _CARD]
    frequency: Annotated[int | None, _SMALL]
    acknowledged: Annotated[int | None, _SMALL]
    mode: Annotated[int | None, _SMALL]
    payload: Annotated[str, kinds.rest(after=1)]
    interval_s: Annotated[int | None, _SMALL]


@dataclass(frozen=True, slots=True)
class Txr:
    """$BDTXR: received."""

    kind: Annotated[int | None, _SMALL]  # 1 normal, 2 express, 3 broadcast, 4 and 5 queried
    from_card: Annotated[str, _CARD]
    mode: Annotated[int | None, _SMALL]
    clock: Annotated[str, digits(4, 6)]  # hhmm, often nothing
    payload: Annotated[str, kinds.rest()]


@dataclass(frozen=True, slots=True)
class Tci:
    """$BDTCI: received, BeiDou-3."""

    from_card: Annotated[str, _CARD]
    to_card: Annotated[str, _CARD]
    frequency: Annotated[int | None, _SMALL]
    clock: Annotated[str, digits(4, 6)]  # hhmmss
    mode: Annotated[int | None, _SMALL]
    unknown: Annotated[str, TEXT]
    payload: Annotated[str, kinds.rest()]


@dataclass(frozen=True, slots=True)
class Fki:
    """$BDFKI of 2.1: what came of a command. `more` differs between terminals."""

    command: Annotated[str, TEXT]
    ok: Annotated[str, _YES]
    more: Annotated[str, kinds.rest()] = ""


@dataclass(frozen=True, slots=True)
class Fki3:
    """$BDFKI of BeiDou-3: what came of a command, when, why, and how long to wait."""

    clock: Annotated[str, digits(4, 6)]
    command: Annotated[str, TEXT]
    ok: Annotated[str, _YES]
    reason: Annotated[int | None, _SMALL]
    remaining_s: Annotated[int | None, _SMALL]


Message = Ica | Rmo | Ici | Txa | Tcq | Txr | Tci | Fki | Fki3
TABLE: Final[dict[str, tuple[type[Any], ...]]] = {
    "CCICA": (Ica,), "CCRMO": (Rmo,), "BDICI": (Ici,), "CCTXA": (Txa,), "CCTCQ": (Tcq,),
    "BDTXR": (Txr,), "BDTCI": (Tci,), "BDFKI": (Fki, Fki3),
}  # fmt: skip


def read(sentence: Sentence) -> Message | None:
    """Read a sentence by its table; None if it is another one.

    Raises:
        RefusedError: fields or field.
    """
    forms = TABLE.get(sentence.address)
    if forms is None:
        return None
    begins_with_a_clock = not "".join(sentence.fields[:1]).isalpha()
    message: Message = kinds.read_table(forms[-1 if begins_with_a_clock else 0], sentence.fields)
    return message


def write(message: Message) -> bytes:
    """Write a message as a sentence with its checksum: the reverse of `read`."""
    address = next(address for address, forms in TABLE.items() if isinstance(message, forms))
    return close_sentence(address, kinds.write_table(message))
