"""The desk: kept per officer, handed over between shifts."""


async def test_an_officer_finds_his_console_as_he_left_it_and_nobody_elses(client):
    mine, other = await client("dispatcher"), await client("dispatcher")
    assert (await mine.get("/desk")).json()["tab"] is None
    layout = {"tab": "calls", "division": "430203", "muted": True, "view": [113.13, 27.83, 12.5]}
    assert (await mine.put("/desk", json=layout)).status_code == 204
    assert (await mine.put("/desk", json=layout | {"tab": "alerts"})).status_code == 204
    kept = (await mine.get("/desk")).json()
    assert {name: kept[name] for name in layout} == layout | {"tab": "alerts"}
    assert (await other.get("/desk")).json()["tab"] is None


async def test_a_desk_holds_what_a_console_has_and_nothing_else(client):
    mine = await client("dispatcher")
    assert (await mine.put("/desk", json={"anything": "x" * 1000})).status_code == 422


async def test_a_note_names_the_open_calls_and_is_signed_by_the_next_shift_once(client):
    leaving, coming, third = await client("dispatcher"), await client("dispatcher"), await client("dispatcher")
    body = {"kind": "theft", "priority": 2, "lon_deg": 113.13, "lat_deg": 27.83}
    call = (await leaving.post("/calls", json=body)).json()
    note = (await leaving.post("/desk/notes", json={"text": " 天元-01 换电台 "})).json()
    assert (note["text"], note["open_calls"], note["mine"]) == ("天元-01 换电台", [call["id"]], True)
    own = await leaving.post(f"/desk/notes/{note['id']}/take")
    assert own.status_code == 409
    (seen,) = (await coming.get("/desk/notes")).json()
    assert (seen["mine"], seen["taken_by"]) == (False, None)
    taken = (await coming.post(f"/desk/notes/{note['id']}/take")).json()
    assert taken["taken_by"].startswith("dispatcher")
    again = await third.post(f"/desk/notes/{note['id']}/take")
    assert again.status_code == 409
    assert taken["taken_by"] in again.json()["detail"]
    assert (await coming.post("/desk/notes/999999/take")).status_code == 404


async def test_a_blank_note_is_refused(client):
    leaving = await client("dispatcher")
    assert (await leaving.post("/desk/notes", json={"text": "  "})).status_code == 422


async def test_the_page_learns_from_the_server_when_a_unit_is_stale(client, settings):
    assert (await (await client("dispatcher")).get("/me")).json()["stale_after_s"] == settings.stale_after_s
