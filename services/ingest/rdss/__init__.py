"""BeiDou short messages (RDSS), in both directions: sentences in, values out; no sockets, no database, no clock.

messages   the sentences' tables                        payloads   what a message holds
card       when the card may speak again                fixes      a message becomes a fix
"""

from services.ingest.rdss.card import Card, text_message
from services.ingest.rdss.fixes import to_fix
from services.ingest.rdss.messages import Tci, Txr, read, write
from services.ingest.rdss.payloads import Position, Received, content, mixed, moment, receive, write_compact

__all__ = [
    "Card", "Position", "Received", "Tci", "Txr", "content", "mixed", "moment", "read", "receive", "text_message",
    "to_fix", "write", "write_compact",
]  # fmt: skip
