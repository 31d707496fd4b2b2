"""What every form does: clean text, answers that must be there, the summary of what is wrong."""

import inspect
import re
import runpy
from typing import Any

import pytest
import wtforms.fields.choices
import wtforms.validators
import wtforms.widgets.core
from flask_babel import lazy_gettext
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from core.forms import (
    BooleanField,
    EqualTo,
    FieldError,
    FieldList,
    FileField,
    Form,
    FormField,
    Length,
    MinutesField,
    MoneyField,
    PasswordField,
    RadioField,
    Required,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    error_list,
    html_attributes,
)
from core.plainwords import PlainWords
from core.typed import clean_text
from tests.core.pages_app import make_app
from tests.core.sending import said, sent

pytestmark = pytest.mark.usefixtures("in_request")


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
