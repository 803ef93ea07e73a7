"""Every act that can stand in the audit trail has words on the auditor's page."""

from pathlib import Path

import pytest

from services import access

WORDS = Path(__file__).parents[2] / "maps/web/src/i18n"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_act_has_words(language):
    words = (WORDS / f"audit.{language}.ts").read_text(encoding="utf-8")
    assert [act for act in access.Act if f'"act.{act}":' not in words] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_purpose_has_words(language):
    words = (WORDS / f"audit.{language}.ts").read_text(encoding="utf-8")
    assert [purpose for purpose in access.Purpose if f'"purpose.{purpose}":' not in words] == []
