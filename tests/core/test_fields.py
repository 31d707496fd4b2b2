"""Each kind of field: what it takes, what it refuses, and how it shows both."""

import datetime as dt
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from core.forms import (
    CodeField,
    DateField,
    EmailField,
    FieldList,
    Form,
    LocalDateTimeField,
    MinutesField,
    MoneyField,
    Optional,
    PersonNameField,
    RateField,
    SelectField,
    StringField,
    TimeField,
    UnitsField,
    WholeNumberField,
)
from core.typed import clean_text, format_money, parse_money
from tests.core.sending import said, sent

pytestmark = pytest.mark.usefixtures("in_request")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Alice@Tideway.EXAMPLE ", "alice@tideway.example"),
        ("a@bu\u0308cher.example", "a@bücher.example"),
        ("a+b@sub.example.org", "a+b@sub.example.org"),
        ("a@bücher.example", "a@bücher.example"),
    ],
)
def test_an_address_is_kept_in_lower_case(typed: str, kept: str) -> None:
    field = sent(EmailField(), typed)
    assert (field.data, list(field.errors)) == (kept, [])


@pytest.mark.parametrize(
    "typed",
    [
        "alice",
        "a@b",
        "a b@example.com",
        "a@example..com",
        "a@example.com\nb",
        "@example.com",
        "a" * 300 + "@x.org",
    ],
)
def test_what_is_no_address_is_refused_and_kept_for_correction(typed: str) -> None:
    field = sent(EmailField(), typed)
    assert "This is not an email address" in str(field.errors[0])
    assert field._value() == clean_text(typed).lower()


def test_an_address_that_mail_cannot_reach_is_refused_in_plain_words() -> None:
    assert "plain letters a to z before the @" in said(EmailField(), "josé@example.com")


def test_a_tower_of_accents_is_cut_to_what_scripts_use() -> None:
    assert clean_text("x" + "\u0301" * 90) == "x" + "\u0301" * 5
    for name in ("Ọ̀ṣúnlá", "בְּרֵאשִׁ֖ית", "สุภาพรรณ์", "བསྒྲུབས"):
        assert clean_text(name) == unicodedata.normalize("NFC", name)


def test_a_name_may_be_written_in_any_script() -> None:
    for name in ("Łucja Wiśniewska", "Nguyễn", "王小明", "محمد", "O’Brien-Smith", "X"):
        assert sent(PersonNameField(), name).data == name
        assert said(PersonNameField(), name) == ""


def test_a_name_has_a_letter_and_at_most_120_characters() -> None:
    assert said(PersonNameField(), "12 34") == "A name has at least one letter."
    assert said(PersonNameField(), "x" * 120) == ""
    assert said(PersonNameField(), "x" * 121) == "A name here has at most 120 characters."
    assert said(PersonNameField(), "") == ""


def test_a_code_is_raised_to_upper_case() -> None:
    assert sent(CodeField(), " cst1-ast-a ").data == "CST1-AST-A"


@pytest.mark.parametrize("typed", ["CST_1", "CST 1", "-CST", "CST-", "C--1", "ÄB", "１２", "a/b", "A" * 33])
def test_a_code_has_only_letters_digits_and_single_hyphens(typed: str) -> None:
    assert "A code" in said(CodeField(), typed)


@pytest.mark.parametrize(
    ("typed", "minutes"), [("0", 0), (" 90 ", 90), ("1440", 1440), ("007", 7), ("", None)]
)
def test_minutes_are_whole(typed: str, minutes: int | None) -> None:
    field = sent(MinutesField(), typed)
    assert (field.data, list(field.errors)) == (minutes, [])


@pytest.mark.parametrize("typed", ["-1", "1441", "1.5", "1e3", "９０", "ninety", "0x10", "9" * 40])
def test_other_minutes_are_refused_and_what_was_typed_is_shown_again(typed: str) -> None:
    field = sent(MinutesField(), typed)
    assert field.data is None
    assert len(field.errors) == 1
    assert field._value() == typed


def test_a_whole_number_names_its_limits() -> None:
    assert said(WholeNumberField(minimum=1, maximum=40), "41") == "Use a number from 1 to 40."


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("12", 1200), ("12.5", 1250), ("12.50", 1250), ("12,50", 1250), ("0", 0), ("0.05", 5), ("$795", 79500),
        ("1,200", 120000), ("1,200.00", 120000), ("1.200,00", 120000), ("1 200", 120000), ("1’200.50", 120050),
    ],
)  # fmt: skip
def test_money_is_read_as_people_write_it(typed: str, cents: int) -> None:
    field = sent(MoneyField(), typed)
    assert (field.data, list(field.errors)) == (cents, [])


@pytest.mark.parametrize(
    "typed", ["abc", "12.505", "1,20,00", "12.", ".5", "1e2", "--1", "12 50", "١٢", "=1+1", "-5"]
)
def test_what_is_no_amount_is_refused(typed: str) -> None:
    field = sent(MoneyField(), typed)
    assert field.data is None
    assert "amount" in str(field.errors[0])


