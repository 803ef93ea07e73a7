"""Short messages over HTTP: the desk sends and reads them."""

from sqlalchemy import text

from services.db.engine import writing


async def test_the_desk_sends_a_text_and_sees_it_waiting(client, engine):
    desk = await client("dispatcher")
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('rdss:0179773'), ('13900000001')"))
    sent = await desk.post("/messages", json={"device_id": 1, "text": "请返回"})
    assert sent.status_code == 201
    assert (sent.json()["direction"], sent.json()["sent_at"]) == ("out", None)
    await desk.post("/messages", json={"device_id": 1, "text": "收到请回复"})
    page = (await desk.get("/messages", params={"limit": 1})).json()
    assert [each["text"] for each in page["items"]] == ["收到请回复"]
    rest = (await desk.get("/messages", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert ([each["text"] for each in rest["items"]], rest["next_cursor"]) == (["请返回"], None)


async def test_a_text_that_can_not_be_sent_is_refused(client, engine):
    desk = await client("dispatcher")
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('13900000001')"))
    for body, code in (
        ({"device_id": 1, "text": "a"}, 422), ({"device_id": 9, "text": "a"}, 404), ({"device_id": 1, "text": ""}, 422),
    ):  # fmt: skip
        assert (await desk.post("/messages", json=body)).status_code == code


async def test_only_the_desk_reads_and_sends(client):
    patrol = await client("patrol_officer")
    assert (await patrol.get("/messages")).status_code == 403
    assert (await patrol.post("/messages", json={"device_id": 1, "text": "a"})).status_code == 403
