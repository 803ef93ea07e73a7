"""Messages as a terminal writes them, for whoever plays one: the demo fleet, load generators, tests."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from geo import fix
from services.ingest.jt808 import fields
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import position as positions
from services.ingest.jt808.messages import session
from services.ingest.jt808.messages.position import Status


def register(
    version: Version,
    *,
    terminal_id: str,
    plate: str = "",
    plate_color: int = 1,
    maker: str = "TSHU",
    model: str = "TS-1",
    province: int = 43,
    city: int = 200,
) -> session.Register:
    """0x0100 in the form of the edition; province and city as in GB/T 2260 (430200 is Zhuzhou)."""
    form = {
        Version.V2011: session.Register2011,
        Version.V2013: session.Register,
        Version.V2019: session.Register2019,
    }[version]
    return form(province, city, maker, model, terminal_id, plate_color, plate)


def authenticate(
    version: Version, code: str, *, imei: str = "", software: str = ""
) -> session.Authenticate | session.Authenticate2019:
    """0x0102 in the form of the edition; only 2019 carries IMEI and software."""
    if version is Version.V2019:
        return session.Authenticate2019(code, imei, software)
    return session.Authenticate(code)


def position(
    at: datetime,
    lon_deg: float,
    lat_deg: float,
    *,
    altitude_m: float = 0,
    speed_mps: float = 0.0,
    heading_deg: float = 0,
    alarm: int = 0,
    status: int = Status.ACC | Status.POSITIONED,
    systems: fix.Systems = fix.Systems.BEIDOU | fix.Systems.GPS,
    extras: Iterable[tuple[int, bytes]] = (),
) -> positions.LocationReport:
    """0x0200: the signs and the satellite systems go into the status word."""
    status |= systems << positions.FIRST_SYSTEM
    status |= (Status.SOUTH if lat_deg < 0 else 0) | (Status.WEST if lon_deg < 0 else 0)
    return positions.LocationReport(
        alarm, status, lat_deg, lon_deg, round(altitude_m), speed_mps, round(heading_deg) % 360, at, dict(extras)
    )


def batch(reports: Sequence[positions.LocationReport], *, catch_up: bool = False) -> positions.BatchReport:
    """0x0704: several reports in one message; `catch_up` marks those kept while the link was down."""
    kind = positions.CATCH_UP if catch_up else 0
    return positions.BatchReport(len(reports), kind, tuple(fields.write(report) for report in reports))
