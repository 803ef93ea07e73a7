"""The BeiDou grid location code (北斗网格码), GB/T 39409-2020: a place, or a place and a height, as one short word.

All arithmetic is on whole numbers of 1/2048 of an arc second, the size of the smallest cell (1.5 cm). Codes are of
CGCS2000 degrees (never of GCJ-02) and of heights above the ellipsoid (never above the sea).

Where the standard leaves a choice, this module chooses:

* Height digits follow the normative clauses 6.1 and 6.2 (cells of 4°, 30', 15', 1', 4" …; so radices 64, 8, 2, 15, 15,
  2, 8, 8, 8, 8). The informative annex C.14 cuts the number into bits instead (6, 3, 1, 4, 4 …), which contradicts the
  cell sizes of 6.1, the symbols 0–E of 6.2 and the carry of C.5. Both agree between -1839 m and 1839.58 m.
* A negative height is written as sign and magnitude of the floored cell number.
* Latitude 0 is north and longitude 0 east; ±180° belong to the outermost cells of their own side; ±88° is polar.
* Below level 2 the poles' cells are not defined clearly enough to be exchanged: refused. So are polar heights.
"""

import math
from dataclasses import dataclass
from typing import Final

UNITS_PER_DEGREE: Final = 3600 * 2048
"""1/2048", the edge of a level 10 cell, is the unit of all sizes here."""

EARTH_RADIUS_M: Final = 6378137.0
"""r0 of annex C."""

POLAR_DEG: Final = 88
DEEPEST: Final = 10
SYMBOLS: Final = "0123456789ABCDE"
ROWS: Final = "ABCDEFGHIJKLMNOPQRSTUV"
OFFSETS: Final = "GFEDCBA01234567"
"""Clause 7.1: columns and rows from -7 (G) over -1 (A), 0 to 7."""

_EDGE: Final = 1e-5
_FIRST_REFERENCE_LEVEL: Final = 5
_POLAR: Final = (
    (88.0, ("10", "11", "20", "21", "31", "30")),
    (88.5, ("12", "13", "22", "23", "33", "32")),
    (89.0, ("01", "02", "03")),
    (89.5, ("00",)),
)
"""Figure 10: the lower latitude of each ring, and its cells eastward from the prime meridian."""


