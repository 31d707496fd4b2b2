"""What forms say when something is wrong, in the project's own words instead of the library's."""

from flask_babel import gettext, lazy_gettext, ngettext

# WTForms asks for its message by the English text; the placeholders stay as WTForms fills them.
_SINGLE = {
    "This field is required.": lazy_gettext("Fill this in."),
    "Not a valid choice.": lazy_gettext("Choose one from the list."),
    "Invalid Choice: could not coerce.": lazy_gettext("Choose one from the list."),
    "Invalid choice(s): one or more data inputs could not be coerced.": lazy_gettext("Choose from the list."),
    "Choices cannot be None.": lazy_gettext("Choose one from the list."),
    "Invalid input.": lazy_gettext("This is not in the form we need."),
    "Invalid email address.": lazy_gettext("This is not an email address. One looks like name@example.com."),
    "Invalid URL.": lazy_gettext("This is not a web address. One looks like https://example.com."),
    "Not a valid integer value.": lazy_gettext("Use digits only, like 12."),
    "Not a valid decimal value.": lazy_gettext("Use a number, like 12.5."),
    "Not a valid float value.": lazy_gettext("Use a number, like 12.5."),
    "Field must be equal to %(other_name)s.": lazy_gettext("The two do not match."),
    "Number must be at least %(min)s.": lazy_gettext("Use %(min)s or more."),
    "Number must be at most %(max)s.": lazy_gettext("Use %(max)s or less."),
    "Number must be between %(min)s and %(max)s.": lazy_gettext("Use a number from %(min)s to %(max)s."),
    "Date must be at least %(min)s.": lazy_gettext("Use %(min)s or a later date."),
    "Date must be at most %(max)s.": lazy_gettext("Use %(max)s or an earlier date."),
    "Date must be between %(min)s and %(max)s.": lazy_gettext("Use a date from %(min)s to %(max)s."),
    "Field must be between %(min)d and %(max)d characters long.": lazy_gettext(
        "Use between %(min)d and %(max)d characters."
    ),
    "File does not have an approved extension.": lazy_gettext("We cannot read this kind of file."),
}


class PlainWords:
    """The translations object that `core.forms.Form` hands to WTForms."""

    def gettext(self, string: str) -> str:
        """Return the project's message for WTForms' `string`, in the reader's language."""
        return str(_SINGLE[string]) if string in _SINGLE else gettext(string)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Return the project's message for a limit of `n` characters; WTForms fills its placeholder."""
        if "at least" in singular:
            return ngettext("Use at least %%(min)d character.", "Use at least %%(min)d characters.", n)
        if "exactly" in singular:
            return ngettext("Use exactly %%(max)d character.", "Use exactly %%(max)d characters.", n)
        if "longer than" in singular:
            return ngettext("Use at most %%(max)d character.", "Use at most %%(max)d characters.", n)
        return singular if n == 1 else plural
