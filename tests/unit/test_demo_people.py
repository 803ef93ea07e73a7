"""The demo's people: invented, plenty, and never persons."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely

from demo import ground, incidents, people
from demo.network import Network
from services.ingest import incidents as door
from tests.builders import demo_city

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def land() -> ground.Ground:
    return demo_city.land()


@pytest.fixture
def network() -> Network:
    return demo_city.network()


def test_three_hundred_units_of_six_kinds_serve_in_their_own_divisions(land: ground.Ground, network: Network) -> None:
    units = people.units(land, network)
    assert len(units) == 300
    assert Counter(unit.division for unit in units) == {code: n for code, (_, n) in people.STRENGTH.items()}
    assert {unit.kind for unit in units} == {kind.name for kind in people.KINDS}
    for unit in units:
        assert shapely.contains_xy(ground.to_degrees(land.districts[unit.division][1]), unit.lon_deg, unit.lat_deg)


def test_no_two_units_share_a_call_sign_or_a_terminal(land: ground.Ground, network: Network) -> None:
    units = people.units(land, network)
    assert len({unit.call_sign for unit in units}) == len({unit.phone for unit in units}) == 300
    assert {unit.version for unit in units} == {"2013", "2019"}
    assert all(unit.phone.isdigit() and len(unit.phone) == 12 and unit.phone.startswith("99") for unit in units)


def test_the_same_seed_invents_the_same_people(land: ground.Ground, network: Network) -> None:
    assert people.units(land, network) == people.units(land, network)
    assert people.parks(land) == people.parks(land)
    assert people.areas() == people.areas()
    assert incidents.build(people.parks(land), NOW) == incidents.build(people.parks(land), NOW)


def test_parks_are_dry_and_their_enterprises_lie_inside(land: ground.Ground) -> None:
    parks = people.parks(land)
    assert 6 <= len(parks) <= 10
    for park in parks:
        shape = ground.to_metres(park.shape)
        assert shape.is_valid
        assert land.boundary.contains(shape)
        assert shape.distance(land.water) > 300.0
        assert all(shapely.contains_xy(park.shape, lon, lat) for _, _, lon, lat in park.enterprises)
        assert all(name.startswith("示例-") for name, *_ in park.enterprises)
        assert len({name for name, *_ in park.enterprises}) == len(park.enterprises)


def test_incidents_cover_two_years_and_pass_the_door_that_refuses_persons(land: ground.Ground) -> None:
    planned = incidents.build(people.parks(land), NOW)
    assert min(one.at for one in planned) < NOW - timedelta(days=700)
    assert max(one.at for one in planned) < NOW
    accepted = door.read_incidents(incidents.as_csv(planned), epsg=4490, now=NOW)
    assert len(accepted.rows) == len(planned)
    assert not accepted.rejected


def test_hot_spots_are_where_they_were_planted(land: ground.Ground) -> None:
    park = people.parks(land)[0]
    planned = [one for one in incidents.build([park], NOW) if one.detection_origin != "inspection"]
    places = np.array([(one.lon_deg * 98_500, one.lat_deg * 110_800) for one in planned])
    density = len(planned) / ground.to_metres(park.shape).area
    for lon, lat in incidents.hot_spots(park):
        near = np.hypot(*(places - (lon * 98_500, lat * 110_800)).T) < 250.0
        assert near.sum() > 3 * density * np.pi * 250.0**2