class GridError(ValueError):
    """The place has no code, or the code names no place."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level: the size of its cells in units, how they split the parent, whether one Z-order digit names a child."""

    lon: int
    lat: int
    columns: int
    rows: int
    height_radix: int
    z_order: bool = False

    def symbols(self, column: int, row: int) -> str:
        """Write the child's column and row."""
        return str(2 * row + column) if self.z_order else SYMBOLS[column] + SYMBOLS[row]

    def read(self, symbols: str) -> tuple[int, int]:
        """Read the child's column and row."""
        if self.z_order and symbols.isascii() and symbols.isdigit():
            symbols = SYMBOLS[int(symbols) % 2] + SYMBOLS[int(symbols) // 2]
        return self.read_pair(symbols)

    def read_pair(self, symbols: str) -> tuple[int, int]:
        """Read the child's column and row where both are written, as reference codes do on every level."""
        digits = [SYMBOLS.find(symbol) for symbol in symbols]
        if len(digits) != 2 or not (0 <= digits[0] < self.columns and 0 <= digits[1] < self.rows):  # noqa: PLR2004
            raise GridError(f"{symbols!r} is no cell of a {self.columns} by {self.rows} split")
        return digits[0], digits[1]

    @property
    def width(self) -> int:
        """How many symbols name a child."""
        return 1 if self.z_order else 2


_SECOND: Final = 2048
_MINUTE: Final = 60 * _SECOND
LEVELS: Final = (
    Level(6 * UNITS_PER_DEGREE, 4 * UNITS_PER_DEGREE, 60, 22, 64),
    Level(30 * _MINUTE, 30 * _MINUTE, 12, 8, 8),
    Level(15 * _MINUTE, 10 * _MINUTE, 2, 3, 2, z_order=True),
    Level(_MINUTE, _MINUTE, 15, 10, 15),
    Level(4 * _SECOND, 4 * _SECOND, 15, 15, 15),
    Level(2 * _SECOND, 2 * _SECOND, 2, 2, 2, z_order=True),
    Level(512, 512, 8, 8, 8),
    Level(64, 64, 8, 8, 8),
    Level(8, 8, 8, 8, 8),
    Level(1, 1, 8, 8, 8),
)
"""Clause 5.2 and table 1 (height radices: 6.1, 6.2); a cell of level n is `LEVELS[n - 1]`."""

HEIGHTS: Final = tuple(math.prod(level.height_radix for level in LEVELS[1 + above :]) for above in range(DEEPEST))
"""How many cells of level 10 a cell of each level is high: 4°, 30', 15', 1', 4" … of `_height_count`'s steps."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The ground (and the heights) that a code names, CGCS2000 degrees; `east_deg` may pass 180 at the poles."""

    code: str
    level: int
    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float
    lower_m: float | None = None
    upper_m: float | None = None

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        return (self.west_deg + self.east_deg) / 2, (self.south_deg + self.north_deg) / 2


def encode(lon_deg: float, lat_deg: float, level: int = DEEPEST, *, height_m: float | None = None) -> str:
    """Return the code of a place; with a height above the ellipsoid, the three-dimensional one.

    Raises:
        GridError: the place is not on Earth, or the level or the height can't be expressed.
    """
    if not 1 <= level <= DEEPEST:
        raise GridError(f"level {level} does not exist: 1 to {DEEPEST}")
    if not (abs(lon_deg) <= 180 and abs(lat_deg) <= 90):  # noqa: PLR2004 - half a turn, a quarter turn
        raise GridError(f"{lon_deg}, {lat_deg} is no longitude and latitude in degrees")
    if abs(lat_deg) >= POLAR_DEG:
        return _encode_polar(lon_deg, lat_deg, level, height_m)
    return _Index.of(lon_deg, lat_deg, level).code(None if height_m is None else _height_count(height_m))


def decode(code: str) -> Cell:
    """Return the cell of a code of either kind, upper or lower case.

    Raises:
        GridError: it is no code; the message says at which symbol.
    """
    text = code.strip().upper()
    if text[1:4] == "000":
        return _decode_polar(text)
    index, height = _parse(text)
    size = LEVELS[index.level - 1]
    west, south = index.column * size.lon, index.row * size.lat
    edges = (value / UNITS_PER_DEGREE for value in (west, south, west + size.lon, south + size.lat))
    return Cell(text, index.level, *edges, *(height or ()))


def parent(code: str) -> str:
    """Return the code of the next larger cell."""
    index, height = _parse(code.strip().upper())
    if index.level == 1:
        raise GridError(f"{code} is of level 1: it has no parent")
    keep = len(code.strip()) - LEVELS[index.level - 1].width - (height is not None)
    return code.strip().upper()[:keep]


def neighbours(code: str) -> list[str]:
    """Return the codes of the up to eight cells around a 2D cell, from the south-west eastward and northward."""
    index = _flat(code)
    steps = [(east, north) for north in (-1, 0, 1) for east in (-1, 0, 1) if east or north]
    around = [index.moved(east, north) for east, north in steps]
    return [cell.code() for cell in around if cell is not None]


def refer(code: str, reference: str) -> str:
    """Return the reference code (clause 7) of a cell as seen from a reference cell of level 5 or deeper.

    Deeper targets add their own column and row, one pair a level; offsets always count east and north.
    """
    target, origin = _flat(code), _flat(reference)
    if not _FIRST_REFERENCE_LEVEL <= origin.level <= target.level:
        raise GridError(f"the reference must be of level {_FIRST_REFERENCE_LEVEL} or deeper, and not below the target")
    base = target.up_to(origin.level)
    offset = _offset(base.column - origin.column) + _offset(base.row - origin.row)
    pairs = [SYMBOLS[column] + SYMBOLS[row] for column, row in target.children()[origin.level - 1 :]]
    return "-".join([origin.code(), offset, *pairs])


def resolve(reference_code: str) -> str:
    """Return the full code that a reference code stands for; the inverse of `refer`."""
    reference, _, offsets = reference_code.strip().upper().partition("-")
    origin, (offset, *pairs) = _flat(reference), offsets.split("-")
    if len(offset) != 2 or not set(offset) <= set(OFFSETS) or origin.level < _FIRST_REFERENCE_LEVEL:  # noqa: PLR2004
        raise GridError(f"{reference_code!r} is no reference code: code of level 5 or deeper, hyphen, two offsets")
    base = origin.moved(*(OFFSETS.index(symbol) - OFFSETS.index("0") for symbol in offset))
    if base is None or origin.level + len(pairs) > DEEPEST:
        raise GridError(f"{reference_code!r} leads out of the grid")
    code = base.code()
    for level, pair in zip(LEVELS[origin.level :], pairs, strict=False):
        column, row = level.read_pair(pair)
        code += level.symbols(column, row)
    return code


@dataclass(frozen=True, slots=True)
class _Index:
    """A 2D cell as whole numbers: columns eastward from the prime meridian, rows northward from the equator.

    Codes count away from the origin in every hemisphere (figures 3 to 8), so column -1 is written like column 0.
    """

    level: int
    column: int
    row: int

    @classmethod
    def of(cls, lon_deg: float, lat_deg: float, level: int) -> "_Index":
        """Find the cell of a place; the edge nearer to the origin belongs to the cell."""
        size = LEVELS[level - 1]
        lon = min(_whole(abs(lon_deg) * UNITS_PER_DEGREE), 180 * UNITS_PER_DEGREE - 1)
        lat = min(_whole(abs(lat_deg) * UNITS_PER_DEGREE), POLAR_DEG * UNITS_PER_DEGREE - 1)
        return cls(level, _signed(lon // size.lon, lon_deg < 0), _signed(lat // size.lat, lat_deg < 0))

    def children(self) -> list[tuple[int, int]]:
        """Return the column and row in the parent, for levels 2 to its own."""
        size = LEVELS[self.level - 1]
        lon, lat = _unsigned(self.column) * size.lon, _unsigned(self.row) * size.lat
        return [(lon // part.lon % part.columns, lat // part.lat % part.rows) for part in LEVELS[1 : self.level]]

    def up_to(self, level: int) -> "_Index":
        """Return the ancestor of a level."""
        size, larger = LEVELS[self.level - 1], LEVELS[level - 1]
        column = _unsigned(self.column) * size.lon // larger.lon
        row = _unsigned(self.row) * size.lat // larger.lat
        return _Index(level, _signed(column, self.column < 0), _signed(row, self.row < 0))

    def moved(self, east: int, north: int) -> "_Index | None":
        """Return the cell some columns east and rows north, round the Earth; None beyond the poles' circles."""
        size = LEVELS[self.level - 1]
        half, top = 180 * UNITS_PER_DEGREE // size.lon, POLAR_DEG * UNITS_PER_DEGREE // size.lat
        column, row = (self.column + east + half) % (2 * half) - half, self.row + north
        return _Index(self.level, column, row) if -top <= row < top else None

    def code(self, height: int | None = None) -> str:
        """Write the code, with the height's digits woven in when there is one."""
        zone, row = self.up_to(1).column + 31, _unsigned(self.up_to(1).row)
        parts = [f"{zone:02}{ROWS[row]}"]
        parts += [size.symbols(*child) for size, child in zip(LEVELS[1:], self.children(), strict=False)]
        hemisphere = "N" if self.row >= 0 else "S"
        if height is None:
            return hemisphere + "".join(parts)
        woven = (part + digit for part, digit in zip(parts, _height_digits(abs(height)), strict=False))
        return hemisphere + ("1" if height < 0 else "0") + "".join(woven)


def _parse(text: str) -> tuple[_Index, tuple[float, float] | None]:
    """Read a code outside of the poles: its cell, and the heights of its faces in metres when it has them."""
    solid = len(text) > 3 and text[3].isdigit()  # noqa: PLR2004 - the 4th symbol tells 2D from 3D
    prefix = 2 if solid else 1
    zone, row = text[prefix : prefix + 2], text[prefix + 2 : prefix + 3]
    if text[:1] not in ("N", "S") or not (zone.isascii() and zone.isdigit() and 1 <= int(zone) <= 60):  # noqa: PLR2004
        raise GridError(f"{text!r} does not begin with N or S and a zone 01 to 60")
    if not row or row not in ROWS or (solid and text[1] not in "01"):
        raise GridError(f"{text!r} has no row A to V after the zone, or no sign 0 or 1 before it")
    west = int(zone) < 31  # noqa: PLR2004 - zone 31 begins at the prime meridian
    column, rows = _unsigned(int(zone) - 31), ROWS.index(row)
    rest, digits = text[prefix + 3 :], ""
    if solid:
        digits, rest = rest[:2], rest[2:]
    level = 1
    while rest:
        if level == DEEPEST or len(rest) < (need := LEVELS[level].width + solid):
            raise GridError(f"{text!r} does not end where a level ends: {rest!r} is left over")
        size = LEVELS[level]
        child = size.read(rest[: size.width])
        column, rows = column * size.columns + child[0], rows * size.rows + child[1]
        digits, rest, level = digits + rest[size.width : need], rest[need:], level + 1
    index = _Index(level, _signed(column, west), _signed(rows, text[0] == "S"))
    return index, _height_faces(digits, level, below=text[1] == "1") if solid else None


def _flat(code: str) -> _Index:
    """Read a 2D code."""
    index, height = _parse(code.strip().upper())
    if height is not None:
        raise GridError(f"{code!r} has a height: a two-dimensional code is needed")
    return index


def _height_count(height_m: float) -> int:
    """Return the number n of the height's cell (annex C.2); cells grow with the height as they do with the radius."""
    ratio = height_m / EARTH_RADIUS_M
    count = UNITS_PER_DEGREE * math.log1p(ratio) / math.log1p(math.pi / 180) if ratio > -1 else -math.inf
    if not abs(count) < LEVELS[0].height_radix * HEIGHTS[0]:
        raise GridError(f"height {height_m} m is outside of -6302 km to 528680 km")
    return _whole(count)


def _height_m(count: int) -> float:
    """Return the height of the lower face of cell n, the inverse of `_height_count`."""
    return EARTH_RADIUS_M * math.expm1(count / UNITS_PER_DEGREE * math.log1p(math.pi / 180))


def _height_digits(count: int) -> list[str]:
    """Write the magnitude of a height's number, one piece a level: 00–63, then one symbol each."""
    pairs = zip(HEIGHTS[1:], LEVELS[1:], strict=True)
    return [f"{count // HEIGHTS[0]:02}", *(SYMBOLS[count // size % level.height_radix] for size, level in pairs)]


def _height_faces(digits: str, level: int, *, below: bool) -> tuple[float, float]:
    """Return the heights of the lower and the upper face that the digits of a level stand for."""
    symbols = [SYMBOLS.find(symbol) for symbol in digits[2:]]
    radices = [size.height_radix for size in LEVELS[1:level]]
    first = int(digits[:2]) if digits[:2].isascii() and digits[:2].isdigit() else -1
    if not 0 <= first < LEVELS[0].height_radix or any(
        not 0 <= symbol < radix for symbol, radix in zip(symbols, radices, strict=True)
    ):
        raise GridError(f"height digits {digits!r} do not exist in radices 64, 8, 2, 15, 15, 2, 8, 8, 8, 8")
    size = HEIGHTS[level - 1]
    count = sum(digit * part for digit, part in zip([first, *symbols], HEIGHTS[:level], strict=True))
    if not below:
        return _height_m(count), _height_m(count + size)
    if count + size == 1:
        raise GridError("height -0 does not exist: the first cell below the ellipsoid is number -1")
    return _height_m(1 - count - size), _height_m(min(0, 1 - count))


def _encode_polar(lon_deg: float, lat_deg: float, level: int, height_m: float | None) -> str:
    """Encode within two degrees of a pole (clause 5.3, figure 10)."""
    if level > 2 or height_m is not None:  # noqa: PLR2004
        raise GridError("beyond latitude 88° codes end at level 2 and carry no height")
    hemisphere = "S000" if lat_deg < 0 else "N000"
    if level == 1:
        return hemisphere
    cells = next(cells for low, cells in reversed(_POLAR) if abs(lat_deg) >= low)
    return hemisphere + cells[min(int(lon_deg % 360 / 360 * len(cells)), len(cells) - 1)]


def _decode_polar(text: str) -> Cell:
    """Return a polar cell; longitudes run from -180 to 360."""
    sign = {"N": 1, "S": -1}.get(text[:1])
    if sign is None or len(text) not in (4, 6):
        raise GridError(f"{text!r} is no polar code: N000 or S000, then the two symbols of figure 10 or nothing")
    if len(text) == 4:  # noqa: PLR2004
        return _polar_cell(text, 1, sign, (POLAR_DEG, 90), (-180, 180))
    for low, cells in _POLAR:
        if text[4:] in cells:
            wide, at = 360 / len(cells), cells.index(text[4:])
            west = at * wide - (180 if len(cells) == 1 else 360 if at * wide >= 180 else 0)  # noqa: PLR2004
            return _polar_cell(text, 2, sign, (low, low + 0.5), (west, west + wide))
    raise GridError(f"{text[4:]!r} is no cell of figure 10")


def _polar_cell(code: str, level: int, sign: int, lats: tuple[float, float], lons: tuple[float, float]) -> Cell:
    """Put a ring's piece into its hemisphere."""
    south, north = sorted(sign * lat for lat in lats)
    return Cell(code, level, lons[0], south, lons[1], north)


def _whole(value: float) -> int:
    """Round down, except that what a double can't tell from the next whole number is that number."""
    nearest = round(value)
    return nearest if abs(value - nearest) < _EDGE else math.floor(value)


def _signed(count: int, negative: bool) -> int:  # noqa: FBT001
    """Turn a count away from the origin into an index that grows east or north."""
    return -1 - count if negative else count


def _unsigned(index: int) -> int:
    """Turn an index that grows east or north into a count away from the origin."""
    return -1 - index if index < 0 else index


def _offset(steps: int) -> str:
    """Write a reference offset."""
    if abs(steps) > OFFSETS.index("0"):
        raise GridError(f"the target is {steps} cells away: a reference code reaches 7")
    return OFFSETS[steps + OFFSETS.index("0")]
