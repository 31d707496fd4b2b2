"""Which passwords are refused, and how they are kept."""

import pytest
from flask import Flask

from accounts.passwords import check_password, hash_password, is_common, judge_password, needs_rehash
from core.errors import RuleError


def judge(app: Flask, password: str) -> None:
    with app.app_context():
        judge_password(password, email="ada.lindqvist@tideway.example", name="Ada Lindqvist")


@pytest.mark.parametrize(
    "password",
    [
        "slow tide at dawn",
        "tideway-demo",
        "correct horse",
        "żółta łódka 7",
        "密码很长而且不好猜到呢",
        "monkeys eat 9 figs",
        " leading space ok",
    ],
)
def test_a_good_password_is_taken(app: Flask, password: str) -> None:
    judge(app, password)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("ninechars", "at least 10"),
        ("x" * 201, "at most 200"),
        ("password123", "among the first"),
        ("Password2027!", "among the first"),
        ("qwertyuiop", "among the first"),
        ("1234567890", "among the first"),
        ("aaaaaaaaaaaa", "among the first"),
        ("abcabcabcabc", "among the first"),
        ("abcdefghijkl", "among the first"),
        ("zyxwvutsrqpo", "among the first"),
        ("stillpoint1!", "among the first"),
        ("ada.lindqvist@tideway.example", "your name or address"),
        ("Ada-Lindqvist", "your name or address"),
        ("lindqvist1984", "your name or address"),
        ("ADA.LINDQVIST", "your name or address"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused(app: Flask, password: str, told: str) -> None:
    with pytest.raises(RuleError, match=told) as caught:
        judge(app, password)
    assert caught.value.field == "password"


def test_a_word_with_a_long_tail_is_not_common() -> None:
    assert is_common("monkey123456")
    assert not is_common("monkey1970482216")


def test_a_hash_is_salted_and_only_the_password_opens_it() -> None:
    first, second = hash_password("slow tide at dawn"), hash_password("slow tide at dawn")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(first, "slow tide at dawn")
    assert not check_password(first, "slow tide at dusk")
    assert not needs_rehash(first)


def test_the_same_letters_typed_on_two_systems_are_the_same_password() -> None:
    assert check_password(hash_password("caf\u00e9 an der Ecke"), "cafe\u0301 an der Ecke")


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
def test_without_a_hash_no_password_is_right(stored: str | None) -> None:
    assert not check_password(stored, "an account that does not exist")
