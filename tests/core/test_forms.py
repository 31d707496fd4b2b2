import datetime as dt
import inspect
import re
import runpy
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
import wtforms.fields.choices
import wtforms.validators
import wtforms.widgets.core
from flask import Flask
from flask_babel import lazy_gettext
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from core.forms import (
    BooleanField,
    CodeField,
    DateField,
    EmailField,
    EqualTo,
    FieldError,
    FieldList,
    FileField,
    Form,
    FormField,
    Length,
    LocalDateTimeField,
    MinutesField,
    MoneyField,
    Optional,
    PasswordField,
    PersonNameField,
    RadioField,
    Required,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
    WholeNumberField,
    error_list,
    html_attributes,
)
from core.plainwords import PlainWords
from core.typed import clean_text, format_money, parse_money
from tests.core.pages_app import make_app


@pytest.fixture(scope="module")
def web() -> Flask:
    return make_app(WTF_CSRF_ENABLED=False)


@pytest.fixture(autouse=True)
def _request(web: Flask) -> Iterator[None]:
    with web.test_request_context(method="POST"):
        yield


def sent(field: Any, *values: str) -> Any:
    """Return the field after it was sent with `values` and validated."""

    class One(Form):
        it = field

    form = One(formdata=MultiDict([("it", value) for value in values]))
    form.validate()
    return form["it"]


def said(field: Any, *values: str) -> str:
    """Return what the form says about it, empty when all is well."""
    return " ".join(str(message) for message in sent(field, *values).errors)


