"""Duplicate calls: what is suggested is nearly always one event, and nearly every one event is suggested."""

import csv
import gzip
import random
from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from services.dispatch import similar
from services.dispatch.similar import Told

PRECISION, RECALL = 0.95, 0.9
START = datetime(2026, 11, 1)  # noqa: DTZ001 -- naive on both sides, only differences count
CITY = (113.00, 27.75, 113.25, 27.95)
SAYINGS = {
    "theft": ["{p}门口一辆{c}电动车被偷了", "{p}店里{c}手机被人偷走，人往{d}跑了", "{p}仓库电缆被盗"],
    "violence": ["{p}{n}个人在打架，有人拿{w}", "{p}烧烤摊前打起来了，{n}个人"],
    "dispute": ["{p}两个人为停车吵架", "{p}买{c}东西退货吵起来了", "{p}邻居漏水吵架"],
    "traffic": ["{p}{c}轿车和电动车撞了，有人受伤", "{p}路口{n}车追尾", "{p}一辆{c}货车翻了"],
    "fire": ["{p}{n}楼冒烟着火了", "{p}垃圾站起火"],
    "help": ["{p}电梯困住{n}个人", "{p}有老人摔倒在{d}边"],
    "noise": ["{p}广场音响很吵", "{p}{n}楼半夜装修"],
    "suspicious": ["{p}有个穿{c}衣服的人在看车门", "{p}发现{c}可疑包裹"],
    "medical": ["{p}有人晕倒，穿{c}衣服", "{p}{n}楼老人胸口痛"],
    "missing_person": ["{p}走失一个{n}岁小孩穿{c}衣服", "{p}老人走丢了，往{d}去了"],
}
WORDS = {
    "c": ["红色", "白色", "黑色", "蓝色", "灰色", "银色", "黄色"], "d": ["东", "西", "南", "北", "河", "桥", "车站"],
    "n": ["两", "三", "四", "五", "六", "七", "八", "九"], "w": ["刀", "棍子", "酒瓶", "椅子"],
    "p": ["湘江", "建设", "中心", "人民", "神农", "天台", "炎帝", "沿江", "红旗", "文化", "长江", "泰山"],
}  # fmt: skip
PREFIXES = ("报警，", "快来，", "喂110吗，", "我看到", "")
KIN = {kind: [other for group in similar.KIN if kind in group for other in group] for kind in SAYINGS}


def place_name(rng):
    return (
        rng.choice(WORDS["p"]) + rng.choice(["路", "大道", "街", "广场", "小区", "市场"]) + f"{rng.randint(1, 300)}号"
    )


def first_telling(rng, kind, at, lon, lat):
    values = {name: rng.choice(words) for name, words in WORDS.items()}
    values["p"] = place_name(rng)
    return Told(at, kind, lon, lat, rng.choice(SAYINGS[kind]).format(**values)), values["p"]


