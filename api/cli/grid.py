"""`tianshu grid`: BeiDou grid location codes (GB/T 39409-2020) of places, and back."""

import json
from typing import Annotated

import typer

from geo import grid
from services.errors import InvalidError

app = typer.Typer(name="grid", no_args_is_help=True, help="BeiDou grid location codes (北斗网格码).")


@app.command(context_settings={"ignore_unknown_options": True})
def encode(
    lon: Annotated[float, typer.Argument(help="CGCS2000 degrees; west is negative")],
    lat: Annotated[float, typer.Argument(help="CGCS2000 degrees; south is negative")],
    level: Annotated[int, typer.Option(help="1 (6° × 4°) to 10 (1.5 cm)")] = grid.DEEPEST,
    height: Annotated[float | None, typer.Option(help="Metres above the ellipsoid: gives the 3D code")] = None,
) -> None:
    """Print the code of a place."""
    try:
        typer.echo(grid.encode(lon, lat, level, height_m=height))
    except grid.GridError as error:
        raise InvalidError(f"{error}.") from error


@app.command()
def decode(code: Annotated[str, typer.Argument(help="A code, or a reference code with hyphens")]) -> None:
    """Print the cell of a code as JSON: level, bounds and centre in CGCS2000 degrees, heights in metres."""
    try:
        cell = grid.decode(grid.resolve(code) if "-" in code else code)
    except grid.GridError as error:
        raise InvalidError(f"{error}.") from error
    lon_deg, lat_deg = cell.centre_deg
    said = {"code": cell.code, "level": cell.level, "lon_deg": lon_deg, "lat_deg": lat_deg}
    said |= {f"{side}_deg": getattr(cell, f"{side}_deg") for side in ("west", "south", "east", "north")}
    if cell.lower_m is not None:
        said |= {"lower_m": cell.lower_m, "upper_m": cell.upper_m}
    typer.echo(json.dumps(said))
