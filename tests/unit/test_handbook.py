"""The tables of dispatch: what ships is whole, what an operator writes is checked."""

import re
from importlib import resources

import pytest

from services import dispatch
from services.dispatch import HandbookError, handbook
from services.settings import Settings

CONFIRMED = {
    ("中华人民共和国人民警察法", "第六条"),
    ("中华人民共和国人民警察法", "第九条"),
    ("中华人民共和国人民警察法", "第二十一条"),
    ("中华人民共和国反家庭暴力法", "第十五条"),
    ("中华人民共和国反家庭暴力法", "第十六条"),
    ("中华人民共和国道路交通安全法", "第七十条"),
    ("中华人民共和国道路交通安全法", "第七十二条"),
}
"""Articles whose numbers somebody looked up; a guide names no other."""


def shipped() -> str:
    return (resources.files("services.dispatch") / "dispatch.toml").read_text(encoding="utf-8")


def test_every_kind_of_call_has_guidance_questions_and_a_mnemonic_of_its_own():
    tables, guides = dispatch.tables(Settings()), dispatch.guides(Settings())
    assert len(tables.kinds) >= 12
    assert set(guides) == set(tables.kinds)
    assert len({kind.mnemonic for kind in tables.kinds.values()}) == len(tables.kinds)
    for code, kind in tables.kinds.items():
        assert kind.questions, code
        assert guides[code].documents, code
        assert len({step.id for step in guides[code].steps}) == len(guides[code].steps) >= 4, code


def test_a_guide_names_only_articles_that_were_confirmed_and_is_a_draft_until_reviewed():
    for guide in dispatch.guides(Settings()).values():
        named = [*guide.basis, *(basis for step in guide.steps for basis in step.basis)]
        assert {(basis.law, basis.article) for basis in named if basis.article} <= CONFIRMED
        assert guide.review.state == "draft"


def test_the_words_of_terminals_are_steps():
    words = dispatch.tables(Settings()).device
    steps = {step.value for step in dispatch.Step}
    assert set(words.text) | set(words.codes.values()) <= steps


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda text: text.replace("accept_s = 60 ", 'accept_s = "soon" '), "timers.accept_s"),
        (lambda text: text.replace("[targets]", "[aims]"), "targets"),
        (lambda _: "version = ", "can't be read"),
    ],
)
def test_a_mistake_in_the_tables_is_named(tmp_path, change, where):
    file = tmp_path / "mine.toml"
    file.write_text(change(shipped()), encoding="utf-8")
    with pytest.raises(HandbookError, match=f"mine.toml.*{re.escape(where)}"):
        handbook.tables(Settings(dispatch_file=file))


def test_an_operators_own_table_replaces_the_shipped_one(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(shipped().replace("town_s = 300", "town_s = 240"), encoding="utf-8")
    targets = dispatch.tables(Settings(dispatch_file=file)).targets
    assert (targets.of("430211"), targets.of("430225"), targets.of(None)) == (240, 600, 600)
