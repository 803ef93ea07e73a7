"""Parks on a real PostGIS: what is imported is found again, and gathers where it happened."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from geo import crs, density
from services import access, parks
from services.db.engine import reading, writing
from services.errors import InvalidError, NotAllowedError
from services.ingest import incidents

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = {"start": NOW - timedelta(days=365), "end": NOW}
PARK = shapely.box(113.10, 27.80, 113.13, 27.83)
HEADER = "id,kind,at,lon_deg,lat_deg,detection_origin\n"
Mandates = Callable[..., Awaitable[access.Mandate]]


@pytest.fixture
async def officer(mandate: Mandates) -> access.Mandate:
    return await mandate("park_officer")


@pytest.fixture
async def park(engine: AsyncEngine, officer: access.Mandate) -> parks.ParkView:
    async with writing(engine) as db:
        shape = shapely.geometry.mapping(PARK)
        return await parks.create_park(officer, db, name="示例园区", shape=shape, synthetic=True)


def table(rows: list[tuple[float, float]], *, origin: str = "citizen", first: int = 0, kind: str = "theft") -> str:
    """Incidents at these places, one an hour, as a file."""
    times = [(NOW - timedelta(hours=k + 1)).isoformat() for k in range(len(rows))]
    lines = [f"{first + k},{kind},{times[k]},{lon},{lat},{origin}" for k, (lon, lat) in enumerate(rows)]
    return HEADER + "\n".join(lines) + "\n"


def gathered(count: int = 40) -> list[tuple[float, float]]:
    """Places all over the park, and as many again at one corner of it."""
    rng = np.random.default_rng(1)
    anywhere = rng.uniform((113.101, 27.801), (113.129, 27.829), (count, 2))
    corner = rng.normal((113.12, 27.82), 0.0004, (count, 2))
    return [(float(lon), float(lat)) for lon, lat in np.vstack([anywhere, corner])]


async def load(engine: AsyncEngine, who: access.Mandate, csv: str, source: str = "test") -> parks.Imported:
    async with writing(engine) as db:
        return await parks.import_incidents(who, db, csv.encode(), source=source, epsg=4490, now=NOW)


async def find(engine: AsyncEngine, who: access.Mandate, park: parks.ParkView, **more: object) -> parks.ParkHotSpots:
    async with reading(engine) as db:
        return await parks.find_hot_spots(who, db, park.id, **({"cell_m": 200.0} | YEAR | more))


async def test_a_park_comes_back_as_it_was_entered(engine, officer, park):
    async with reading(engine) as db:
        (found,) = await parks.list_parks(officer, db)
    assert found == park
    assert found.shape.equals(PARK)
    assert (found.name, found.synthetic, found.enterprises) == ("示例园区", True, 0)


async def test_incidents_gather_where_they_happened(engine, officer, park):
    done = await load(engine, officer, table(gathered()))
    assert (done.added, done.known, done.rejected) == (80, 0, ())
    found = await find(engine, officer, park)
    assert len(found.counted) == 80 == found.spots.n.sum()
    assert found.epsg == crs.zone_for(113.115)
    hottest = found.spots.lattice.centres[found.spots.gi_star_z.argmax()]
    lon, lat = crs.unproject_points(hottest[0], hottest[1], found.epsg)
    assert crs.distance_m(lon, lat, 113.12, 27.82) < 300
    assert 1 <= found.spots.hot.sum() < 30


async def test_the_scores_are_those_of_the_same_points_on_paper(engine, officer, park):
    await load(engine, officer, table(gathered()))
    found = await find(engine, officer, park, cell_m=250.0)
    xy_m = np.column_stack(crs.project_points(*np.array(gathered()).T, found.epsg))
    lattice = density.lay(xy_m, 250, area=crs.project(shapely.MultiPolygon([PARK]), found.epsg))
    np.testing.assert_allclose(found.spots.gi_star_z, density.hot_spots(lattice, xy_m).gi_star_z, atol=1e-9)


async def test_the_kinds_of_a_cell_add_up_to_its_count(engine, officer, park):
    await load(engine, officer, table(gathered()))
    await load(engine, officer, table(gathered()[:20], first=500, kind="fire"))
    found = await find(engine, officer, park)
    assert [sum(kinds.values()) for kinds in found.kinds] == found.spots.n.tolist()
    assert sum(kinds.get("fire", 0) for kinds in found.kinds) == 20


async def test_what_inspections_and_patrols_found_stays_out_unless_asked_for(engine, officer, park):
    await load(engine, officer, table(gathered()))
    await load(engine, officer, table([(113.105, 27.805)] * 30, origin="inspection", first=1000))
    await load(engine, officer, table([(113.105, 27.805)] * 10, origin="patrol", first=2000))
    plain = await find(engine, officer, park)
    asked = await find(engine, officer, park, count_inspections=True)
    assert (len(plain.counted), plain.left_out) == (80, {"inspection": 30, "patrol": 10})
    assert (len(asked.counted), asked.left_out) == (120, {})
    xy_m = np.column_stack(crs.project_points([113.105], [27.805], plain.epsg))
    looked_at = plain.spots.lattice.locate(xy_m)[0]
    assert not plain.spots.hot[looked_at]
    assert asked.spots.hot[looked_at]


async def test_only_the_period_asked_for_counts_its_end_not_included(engine, officer, park):
    await load(engine, officer, table([(113.11, 27.81)] * 10))
    found = await find(engine, officer, park, start=NOW - timedelta(hours=5), end=NOW - timedelta(hours=1))
    assert [one.at for one in found.counted] == [NOW - timedelta(hours=hours) for hours in (5, 4, 3, 2)]


async def test_incidents_outside_the_park_are_kept_but_not_counted(engine, officer, park):
    await load(engine, officer, table([(113.11, 27.81), (113.2, 27.81)]))
    assert len((await find(engine, officer, park)).counted) == 1
    async with reading(engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM incident"))).scalar_one() == 2


async def test_a_park_where_nothing_happened_has_cells_and_no_hot_one(engine, officer, park):
    found = await find(engine, officer, park)
    assert len(found.spots.n) > 200
    assert not found.spots.hot.any()
    assert not found.spots.enough


async def test_the_same_file_twice_adds_nothing(engine, officer, park):
    await load(engine, officer, table(gathered()))
    again = await load(engine, officer, table(gathered()))
    assert (again.added, again.known) == (0, 80)
    other = await load(engine, officer, table(gathered()), source="another office")
    assert other.added == 80


async def test_an_id_that_stands_twice_in_a_file_is_added_once(engine, officer):
    csv = table([(113.11, 27.81)]) + table([(113.12, 27.82)]).removeprefix(HEADER)
    done = await load(engine, officer, csv)
    assert (done.added, done.known) == (1, 1)


async def test_a_bad_row_is_told_and_the_others_are_kept(engine, officer):
    done = await load(engine, officer, table([(113.11, 27.81), (0, 0), (113.12, 27.82)]))
    assert done.added == 2
    assert [(row.line, row.reason) for row in done.rejected] == [(3, "0/0 is no position")]


async def test_a_file_with_a_personal_column_leaves_nothing_behind(engine, officer):
    csv = (
        table([(113.11, 27.81)])
        .replace("detection_origin\n", "detection_origin,姓名\n")
        .replace("citizen", "citizen,某")
    )
    with pytest.raises(incidents.PersonalDataError, match="姓名"):
        await load(engine, officer, csv)
    async with reading(engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM incident"))).scalar_one() == 0


async def test_enterprises_are_entered_once_and_corrected_by_name(engine, officer, park):
    first = [parks.NewEnterprise("甲厂", "steel", 113.11, 27.81), parks.NewEnterprise("乙厂", "", 113.12, 27.82)]
    for batch in (first, [parks.NewEnterprise("甲厂", "glass", 113.115, 27.815)], []):
        async with writing(engine) as db:
            assert await parks.import_enterprises(officer, db, park.id, batch) == len(batch)
    async with reading(engine) as db:
        found = await parks.list_enterprises(officer, db, park.id)
    assert {(one.name, one.industry, one.lon_deg) for one in found} == {
        ("甲厂", "glass", 113.115),
        ("乙厂", "", 113.12),
    }


async def test_enterprises_outside_the_park_are_refused_by_name(engine, officer, park):
    both = [parks.NewEnterprise("甲厂", "", 113.11, 27.81), parks.NewEnterprise("丙厂", "", 113.14, 27.81)]
    with pytest.raises(parks.OutsideParkError, match=r"outside 示例园区: 丙厂\. .*GCJ-02"):
        async with writing(engine) as db:
            await parks.import_enterprises(officer, db, park.id, both)
    async with reading(engine) as db:
        assert await parks.list_enterprises(officer, db, park.id) == []


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ({"type": "Point", "coordinates": [113, 27]}, "has to be a Polygon"),
        (
            {"type": "Polygon", "coordinates": [[[113, 27], [113.1, 27.1], [113.1, 27], [113, 27.1], [113, 27]]]},
            "Self-inter",
        ),
        (
            {"type": "Polygon", "coordinates": [[[27, 113], [27.1, 113], [27.1, 113.1], [27, 113]]]},
            "longitude, latitude",
        ),
        ({"type": "Polygon"}, "no GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": "here"}, "no GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": []}, "has to be a Polygon"),
        ({}, "no GeoJSON geometry"),
    ],
)
async def test_a_shape_that_is_no_polygon_in_china_is_refused(engine, officer, shape, sentence):
    with pytest.raises(parks.ShapeRefusedError, match=sentence):
        async with writing(engine) as db:
            await parks.create_park(officer, db, name="x", shape=shape, synthetic=False)


async def test_a_second_park_of_the_same_name_is_refused(engine, officer, park):
    with pytest.raises(parks.ParkExistsError):
        async with writing(engine) as db:
            await parks.create_park(officer, db, name=park.name, shape=shapely.geometry.mapping(PARK), synthetic=False)


@pytest.mark.parametrize("impossible", [{"cell_m": 1.0}, {"cell_m": float("nan")}, {"start": NOW}])
async def test_an_impossible_question_is_refused(engine, officer, park, impossible):
    with pytest.raises(InvalidError):
        await find(engine, officer, park, **impossible)


async def test_an_unknown_park_is_not_found(engine, officer):
    async with reading(engine) as db:
        with pytest.raises(parks.UnknownParkError, match="There is no park 77"):
            await parks.find_hot_spots(officer, db, 77, cell_m=200, **YEAR)
        with pytest.raises(parks.UnknownParkError):
            await parks.list_enterprises(officer, db, 77)


async def test_who_is_not_of_the_parks_may_not_import(engine, mandate: Mandates, park):
    with pytest.raises(NotAllowedError):
        await load(engine, await mandate("dispatcher"), table([(113.11, 27.81)]))
    with pytest.raises(NotAllowedError):
        await find(engine, await mandate("auditor"), park)
