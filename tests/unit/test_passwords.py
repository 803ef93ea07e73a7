"""What may be a password (NIST SP 800-63B-4, 3.1.1)."""

import importlib.util
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access import passwords


def check(password: str, username: str = "liuyang", *, second_factor: bool = False) -> None:
    passwords.check(password, username, second_factor=second_factor)


@pytest.mark.parametrize(
    "password", ["a few unrelated words", "三更灯火五更鸡正是男儿读书时候", " leading and trailing ", "x7#kQ!pL2vR9zT4"]
)
def test_spaces_and_every_script_are_welcome_and_nothing_is_composed(password):
    check(password)


def test_a_password_alone_has_fifteen_characters_and_beside_a_factor_twelve():
    with pytest.raises(passwords.WeakPasswordError, match="15"):
        check("horse battery")
    check("horse battery", second_factor=True)
    with pytest.raises(passwords.WeakPasswordError, match="12"):
        check("horse batte", second_factor=True)
    check("words worth a hundred characters and more, " * 3)
    with pytest.raises(passwords.WeakPasswordError, match="200"):
        check("long enough to be silly " * 10)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("passwordpassword", "common"),
        ("Password12345678!", "common"),
        ("correct-horse-battery-staple", "common"),
        ("woaini1314!!!!!!!", "common"),
        ("430202199001011234", "digits"),
        ("aaaaaaaaaaaaaaaaa", "repeats"),
        ("xy8xy8xy8xy8xy8xy8", "repeats"),
        ("abcdefghijklmnopq", "run"),
        ("qwertyuiopasdfghj", "run"),
        ("LiuYang-LiuYang-2026", "user name"),
        ("tianshu-tianshu-2026", "name of this service"),
    ],
)
def test_what_is_guessed_first_is_refused_with_the_reason(password, reason):
    with pytest.raises(passwords.WeakPasswordError, match=reason):
        check(password)


def test_two_spellings_of_the_same_text_are_one_password():
    composed, parted = unicodedata.normalize("NFC", "café à la crème"), unicodedata.normalize("NFD", "café à la crème")
    assert composed != parted
    assert passwords._matches(passwords.hashed(composed), parted)


@given(st.text(min_size=15, max_size=60))
def test_no_text_makes_the_check_fail_in_any_other_way(text):
    try:
        check(text)
    except passwords.WeakPasswordError:
        return
    assert len(text) >= passwords.MIN_ALONE


async def test_nobody_has_no_password():
    assert not await passwords.matches(None, "anything")


def test_a_made_password_passes_its_own_rules():
    for _ in range(50):
        check(passwords.make())


def test_a_password_is_kept_as_rfc_9106_recommends():
    spec = importlib.util.find_spec("services.access.passwords")
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)  # the tests hash at a lower cost
    spec.loader.exec_module(fresh)
    assert fresh.hashed("four unrelated words").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
