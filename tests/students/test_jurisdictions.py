"""Where a license is from: US states in two letters, other places as they are written."""

import pytest
from flask import Flask

from core.errors import RuleError
from students.jurisdictions import JURISDICTIONS, jurisdiction_name, jurisdiction_of, one_spelling


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("or", "OR"),
        (" Oregon ", "OR"),
        ("OREGON", "OR"),
        ("oregon", "OR"),
        ("State of Oregon", "OR"),
        ("new  york", "NY"),
        ("N.Y.", "NY"),
        ("Washington, D.C.", "DC"),
        ("Washington", "WA"),
        ("US Virgin Islands", "VI"),
        ("gu", "GU"),
        ("Portugal", "PORTUGAL"),
        ("pt", "PT"),
        ("British Columbia", "BRITISH COLUMBIA"),
        ("日本", "日本"),
    ],
)
def test_a_state_is_kept_as_its_letters_and_another_place_as_written(
    app: Flask, typed: str, kept: str
) -> None:
    assert jurisdiction_of(typed) == kept


@pytest.mark.parametrize("typed", ["ZZ", "zz", "XQ", "12", "--", "O", "EU", "1234 5"])
def test_what_is_no_place_is_refused_by_name(app: Flask, typed: str) -> None:
    with (
        app.test_request_context(),
        pytest.raises(RuleError, match=f"“{typed.upper()}” is neither") as caught,
    ):
        jurisdiction_of(typed)
    assert caught.value.field == "license_state"


@pytest.mark.parametrize("typed", ["", "  ", "x" * 41])
def test_nothing_and_too_much_are_refused(app: Flask, typed: str) -> None:
    with app.test_request_context(), pytest.raises(RuleError):
        jurisdiction_of(typed)


def test_every_state_is_found_by_its_name_and_named_by_its_letters() -> None:
    assert len(JURISDICTIONS) == 50 + len(["DC", "AS", "GU", "MP", "PR", "VI"])
    assert all(jurisdiction_of(name) == code for code, name in JURISDICTIONS.items())
    assert jurisdiction_name("or") == jurisdiction_name("OREGON") == "Oregon"


def test_comparing_refuses_nothing_and_loses_nothing() -> None:
    assert [one_spelling(written) for written in ("ZZ", "", " St. Helena ", "7")] == [
        "ZZ",
        "",
        "ST. HELENA",
        "7",
    ]
