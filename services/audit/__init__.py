"""The audit trail: append-only, chained by hashes, sealed every hour outside the database.

trail.py writes, seals.py seals, verify.py checks without either of them.
"""

from services.audit.seals import Sealer, SealError
from services.audit.trail import Entry, Ledger, TrailError

__all__ = ["Entry", "Ledger", "SealError", "Sealer", "TrailError"]
