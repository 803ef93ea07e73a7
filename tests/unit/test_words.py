"""Words on screen: both languages have the same ones, with the same blanks to fill in, and every page finds its own."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "maps/web/src"
PAIR = re.compile(r'^  "([\w.]+)": "((?:[^"\\]|\\.)*)",$', re.MULTILINE)
BLANK = re.compile(r"\{\w+\}")
TABLES = sorted(set(SOURCE.glob("i18n/*zh.ts")) - set(SOURCE.glob("i18n/sentences*")))
"""English sentences are their own keys: the service says them, see tests/house/test_sentences.py."""


def words(path: Path) -> dict[str, str]:
    return dict(PAIR.findall(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("chinese", TABLES, ids=lambda path: path.stem)
def test_both_languages_say_the_same_things_with_the_same_blanks(chinese):
    zh, en = words(chinese), words(chinese.with_name(chinese.name.replace("zh.ts", "en.ts")))
    assert zh.keys() == en.keys()
    assert len(zh) >= 20
    blanks = {key: (set(BLANK.findall(zh[key])), set(BLANK.findall(en[key]))) for key in zh}
    assert {key: pair for key, pair in blanks.items() if pair[0] != pair[1]} == {}
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []


def test_chinese_is_chinese_and_english_is_english():
    han = re.compile(r"[\u4e00-\u9fff]")
    english = {key: text for path in SOURCE.glob("i18n/*en.ts") for key, text in words(path).items()}
    own_name = {"shell.language", "shell.language_label"}  # the other language is named in its own words
    assert {key: text for key, text in english.items() if han.search(text)}.keys() <= own_name


def test_every_word_that_a_page_asks_for_by_name_is_in_a_table():
    known = {key for path in TABLES for key in words(path)}
    asked = {
        (key, path.name)
        for path in SOURCE.rglob("*.ts")
        if path.parent.name != "i18n"
        for key in re.findall(r'\bt\(\s*"([\w.]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 200
    assert {pair for pair in asked if pair[0] not in known} == set()
