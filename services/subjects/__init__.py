"""What is kept about a person is listed, corrected and deleted where the law lets (个人信息保护法 44 to 47).

accounts    officers, by their account      callers     who called 110, by words kept of the call
tracks      the positions of a device that a person carried
"""

from services.subjects.accounts import NoPersonError, correct_person, delete_person, find_person, list_person
from services.subjects.callers import correct_call, delete_call, find_calls
from services.subjects.records import list_records
from services.subjects.tracks import Deleted, delete_track, list_device

__all__ = [
    "Deleted", "NoPersonError", "correct_call", "correct_person", "delete_call", "delete_person", "delete_track",
    "find_calls", "find_person", "list_device", "list_person", "list_records",
]  # fmt: skip
