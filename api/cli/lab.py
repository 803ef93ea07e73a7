"""`tianshu lab`: the algorithms on files, never on the database, so that anyone can check them."""

import gzip
import zlib
from pathlib import Path
from typing import Annotated

import geopandas
import numpy as np
import pyproj
import typer
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from geo import crs, density
from services.errors import InvalidError
from services.ingest import incidents
from services.sheets import Sheet

app = typer.Typer(name="lab", no_args_is_help=True, help="Run the algorithms on files, without a database.")

NAMED = {"wgs84": crs.WGS84, "cgcs2000": crs.CGCS2000}
HEADER = ("i", "j", "n", "gi_star_z", "p_two_sided", "q_bh")
_SHOWN = 20


@app.callback()
def lab() -> None:
    """Run the algorithms on files, without a database."""


@app.command()
def hotspots(
    incidents_csv: Annotated[Path, typer.Argument(metavar="INCIDENTS.csv", help="CSV, may be gzipped")],
    *,
    x: Annotated[str, typer.Option("--x", help="Column of the easting or longitude")],
    y: Annotated[str, typer.Option("--y", help="Column of the northing or latitude")],
    source: Annotated[str, typer.Option("--crs", help="Their reference system: EPSG:n, wgs84, cgcs2000")],
    cell_m: Annotated[float, typer.Option("--cell-m", help="Width of a cell, metres")],
    out: Annotated[Path, typer.Option("--out", metavar="CELLS.csv", help="Where the cells go")],
    metric: Annotated[
        str | None, typer.Option("--metric-crs", help="Where cells are square; guessed if left out")
    ] = None,
    origin: Annotated[str | None, typer.Option("--origin", metavar="X,Y", help="Corner of cell 0,0, metres")] = None,
    contiguity: Annotated[
        density.Contiguity, typer.Option(help="Which cells are neighbours")
    ] = density.Contiguity.QUEEN,
    area: Annotated[Path | None, typer.Option(metavar="AREA.geojson", help="Cells that touch it are counted")] = None,
) -> None:
    """Count incidents on a grid and score every cell with Gi* (z, two-sided p, q after Benjamini and Hochberg).

    With --area the population is every cell that touches the area; without it, every cell of the rectangle of the
    occupied cells. The origin is, unless given, the corner of that extent rounded down to a multiple of the cell.
    """
    from_epsg = _epsg(source)
    points = incidents.read_points(_read(incidents_csv), x, y)
    to_epsg = _epsg(metric) if metric else _metric_epsg(points.xy, from_epsg)
    _refuse_unless_metric(to_epsg)
    xy_m, bad = _carry(points, from_epsg, to_epsg)
    rejected = sorted([*points.rejected, *bad], key=lambda row: row.line)
    _report(rejected)
    if not len(xy_m):
        raise InvalidError(f"No row of {incidents_csv.name} has a usable position.")
    try:
        lattice = density.lay(xy_m, cell_m, origin_m=_pair(origin), area=_area(area, to_epsg) if area else None)
    except density.DensityError as error:
        raise InvalidError(f"{error}.") from error
    found = density.hot_spots(lattice, xy_m, contiguity)
    _write(out, found)
    typer.echo(
        f"{len(xy_m)} incidents, {found.n.sum()} of them in {len(found.n)} cells of {cell_m:g} m (EPSG:{to_epsg}); "
        f"{found.hot.sum()} cells are hot (z > 0, q <= {density.FDR:g}); {len(rejected)} rows left out",
        err=True,
    )
    if len(xy_m) < density.MIN_INCIDENTS:
        typer.echo(f"Fewer than {density.MIN_INCIDENTS} incidents: treat no cell as a finding.", err=True)


def _epsg(name: str) -> int:
    """Return the EPSG code of a reference system that can be used."""
    try:
        epsg = NAMED.get(name.lower()) or crs.parse_epsg(name)
        pyproj.CRS.from_epsg(epsg)
    except (crs.CrsError, CRSError):
        raise InvalidError(
            f"{name} is no known reference system: write EPSG:n, wgs84 or cgcs2000 "
            "(gcj02 and bd09 have to be converted first, with `tianshu convert`)."
        ) from None
    return epsg


