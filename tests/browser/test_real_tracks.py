"""Real positions, imported from files, seen on the replay page."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.city import City
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser

TRACKS = [
    ("wuhan_vehicle.csv", "wuhan_kfgins", "2021-01-08", 3066),
    ("hk_urban_canyon.csv", "hk_tst_2019_BDS", "2019-04-28", 257),
]


@pytest.mark.parametrize(("file", "sign", "day", "count"), TRACKS, ids=[track[1] for track in TRACKS])
def test_a_real_track_is_imported_by_command_and_replayed(
    file, sign, day, count, live_server, database_url, account, visitor, tmp_path, shared_data
):
    command = [sys.executable, "-m", "api.cli", "import", "tracks", shared_data / "tracks" / file, "--crs", "wgs84"]
    options = ["--create-devices", "--rejects", tmp_path / "rejects.csv"]
    environment = {**os.environ, "TIANSHU_DATABASE_URL": database_url}
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    city = City(live_server, database_url, account, tmp_path)
    with city.door("dispatcher") as door:
        (unit,) = [one for one in door.get("/units").json()["items"] if one["call_sign"] == sign]
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    with page.expect_response(lambda answer: "/track?" in answer.url) as track:
        page.goto(f"{live_server}/replay?unit={unit['id']}&day={day}")
    assert len(track.value.json()["rows"]) == count
    expect(page.locator("[data-time]")).to_be_visible()
    began = page.locator("[data-time]").inner_text()
    page.keyboard.press("End")
    expect(page.locator("[data-time]")).not_to_have_text(began)
