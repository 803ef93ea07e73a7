"""What is written as CSV is read as text and numbers, and never run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sheets import Sheet, neutral

FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "-", "+", "-1,5"]


@pytest.mark.parametrize("value", FORMULAS)
def test_a_formula_is_text(value):
    assert neutral(value) == f"'{value}"


@pytest.mark.parametrize("value", [-113.5, 0, None, "-113.5", "+8613800138000", "-.5e-3", "湘B12345", "a=b", ""])
def test_numbers_and_plain_words_stay_as_they_are(value):
    assert neutral(value) == value


@given(st.text(min_size=1))
def test_whatever_begins_like_a_formula_is_a_number_or_has_an_apostrophe(value):
    said = neutral(value)
    if said.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        assert isinstance(float(said), float)


@given(st.lists(st.lists(st.text(), min_size=2), min_size=1))
def test_rows_come_back_as_they_went_but_for_the_apostrophe(rows):
    out = io.StringIO(newline="")
    Sheet(out).add_all(rows)
    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [
        [neutral(cell) for cell in row] for row in rows
    ]