def test_money_is_shown_as_it_is_typed() -> None:
    assert [format_money(c) for c in (0, 5, 1250, 79500, -4000)] == [
        "0.00",
        "0.05",
        "12.50",
        "795.00",
        "-40.00",
    ]
    assert format_money(1200, 0) == "1200"
    assert sent(MoneyField(digits=0), "1,200").data == 1200
    assert said(MoneyField(digits=0), "12.50") == "Use an amount like 1250."


@given(st.integers(-(10**11), 10**11), st.integers(0, 3))
def test_what_is_shown_reads_back_as_the_same_amount(amount: int, digits: int) -> None:
    assert parse_money(format_money(amount, digits), digits) == amount


def test_an_amount_beyond_its_limits_names_them() -> None:
    assert said(MoneyField(minimum=100, maximum=2000), "30") == "Use an amount from 1.00 to 20.00."


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("19", 190_000), ("8.875", 88_750), ("7,5", 75_000), ("0", 0), ("100%", 1_000_000), ("", None)],
)
def test_a_rate_is_kept_in_ten_thousandths_of_a_percent(typed: str, kept: int | None) -> None:
    assert sent(RateField("Rate"), typed).data == kept


@pytest.mark.parametrize("typed", ["-1", "100.0001", "8.87501", "1/2", "nineteen", "1e1"])
def test_what_is_no_rate_is_refused(typed: str) -> None:
    assert "Use a percentage from 0 to 100" in said(RateField("Rate"), typed)


def test_fields_show_the_data_they_were_given() -> None:
    class Filled(Form):
        price = MoneyField()
        minutes = MinutesField()
        day = DateField()
        starts = LocalDateTimeField()

    day, starts = dt.date(2027, 3, 12), dt.datetime(2027, 3, 12, 9, 0)  # noqa: DTZ001
    form = Filled(formdata=None, data={"price": 79500, "minutes": 0, "day": day, "starts": starts})
    assert [form[name]._value() for name in ("price", "minutes", "day", "starts")] == [
        "795.00",
        "0",
        "2027-03-12",
        "2027-03-12T09:00",
    ]


def test_dates_and_times_are_those_of_a_wall_clock() -> None:
    assert sent(DateField(), "2027-03-12").data == dt.date(2027, 3, 12)
    assert sent(LocalDateTimeField(), "2027-03-12T09:30").data == dt.datetime(2027, 3, 12, 9, 30)  # noqa: DTZ001
    assert sent(LocalDateTimeField(), "2027-03-12 09:30").data == dt.datetime(2027, 3, 12, 9, 30)  # noqa: DTZ001
    assert sent(TimeField(), "17:30").data == dt.time(17, 30)
    for field in (DateField(), LocalDateTimeField(), TimeField()):
        assert (sent(field, "").data, list(sent(field, "").errors)) == (None, [])


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        (DateField(), "12/03/2027"), (DateField(), "2027-02-30"), (DateField(), "0001-01-01"), (DateField(), "9999-01-01"),
        (LocalDateTimeField(), "2027-03-12"), (LocalDateTimeField(), "2027-03-12T25:00"), (TimeField(), "9 o’clock"),
    ],
)  # fmt: skip
def test_what_is_no_date_or_time_is_refused_and_shown_again(field: Any, typed: str) -> None:
    bound = sent(field, typed)
    assert bound.data is None
    assert str(bound.errors[0]).startswith("This is not a")
    assert bound._value() == typed


def test_choices_are_written_as_pairs_also_inside_a_list_of_fields() -> None:
    field = sent(FieldList(SelectField(choices=[("a", "A"), ("b", "B")]), min_entries=1))
    assert [(c.value, c.label) for c in field.entries[0].iter_choices()] == [("a", "A"), ("b", "B")]


def test_text_inside_a_list_of_fields_is_clean_too() -> None:
    class Many(Form):
        it = FieldList(StringField())

    assert Many(formdata=MultiDict({"it-0": " a  b\u202e"})).it.data == ["a b"]


def test_an_optional_field_may_be_empty_or_wrong_only_when_filled() -> None:
    assert said(DateField(validators=[Optional()]), "") == ""
    assert said(DateField(validators=[Optional()]), "x") != ""


@pytest.mark.parametrize(
    ("typed", "thousandths", "shown"),
    [
        ("28.5", 28500, "28.5"),
        ("0,25", 250, "0.25"),
        (".125", 125, "0.125"),
        ("1200", 1_200_000, "1200"),
        (" 3 ", 3000, "3"),
    ],
)
def test_units_are_kept_in_thousandths_and_shown_as_they_can_be_typed(
    typed: str, thousandths: int, shown: str
) -> None:
    assert sent(UnitsField(), typed).data == thousandths

    class Filled(Form):
        units = UnitsField()

    assert Filled(formdata=None, data={"units": thousandths})["units"]._value() == shown


@pytest.mark.parametrize("typed", ["0", "0.000", "-1", "1.2345", "1,200", "1e3", ".", "1.", "½", "1234567"])
def test_what_is_no_unit_or_could_mean_two_numbers_is_refused(typed: str) -> None:
    assert said(UnitsField(), typed)
