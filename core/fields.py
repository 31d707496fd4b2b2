"""Fields that mean the same thing wherever they stand. Import them from `core.forms`."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from wtforms import DateField as _DateField
from wtforms import DateTimeLocalField as _DateTimeLocalField
from wtforms import EmailField as _EmailField
from wtforms import StringField
from wtforms import TimeField as _TimeField
from wtforms.validators import StopValidation

from core.typed import clean_text, format_money, mail_address, parse_money, parse_wall_clock


class EmailField(_EmailField):
    """An address in lower case and NFC, checked for its form only; at most 254 characters."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Lower the case of what was typed."""
        self.data = clean_text(valuelist[0]).lower() if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError unless the data is empty or looks like an address."""
        if not self.data:
            return
        try:
            self.data = mail_address(self.data)
        except ValueError as error:
            raise StopValidation(str(error)) from error


class PersonNameField(StringField):
    """A person's name as they write it: 1 to 120 characters with at least one letter."""

    longest = 120

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for a name without a letter or with more than 120 characters."""
        if not self.data:
            return
        if not any(unicodedata.category(char).startswith("L") for char in self.data):
            raise StopValidation(gettext("A name has at least one letter."))
        if len(self.data) > self.longest:
            raise StopValidation(gettext("A name here has at most %(n)s characters.", n=self.longest))


class CodeField(StringField):
    """A code such as CST1-AST-A: upper case letters A to Z, digits, and single hyphens between them.

    Lower case is accepted and raised. The pattern must match the CHECK constraints of the tables with codes.
    """

    pattern = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")

    def __init__(self, label: Any = None, validators: Any = None, longest: int = 32, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.longest = longest

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Raise the case of what was typed."""
        self.data = clean_text(valuelist[0]).upper() if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for other characters or a code that is too long."""
        if not self.data:
            return
        if not self.pattern.fullmatch(self.data):
            raise StopValidation(gettext("A code has only letters A to Z, digits, and hyphens between them."))
        if len(self.data) > self.longest:
            raise StopValidation(gettext("A code here has at most %(n)s characters.", n=self.longest))


class WholeNumberField(StringField):
    """A whole number within `minimum` and `maximum`, both included; None when left empty."""

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        minimum: int = 0,
        maximum: int = 1_000_000,
        **kwargs: Any,
    ) -> None:
        render_kw = {"inputmode": "numeric", "autocomplete": "off", **(kwargs.pop("render_kw", None) or {})}
        super().__init__(label, validators, render_kw=render_kw, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the number; raises ValueError with the message for its reader."""
        self.data = None
        typed = clean_text(valuelist[0]) if valuelist else ""
        if not typed:
            return
        if not re.fullmatch(r"-?[0-9]{1,12}", typed):
            raise ValueError(gettext("Use digits only, like 12."))
        value = int(typed)
        if not self.minimum <= value <= self.maximum:
            raise ValueError(
                gettext("Use a number from %(low)s to %(high)s.", low=self.minimum, high=self.maximum)
            )
        self.data = value


class MinutesField(WholeNumberField):
    """Whole minutes, 0 to `maximum` (a day's 1,440 unless told otherwise)."""

    def __init__(
        self, label: Any = None, validators: Any = None, minimum: int = 0, maximum: int = 1440, **kwargs: Any
    ) -> None:
        super().__init__(label, validators, minimum=minimum, maximum=maximum, **kwargs)


class MoneyField(StringField):
    """An amount, typed and shown as "12.50", kept as a whole number of the smallest unit: 1250 cents.

    `digits` is the number of decimals of the currency: 2 for dollars and euros, 0 for yen.
    """

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        digits: int = 2,
        minimum: int = 0,
        maximum: int = 100_000_000,
        **kwargs: Any,
    ) -> None:
        render_kw = {"inputmode": "decimal", "autocomplete": "off", **(kwargs.pop("render_kw", None) or {})}
        super().__init__(label, validators, render_kw=render_kw, **kwargs)
        self.digits, self.minimum, self.maximum = digits, minimum, maximum

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_money(self.data, self.digits)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the amount; raises ValueError with the message for its reader."""
        self.data = None
        typed = clean_text(valuelist[0]) if valuelist else ""
        if not typed:
            return
        value = parse_money(typed, self.digits)
        if value is None:
            raise ValueError(
                gettext("Use an amount like %(example)s.", example=format_money(1250, self.digits))
            )
        if not self.minimum <= value <= self.maximum:
            low, high = format_money(self.minimum, self.digits), format_money(self.maximum, self.digits)
            raise ValueError(gettext("Use an amount from %(low)s to %(high)s.", low=low, high=high))
        self.data = value


class RateField(MoneyField):
    """A percentage, typed and shown as "8.875", kept exactly in ten-thousandths of a percent: 88750. None when empty.

    At most 100 percent with four decimals.
    """

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, digits=4, maximum=1_000_000, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return format_money(self.data, 4).rstrip("0").rstrip(".") if self.data else ""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the percentage; raises ValueError with the message for its reader."""
        typed = clean_text(valuelist[0]).removesuffix("%") if valuelist else ""
        try:
            super().process_formdata([typed])
        except ValueError:
            raise ValueError(gettext("Use a percentage from 0 to 100, like 19 or 8.875.")) from None


class UnitsField(StringField):
    """Units as a board counts them, above zero: typed and shown as "28.5", kept exactly in whole thousandths: 28500."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        render_kw = {"inputmode": "decimal", "autocomplete": "off", **(kwargs.pop("render_kw", None) or {})}
        super().__init__(label, validators, render_kw=render_kw, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if not self.data:
            return ""
        return f"{self.data // 1000}.{self.data % 1000:03d}".rstrip("0").rstrip(".")

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the units; raises ValueError with the message for its reader."""
        self.data = None
        typed = clean_text(valuelist[0]) if valuelist else ""
        if not typed:
            return
        if re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", typed):
            whole, part = typed.split(",")
            raise ValueError(
                gettext(
                    "This could mean two numbers. Write %(one)s or %(other)s.",
                    one=whole + part,
                    other=f"{whole}.{part}",
                )
            )
        found = re.fullmatch(r"([0-9]{0,6})(?:[.,]([0-9]{1,3}))?", typed)  # .25 is 0.25
        if not found:
            raise ValueError(gettext("Use a number like 28.5, with at most three decimals."))
        value = int(found[1] or "0") * 1000 + int((found[2] or "").ljust(3, "0"))
        if not value:
            raise ValueError(gettext("Use a number above 0."))
        self.data = value


class DateField(_DateField):
    """A calendar date from 1900 to 2199; no zone, no time."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the date; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        value = parse_wall_clock(valuelist[0], ("%Y-%m-%d",))
        if value is None:
            raise ValueError(gettext("This is not a date. Use year-month-day, like 2027-03-12."))
        self.data = value.date()


class LocalDateTimeField(_DateTimeLocalField):
    """A date and time as a clock on the wall shows it, without a zone: the view adds the class's zone."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, format="%Y-%m-%dT%H:%M", **kwargs)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the moment; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        self.data = parse_wall_clock(valuelist[0], ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"))
        if self.data is None:
            raise ValueError(gettext("This is not a date and time. Use one like 2027-03-12 09:00."))


class TimeField(_TimeField):
    """A time of day as a clock on the wall shows it."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the time; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        value = parse_wall_clock(
            "2000-01-01 " + valuelist[0].strip(), ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
        )
        if value is None:
            raise ValueError(gettext("This is not a time. Use one like 09:00 or 17:30."))
        self.data = value.time()