def _metric_epsg(xy: NDArray[np.float64], epsg: int) -> int:
    """Return a metric system for points: their own if it is one, else the Gauss-Krüger zone, else the UTM zone."""
    if _is_metric(epsg) or not len(xy):
        return epsg
    lon_deg, lat_deg = (float(np.median(values)) for values in crs.to_cgcs2000(xy[:, 0], xy[:, 1], epsg))
    try:
        return crs.zone_for(lon_deg)
    except crs.CrsError:
        if not np.isfinite([lon_deg, lat_deg]).all():
            raise InvalidError(f"The coordinates do not lie in EPSG:{epsg}.") from None
        return (32601 if lat_deg >= 0 else 32701) + int((lon_deg + 180) // 6) % 60  # EPSG: WGS 84 / UTM zones


def _is_metric(epsg: int) -> bool:
    """Whether a system is projected, in metres."""
    system = pyproj.CRS.from_epsg(epsg)
    return bool(system.is_projected) and {axis.unit_name for axis in system.axis_info[:2]} == {"metre"}


def _refuse_unless_metric(epsg: int) -> None:
    if not _is_metric(epsg):
        unit = pyproj.CRS.from_epsg(epsg).axis_info[0].unit_name
        raise InvalidError(f"Cells are square in metres only, and EPSG:{epsg} is in {unit}: give another --metric-crs.")


def _carry(
    points: incidents.Points, from_epsg: int, to_epsg: int
) -> tuple[NDArray[np.float64], list[incidents.Rejected]]:
    """Carry points to metres; what the system can't express, and 0/0 in degrees, is rejected."""
    xy_m = points.xy
    if from_epsg != to_epsg:
        xy_m = np.column_stack(
            crs.project_points(*crs.to_cgcs2000(points.xy[:, 0], points.xy[:, 1], from_epsg), to_epsg)
        )
    usable = np.isfinite(xy_m).all(axis=1)
    if pyproj.CRS.from_epsg(from_epsg).is_geographic:
        usable &= points.xy.any(axis=1) & (np.abs(points.xy) <= (180, 90)).all(axis=1)
    reason = f"the position is 0/0 or lies outside of EPSG:{from_epsg}"
    return xy_m[usable], [incidents.Rejected(int(line), reason) for line in points.lines[~usable]]


def _area(path: Path, to_epsg: int) -> BaseGeometry:
    """Return the union of the polygons of a file, in metres."""
    try:
        frame = geopandas.read_file(path)
    except Exception as error:  # GDAL raises many kinds
        raise InvalidError(f"{path} can't be read as an area: {str(error).partition(';')[0].rstrip('.')}.") from error
    polygons = frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        raise InvalidError(f"{path} holds no polygon.")
    placed = polygons if polygons.crs else polygons.set_crs(crs.WGS84)  # RFC 7946
    shape: BaseGeometry = placed.to_crs(to_epsg).union_all()
    return shape


def _pair(text: str | None) -> tuple[float, float] | None:
    """Return the two numbers of `X,Y`."""
    if text is None:
        return None
    try:
        x_m, y_m = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidError(f"--origin is two numbers with a comma between, X,Y; not {text}.") from None
    return x_m, y_m


def _read(path: Path) -> str:
    """Return the text of a file, gzipped or not."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    return incidents.decode(data)


def _report(rejected: list[incidents.Rejected]) -> None:
    """Say which rows were left out."""
    for row in rejected[:_SHOWN]:
        typer.echo(f"line {row.line}: {row.reason}", err=True)
    if len(rejected) > _SHOWN:
        typer.echo(f"… and {len(rejected) - _SHOWN} more rows", err=True)


def _write(path: Path, found: density.HotSpots) -> None:
    """Write a row a cell; numbers with all their digits."""
    columns = (*found.lattice.indices, found.n, found.gi_star_z, found.p_two_sided, found.q_bh)
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            sheet = Sheet(file)
            sheet.add(HEADER)
            sheet.add_all(zip(*(column.tolist() for column in columns), strict=True))
    except OSError as error:
        raise InvalidError(f"{path} can't be written: {error.strerror or error}.") from error
