"""Road networks over HTTP: the list, the tiles, and the graph in memory."""

import asyncio
import math

import geopandas
import pytest
import shapely
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from api import graph
from api.main import create_app
from services.db.engine import make_engine
from services.settings import Settings
from tests.builders import town


@pytest.fixture
async def desk(client):
    return await client("dispatcher")


@pytest.fixture
async def roads(engine):
    await town.store_roads(engine)


def tile_at(lon_deg, lat_deg, z):
    """The address of the Web Mercator tile that holds a place."""
    y = (1 - math.asinh(math.tan(math.radians(lat_deg))) / math.pi) / 2
    return f"{z}/{int((lon_deg + 180) / 360 * 2**z)}/{int(y * 2**z)}"


async def tile(desk, z, place=town.WEST):
    answer = await desk.get(f"/roads/zhuzhou/{tile_at(*place, z)}.mvt")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    return answer.content


async def test_the_list_says_what_is_invented(desk, roads):
    (network,) = (await desk.get("/roads")).json()["items"]
    assert (network["name"], network["synthetic"], network["attribution"]) == ("zhuzhou", True, "")


async def test_a_tile_holds_the_roads_of_its_square_with_class_and_name(desk, roads):
    content = await tile(desk, 14)
    for word in ("roads", "highway", "name", "primary", "西岸路"):
        assert word.encode() in content
    assert "岛上路".encode() not in content
    assert await tile(desk, 14, (100.0, 10.0)) == b""


async def test_small_roads_are_drawn_at_close_zoom_levels_only(desk, roads):
    assert [name in await tile(desk, 7) for name in (b"trunk", b"primary", b"residential")] == [True, False, False]
    assert [name in await tile(desk, 9) for name in (b"trunk", b"primary", b"residential")] == [True, True, False]
    place = town.NODES[2]
    assert [name in await tile(desk, 12, place) for name in (b"trunk", b"primary", b"residential")] == [True] * 3


async def test_pieces_of_one_street_are_one_line_where_the_street_is(desk, roads, tmp_path):
    address = tile_at(*town.SCENE, 12)
    file = tmp_path / f"{address}.pbf"  # the place of a tile is in its name
    file.parent.mkdir(parents=True)
    file.write_bytes(await tile(desk, 12, town.SCENE))
    streets = geopandas.read_file(file, layer="roads").to_crs(4326).set_index("name").geometry
    assert list(streets.index).count("东岸路") == 1
    line = streets["东岸路"]
    assert line.geom_type == "LineString"
    assert shapely.distance(line, shapely.Point(town.SCENE)) < 1e-4
    assert line.bounds[0] == pytest.approx(town.SCENE[0], abs=1e-4)


async def test_the_browser_keeps_a_tile_until_the_network_is_imported_again(desk, roads, engine):
    path = f"/roads/zhuzhou/{tile_at(*town.WEST, 12)}.mvt"
    first = await desk.get(path)
    assert "max-age" in first.headers["cache-control"]
    headers = {"If-None-Match": first.headers["etag"]}
    assert (await desk.get(path, headers=headers)).status_code == 304
    await town.store_roads(engine)
    assert (await desk.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize(("address", "status"), [("3/8/0", 422), ("23/0/0", 422), ("-1/0/0", 422), ("x/0/0", 422)])
async def test_a_tile_that_can_not_be_is_refused(desk, roads, address, status):
    assert (await desk.get(f"/roads/zhuzhou/{address}.mvt")).status_code == status


async def test_a_network_nobody_imported_is_not_found(desk):
    answer = await desk.get("/roads/atlantis/1/0/0.mvt")
    assert answer.status_code == 404
    assert "atlantis" in answer.json()["detail"]


async def test_the_graph_in_memory_follows_the_imports(application, engine):
    assert application.state.roads is None
    await town.store_roads(engine)
    await graph.refresh(application)
    first = application.state.roads
    await graph.refresh(application)
    assert application.state.roads is first
    await town.store_roads(engine)
    await graph.refresh(application)
    assert application.state.roads.network_id != first.network_id
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM road_network"))
    await graph.refresh(application)
    assert application.state.roads is None


async def test_while_the_database_is_away_the_graph_in_memory_stays(own_cluster, tmp_path):
    url = own_cluster.url()
    engine = make_engine(url)
    await town.store_roads(engine)
    await engine.dispose()
    app = create_app(Settings(database_url=url, data_dir=tmp_path))
    async with LifespanManager(app):
        await graph.refresh(app)
        loaded = app.state.roads
        assert loaded is not None
        await asyncio.to_thread(own_cluster.stop)
        await graph.refresh(app)
        assert app.state.roads is loaded
        await asyncio.to_thread(own_cluster.start)
        await graph.refresh(app)
        assert app.state.roads is loaded
