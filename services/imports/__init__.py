"""Tracks from files into the memory of movement: the good rows are stored, the bad ones are written out with why.

run      one file, or all of a set, chunk by chunk      rejects      where the bad rows go
objects  which device a name in a file means            checkpoint   how far it got, to go on from there
"""

from services.imports.checkpoint import CheckpointError, Imported
from services.imports.objects import IMPORTED
from services.imports.rejects import RejectFileError
from services.imports.run import import_tracks

__all__ = ["IMPORTED", "CheckpointError", "Imported", "RejectFileError", "import_tracks"]
