"""What `make check` and `make audit` make of the answers of the vulnerability service."""

import runpy
from pathlib import Path

import pytest

judge = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "audit.py"))["judge"]
SOUND = {"name": "sound", "version": "1", "vulns": []}
HOLED = {"name": "holed", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "unheard-of", "skip_reason": "not found"}


@pytest.mark.parametrize("where_possible", [True, False])
def test_a_known_hole_fails_everywhere_and_names_the_version_that_mends_it(where_possible, capsys):
    assert judge([SOUND, HOLED, UNKNOWN], where_possible=where_possible) == 1
    assert "holed 2: CVE-1, mended in 3" in capsys.readouterr().out


@pytest.mark.parametrize("answers", [[SOUND, UNKNOWN], []])
def test_a_library_that_was_not_audited_is_told_and_fails_only_where_all_must_be(answers, capsys):
    assert judge(answers, where_possible=True) == 0
    assert judge(answers, where_possible=False) == 2
    assert "knows nothing of unheard-of" in capsys.readouterr().out or not answers


def test_libraries_without_known_holes_pass():
    assert judge([SOUND], where_possible=False) == 0
