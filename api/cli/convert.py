"""`tianshu convert`: coordinates between WGS 84, CGCS2000, GCJ-02 and BD-09."""

import csv
import sys
from typing import Annotated, TextIO

import typer

from services.errors import InvalidError
from services.ingest import files
from services.sheets import Sheet

SOME_REJECTED = 1
DIGITS = 9  # a tenth of a millimetre


def register(app: typer.Typer) -> None:
    """Add `tianshu convert`."""
    app.command("convert", context_settings={"ignore_unknown_options": True})(convert)


def convert(
    source: Annotated[str, typer.Option("--from", help="wgs84, cgcs2000, gcj02 or bd09")],
    target: Annotated[str, typer.Option("--to", help="The same four")],
    lon: Annotated[str | None, typer.Argument(help="Degrees; west is negative")] = None,
    lat: Annotated[str | None, typer.Argument(help="Degrees; south is negative")] = None,
) -> None:
    """Convert one place, or CSV on stdin: lon,lat first (or in columns of such names), the rest is passed through.

    The inverse of the shifted systems is exact with respect to the public formula. Places outside of the shifted
    region (72.004 to 137.8347 E, 0.8293 to 55.8271 N) have the same numbers in all four.
    """
    files.convert(0.0, 0.0, source, target)
    if lon is None:
        if _convert_csv(sys.stdin, source, target):
            raise typer.Exit(SOME_REJECTED)
        return
    if lat is None:
        raise InvalidError("A place is two numbers: LON LAT.")
    x, y = files.convert(*_place(lon, lat), source, target)
    typer.echo(f"{x:.{DIGITS}f} {y:.{DIGITS}f}")


def _convert_csv(text: TextIO, source: str, target: str) -> int:
    """Convert every row of a CSV; return how many could not be: they are named on stderr and left out."""
    reader, sheet, bad = csv.reader(text), Sheet(sys.stdout, line_end="\n"), 0
    columns = None
    for row in reader:
        if columns is None:
            row[:1] = [cell.lstrip("\ufeff") for cell in row[:1]]
            named = _columns(row)
            columns = named or (0, 1)
            if named:
                sheet.add(row)
                continue
        try:
            place = _place(row[columns[0]], row[columns[1]])
        except (InvalidError, IndexError):
            bad += bool(row)
            if row:
                typer.echo(f"line {reader.line_num}: {','.join(row)[:80]} has no place", err=True)
            continue
        x, y = files.convert(*place, source, target)
        row[columns[0]], row[columns[1]] = f"{x:.{DIGITS}f}", f"{y:.{DIGITS}f}"
        sheet.add(row)
    return bad


def _columns(header: list[str]) -> tuple[int, int] | None:
    """Return which columns hold longitude and latitude, or None if the line is no header."""
    names = [name.strip().lower() for name in header]
    found = [next((names.index(word) for word in files.FIELDS[of] if word in names), None) for of in ("lon", "lat")]
    return (found[0], found[1]) if found[0] is not None and found[1] is not None else None


def _place(lon: str, lat: str) -> tuple[float, float]:
    """Read two numbers of degrees."""
    try:
        x, y = float(lon), float(lat)
    except ValueError:
        raise InvalidError(f"{lon} {lat} are no two numbers.") from None
    if not (abs(x) <= 180 and abs(y) <= 90):  # noqa: PLR2004
        raise InvalidError(f"{lon} {lat} is no longitude and latitude in degrees.")
    return x, y
