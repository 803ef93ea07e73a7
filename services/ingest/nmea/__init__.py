"""NMEA 0183 with BeiDou, in both directions: bytes in, values out; no sockets, no database, no clock.

messages   the sentences' tables                        fixes   an epoch becomes a fix
epochs     `Receiver`: a stream of bytes becomes epochs
"""

from services.ingest.nmea.epochs import Epoch, Event, Other, Receiver
from services.ingest.nmea.fixes import doubts, to_fix
from services.ingest.nmea.messages import FixQuality, Talk, read, write
from services.ingest.sentences import Refused

__all__ = ["Epoch", "Event", "FixQuality", "Other", "Receiver", "Refused", "Talk", "doubts", "read", "to_fix", "write"]