# ── text ──


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Alice   Okafor ", "Alice Okafor"),
        ("Alice\tOkafor\r\n", "Alice Okafor"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        ("abc\u202edef\u202c", "abcdef"),
        ("\u2066x\u2069\u200b\ufeff", "x"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("नम\u200dस्ते", "नम\u200dस्ते"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u00a0b\u3000c", "a b c"),
        ("", ""),
    ],
)
def test_text_arrives_clean(typed: str, kept: str) -> None:
    assert clean_text(typed) == kept
    assert sent(StringField(), typed).data == kept


def test_a_text_area_keeps_its_lines() -> None:
    assert sent(TextAreaField(), "one  \r\n\r\n  two\u202e\r\n").data == "one\n\n  two"


def test_a_password_is_left_alone() -> None:
    assert sent(PasswordField(), "  two  spaces \u200b").data == "  two  spaces \u200b"


def test_a_field_s_own_filters_run_after_the_cleaning() -> None:
    assert sent(StringField(filters=[lambda data: f"<{data}>"]), "  a  b ").data == "<a b>"


@given(st.text(max_size=60))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
    assert clean_text(clean_text(text, lines=True), lines=True) == clean_text(text, lines=True)


def test_a_text_of_spaces_is_not_an_answer() -> None:
    assert said(StringField(validators=[Required()]), " \u200b ") == "Fill this in."


def test_lengths_are_told_in_plain_words() -> None:
    assert said(StringField(validators=[Length(max=3)]), "abcd") == "Use at most 3 characters."
    assert said(StringField(validators=[Length(max=1)]), "abcd") == "Use at most 1 character."
    assert said(StringField(validators=[Length(min=5)]), "abcd") == "Use at least 5 characters."
    assert said(StringField(validators=[Length(min=5, max=5)]), "abcd") == "Use exactly 5 characters."
    assert said(StringField(validators=[Length(min=5, max=9)]), "abcd") == "Use between 5 and 9 characters."


# ── answers that must be there ──


def test_zero_is_an_answer_and_nothing_is_not() -> None:
    assert said(MinutesField(validators=[Required()]), "0") == ""
    assert said(MoneyField(validators=[Required()]), "0.00") == ""
    assert said(MinutesField(validators=[Required()]), "") == "Fill this in."
    assert said(MinutesField(validators=[Required()])) == "Fill this in."


def test_a_box_must_be_ticked_and_a_choice_be_made() -> None:
    choices = [("", "–"), ("a", "A")]
    assert said(BooleanField(validators=[Required()])) == "Tick this to go on."
    assert said(BooleanField(validators=[Required()]), "y") == ""
    assert said(SelectField(choices=choices, validators=[Required()]), "") == "Choose one."
    assert said(SelectMultipleField(choices=choices, validators=[Required()])) == "Choose one."
    assert said(SelectField(choices=choices), "z") == "Choose one from the list."


def test_a_message_of_one_s_own_replaces_the_words() -> None:
    assert said(StringField(validators=[Required(lazy_gettext("Say who."))]), "") == "Say who."


def test_a_value_that_cannot_be_read_gets_one_message() -> None:
    assert sent(MoneyField(validators=[Required()]), "abc").errors == ["Use an amount like 12.50."]


def test_a_required_field_tells_the_browser_so() -> None:
    assert " required" in sent(StringField(validators=[Required()]), "a")()


# ── kinds of fields ──


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


# ── the summary ──


class Inner(Form):
    class Meta(Form.Meta):
        csrf = False

    number = StringField("Number", [Required()])


class Outer(Form):
    name = StringField("Name", [Required()])
    kind = RadioField("Kind", choices=[("a", "A")], validators=[Required()])
    secret = PasswordField("Password")
    again = PasswordField("Password again", [EqualTo("secret")])
    license = FormField(Inner)
    sessions = FieldList(StringField("Session", [Required()]), min_entries=2)


def test_the_summary_lists_every_error_in_the_order_of_the_page_and_links_to_it() -> None:
    form = Outer(formdata=MultiDict({"secret": "a", "again": "b", "sessions-0": "x", "sessions-1": ""}))
    assert not form.validate()
    form.form_errors.append("The class is full.")
    assert error_list(form) == [
        FieldError(None, "", "The class is full."),
        FieldError("name", "Name", "Fill this in."),
        FieldError("kind-0", "Kind", "Choose one."),
        FieldError("again", "Password again", "The two do not match."),
        FieldError("license-number", "Number", "Fill this in."),
        FieldError("sessions-1", "Session", "Fill this in."),
    ]


def test_a_form_without_errors_has_an_empty_summary() -> None:
    assert error_list(Outer(formdata=None)) == []


def test_a_form_without_its_token_says_what_to_do() -> None:
    with make_app().test_request_context(method="POST"):

        class Plain(Form):
            name = StringField("Name")

        form = Plain(formdata=MultiDict({"name": "A"}))
        assert not form.validate()
        assert [error.message for error in error_list(form)] == [
            "This page was open for a long time. Send it once more."
        ]


def test_a_file_that_was_not_chosen_is_missing() -> None:
    assert said(FileField(validators=[Required()])) == "Choose a file."


def test_no_message_of_the_library_reaches_a_reader() -> None:
    """Every English text that our fields' base classes may show has words of our own."""
    source = inspect.getsource(wtforms.fields.choices) + inspect.getsource(wtforms.validators)
    texts = set(re.findall(r'gettext\(\s*"([^"]+)"\s*\)', source))
    assert len(texts) > 10
    unused = {t for t in texts if re.search("IP|Mac|UUID|edited|disabled|values|field name", t)}
    assert {t for t in texts - unused if PlainWords().gettext(t) == t} == set()


def test_attributes_are_written_as_wtforms_writes_them() -> None:
    fresh = runpy.run_path(str(wtforms.widgets.core.__file__))
    attributes: dict[str, Any] = {
        "class_": 'a "b" <c>',
        "data_some_thing": Markup('<b title="x">'),
        "aria_hidden": "true",
        "checked": True,
        "disabled": False,
        "maxlength": 40,
        "value": None,
    }
    assert html_attributes(**attributes) == fresh["html_params"](**attributes)
    assert isinstance(html_attributes(**attributes), Markup)
