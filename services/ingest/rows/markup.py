"""XML read as a stream: GPX and KML. Entities, which neither needs and attackers do, are refused."""

from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from services.ingest.rows.values import BLOCK, FileError, Row, Source, unknown

GPX_COLUMNS: Final = {"ele": "altitude_m", "time": "at", "speed": "speed_mps", "course": "heading_deg"}
"""Elements of a GPX track point (1.0, and 1.1 with Garmin's TrackPointExtension), and the columns they become."""

KML_COLUMNS: Final = ("object_id", "at", "lon", "lat", "altitude_m")
MAX_TEXT: Final = 1 << 16
"""Characters of one element that are kept; of what is longer (the course of a line) no use is made."""

MAX_UNPAIRED: Final = 1_000_000
"""Times of a gx:Track may all stand before its places."""


class _Walker:
    """Walks through a document; `enter` and `leave` are told the elements' names without their prefix."""

    def __init__(self) -> None:
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.ready: list[Row] = []
        self.path: list[str] = []  # of the elements around the one that is entered or left
        self._text: list[str] = []
        self._size = 0

    def enter(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element."""

    def leave(self, name: str, text: str) -> None:
        """Leave an element; `text` is what stood between its last tags."""

    def add(self, values: dict[str, Any], error: str = "") -> None:
        """Put out a row."""
        self.ready.append(Row(self.parser.CurrentLineNumber, values, error))

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """Yield the rows of a document."""
        while block := file.read(BLOCK):
            self.parser.Parse(block, False)
            yield from self.ready
            self.ready.clear()
        self.parser.Parse(b"", True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        self.enter(name, attributes)
        self.path.append(name)
        self._text, self._size = [], 0

    def _characters(self, text: str) -> None:
        if self._size < MAX_TEXT:
            self._text.append(text)
            self._size += len(text)

    def _end(self, _tag: str) -> None:
        self.leave(self.path.pop(), "".join(self._text).strip())

    @staticmethod
    def _doctype(*_: Any) -> None:
        raise FileError("A file of tracks has no document type.")


class _Gpx(_Walker):
    """Track points, each with what stands inside."""

    def __init__(self) -> None:
        super().__init__()
        self.point: dict[str, Any] | None = None
        self.track = ""

    def enter(self, name: str, attributes: dict[str, str]) -> None:
        if name == "trkpt":
            known = {"object_id": self.track} if self.track else {}
            self.point = {**known, "lon": attributes.get("lon", ""), "lat": attributes.get("lat", "")}
        elif name == "trk":
            self.track = ""

    def leave(self, name: str, text: str) -> None:
        if name == "trkpt" and self.point is not None:
            self.add(self.point)
            self.point = None
        elif self.point is not None and name in GPX_COLUMNS:
            self.point[GPX_COLUMNS[name]] = text
        elif name == "name" and self.path[-1:] == ["trk"]:
            self.track = text


class _Kml(_Walker):
    """Placemarks: points with a TimeStamp, and gx:Track, whose times and places stand in two lists of one order."""

    def __init__(self) -> None:
        super().__init__()
        self.name = self.when = self.point = self.mode = ""
        self.lines = 0
        self.whens, self.places = deque[str](), deque[str]()

    def enter(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - KML has its values in elements
        if name == "Placemark":
            self.name = self.when = self.point = self.mode = ""
            self.lines = 0
        elif name == "Track":
            self.mode = ""

    def leave(self, name: str, text: str) -> None:
        parent = self.path[-1] if self.path else ""
        match name, parent:
            case "name", "Placemark":
                self.name = text
            case "altitudeMode", _:
                self.mode = text
            case "when", "Track":
                self._pair(self.whens, text)
            case "coord", "Track":
                self._pair(self.places, ",".join(text.split()))
            case "when", "TimeStamp":
                self.when = text
            case "coordinates", "Point":
                self.point = text
            case "LineString" | "LinearRing", _:
                self.lines += 1
            case "Track", _:
                self._end_track()
            case "Placemark", _:
                self._end_placemark()

    def _pair(self, waiting: deque[str], text: str) -> None:
        waiting.append(text)
        if len(waiting) > MAX_UNPAIRED:
            raise FileError(f"A track has more than {MAX_UNPAIRED:,} times before its places: part it.")
        if self.whens and self.places:
            self._place(self.whens.popleft(), self.places.popleft())

    def _place(self, when: str, place: str) -> None:
        """Put out a position: longitude, latitude and height, which counts if it is one above the sea."""
        lon, lat, height, *_ = [*place.split(","), "", "", ""]
        values = {"object_id": self.name, "at": when, "lon": lon, "lat": lat}
        self.add(values | ({"altitude_m": height} if self.mode == "absolute" else {}))

    def _end_track(self) -> None:
        if self.whens or self.places:
            self.add({"object_id": self.name}, f"has {len(self.whens) or len(self.places)} times and places too many")
        self.whens.clear()
        self.places.clear()

    def _end_placemark(self) -> None:
        if self.point and self.when:
            self._place(self.when, self.point)
        elif self.point:
            self.add({"object_id": self.name}, "is a point without a TimeStamp")
        if self.lines:
            self.add({"object_id": self.name}, "is a line, which tells no times; gx:Track does")


def read_gpx(file: BinaryIO) -> Source:
    """Read the track points of a GPX 1.0 or 1.1 file; a track's name is the object."""
    return Source(("object_id", "lon", "lat", *GPX_COLUMNS.values()), _Gpx().read(file), unknown)


def read_kml(file: BinaryIO) -> Source:
    """Read timed points and gx:Tracks of a KML 2.2 file (OGC 07-147r2, Google's extensions); their name is the object.

    What tells no time (lines, other points) is a row with an error.
    """
    return Source(KML_COLUMNS, _Kml().read(file), unknown)