def told_again(rng, call):
    """Another caller on the same event: later, some way off, in other words, now and then as another kind."""
    kind = rng.choice(KIN[call.kind] or [call.kind]) if rng.random() < 0.2 else call.kind
    metres = abs(rng.gauss(0, 90))
    lon = call.lon_deg + metres * 1.02e-5 * rng.uniform(-1, 1)
    lat = call.lat_deg + metres * 9e-6 * rng.uniform(-1, 1)
    letters = list(call.words)
    start = rng.randint(0, max(0, len(letters) // 4))
    words = rng.choice(PREFIXES) + "".join(letter for letter in letters[start:] if rng.random() > 0.06)
    known = rng.random() > 0.08
    seconds = min(3600, rng.expovariate(1 / 420))
    return Told(call.at + timedelta(seconds=seconds), kind, lon if known else None, lat if known else None, words)


def judge(calls, truth):
    """Precision and recall of what is suggested, over all pairs; every call is compared as it comes in."""
    calls = sorted(enumerate(calls), key=lambda pair: pair[1].at)
    suggested = set()
    for row, (number, call) in enumerate(calls):
        before = []
        for other_number, other in reversed(calls[:row]):
            if (call.at - other.at).total_seconds() > similar.WINDOW_S:
                break
            before.append((other_number, other))
        for place, _ in similar.most_alike(call, [other for _, other in before]):
            suggested.add(frozenset({number, before[place][0]}))
    hits = len(suggested & truth)
    return hits / len(suggested), hits / len(truth)


def test_injected_duplicates_among_invented_calls_are_found_and_little_else(record_property):
    rng = random.Random(7)  # noqa: S311 -- invented calls
    calls, truth = [], set()
    west, south, east, north = CITY
    centres = [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(25)]
    for _ in range(2500):  # a busy week of a city: 15 an hour, most of them in a few quarters
        lon, lat = rng.choice(centres)
        at = START + timedelta(seconds=rng.uniform(0, 7 * 86400))
        kind = rng.choice(list(SAYINGS))
        call, _ = first_telling(rng, kind, at, lon + rng.gauss(0, 0.006), lat + rng.gauss(0, 0.006))
        calls.append(call)
        if rng.random() < 0.15:
            truth.add(frozenset({len(calls) - 1, len(calls)}))
            calls.append(told_again(rng, call))
    precision, recall = judge(calls, truth)
    record_property("precision", precision)
    record_property("recall", recall)
    print(f"invented calls: precision {precision:.3f}, recall {recall:.3f}, {len(truth)} duplicates")  # noqa: T201
    assert precision >= PRECISION
    assert recall >= RECALL


OF_TYPE = (
    ("TRAF", "traffic"), ("DUI", "traffic"), ("MVC", "traffic"), ("THEFT", "theft"), ("BURG", "theft"),
    ("AUTO", "theft"), ("ROBB", "robbery"), ("ASLT", "violence"), ("FIGHT", "violence"), ("DV", "domestic_violence"),
    ("DIST", "dispute"), ("NOISE", "noise"), ("SUSP", "suspicious"), ("FRAUD", "fraud"), ("MISSING", "missing_person"),
    ("ALARM", "other"),
)  # fmt: skip


def test_injected_duplicates_among_real_calls_are_found_and_little_else(shared_data, record_property):
    """Real kinds, words, times of day and beats of 10,000 calls, brought into one month; places within the beats."""
    rng = random.Random(2026)  # noqa: S311
    beats = defaultdict(lambda: (rng.uniform(CITY[0], CITY[2]), rng.uniform(CITY[1], CITY[3])))
    calls, truth = [], set()
    with gzip.open(shared_data / "calls" / "seattle_pd_calls.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.fromisoformat(row["queued_at"])
            at = START + timedelta(
                days=rng.randrange(30), hours=moment.hour, minutes=moment.minute, seconds=moment.second
            )
            kind = next((kind for mark, kind in OF_TYPE if mark in row["initial_type"]), "help")
            lon, lat = beats[row["beat"]]
            # 72 beats of about 3 km2 each
            call = Told(at, kind, lon + rng.gauss(0, 0.007), lat + rng.gauss(0, 0.007), row["initial_type"])
            calls.append(call)
            if rng.random() < 0.1:
                again = told_again(rng, Told(call.at, "traffic", call.lon_deg, call.lat_deg, call.words))
                truth.add(frozenset({len(calls) - 1, len(calls)}))
                calls.append(Told(again.at, kind, again.lon_deg, again.lat_deg, again.words))
    precision, recall = judge(calls, truth)
    record_property("precision", precision)
    record_property("recall", recall)
    print(f"real calls: precision {precision:.3f}, recall {recall:.3f}, {len(truth)} duplicates")  # noqa: T201
    assert precision >= PRECISION
    assert recall >= RECALL


def test_nothing_is_compared_beyond_the_window_or_the_radius():
    one = Told(START, "theft", 113.1, 27.8, "电动车被偷")
    later = Told(START + timedelta(seconds=similar.WINDOW_S + 1), "theft", 113.1, 27.8, "电动车被偷")
    away = Told(START, "theft", 113.2, 27.8, "电动车被偷")
    assert similar.most_alike(one, [later, away]) == []
    assert [row for row, _ in similar.most_alike(one, [later, away, one])] == [2]


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [("电动车被盗", "电动车被盗", 1), ("", "电动车", None), ("被盗", "着火", 0), ("A-1 路口", "a1路口", 1)],
)
def test_words_are_alike_by_neighbouring_characters(one, other, share):
    assert similar.alike(one, other) == share
