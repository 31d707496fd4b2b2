"""Dates, hours, numbers and money for people: in the reader's language and the class's zone."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
from flask import Flask
from flask_babel import get_locale, gettext

from core.clock import local, local_date


def _locale() -> str:
    return _identifier(get_locale() or "en_US")


_identifier = lru_cache(maxsize=64)(str)


# Formatting is pure and slow (a tenth of a millisecond each); a page has hundreds of dates, most of them alike.
_format_date = lru_cache(maxsize=8192)(babel.dates.format_date)
_format_skeleton = lru_cache(maxsize=4096)(babel.dates.format_skeleton)
_format_interval = lru_cache(maxsize=4096)(babel.dates.format_interval)
_format_time = lru_cache(maxsize=4096)(babel.dates.format_time)
_format_currency = lru_cache(maxsize=4096)(babel.numbers.format_currency)
_format_decimal = lru_cache(maxsize=4096)(babel.numbers.format_decimal)


@lru_cache(maxsize=4096)
def _zone_name(moment: datetime, zone: str, locale: str) -> str:
    # keyed by the zone's name: the same moment in two zones is one key
    name = str(babel.dates.get_timezone_name(local(moment, zone), width="short", locale=locale))
    if name[:1] not in "+-":
        return name
    # A zone without a short name of its own. (Babel's "-0430" for St. John's is an hour off: count it here.)
    offset = local(moment, zone).utcoffset() or timedelta()
    hours, minutes = divmod(abs(int(offset.total_seconds())) // 60, 60)
    if not (hours or minutes):
        return "UTC"
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def full_date(moment: datetime | date, zone: str | None = None) -> str:
    """Friday, March 12, 2027. A moment needs its zone."""
    return _format_date(_day(moment, zone), "full", locale=_locale())


def long_date(moment: datetime | date, zone: str | None = None) -> str:
    """March 12, 2027."""
    return _format_date(_day(moment, zone), "long", locale=_locale())


def medium_date(moment: datetime | date, zone: str | None = None) -> str:
    """Mar 12, 2027."""
    return _format_date(_day(moment, zone), "medium", locale=_locale())


def iso_date(text: str) -> str:
    """March 12, 2027, for a date kept as text (2027-03-12) in a snapshot."""
    return long_date(date.fromisoformat(text))


def weekday_date(moment: datetime | date, zone: str | None = None) -> str:
    """Fri, Mar 12."""
    return _format_skeleton("MMMEd", _as_moment(_day(moment, zone)), locale=_locale())


def weekday_name(moment: datetime | date, zone: str | None = None) -> str:
    """Friday."""
    return _format_date(_day(moment, zone), "EEEE", locale=_locale())


def weekday_range(first: datetime | date, last: datetime | date, zone: str | None = None) -> str:
    """Fri to Mon; one day when both fall on the same day."""
    return _weekday_range(_day(first, zone), _day(last, zone), _locale())


@lru_cache(maxsize=4096)
def _weekday_range(first: date, last: date, locale: str) -> str:
    start, end = (_format_date(day, "EEE", locale=locale) for day in (first, last))
    return start if first == last else str(gettext("%(first)s to %(last)s", first=start, last=end))


def start_time(moment: datetime, zone: str) -> str:
    """from 9:00 AM, on the clock of the zone; the hour is not torn from its AM."""
    return _start_time(clock_time(moment, zone).replace(" ", "\u00a0"), _locale())


@lru_cache(maxsize=1024)
def _start_time(time: str, locale: str) -> str:
    return str(gettext("from %(time)s", time=time))


def month_name(day: date, *, year: bool = True) -> str:
    """Mar 2027, or Mar without its year."""
    return str(_format_skeleton("yMMM" if year else "MMM", _as_moment(day), locale=_locale()))


def date_part(moment: datetime | date, pattern: str, zone: str | None = None) -> str:
    """One part of a date by its CLDR pattern: "EEE" Fri, "d" 12, "MMM" Mar."""
    return _format_date(_day(moment, zone), pattern, locale=_locale())


def clock_time(moment: datetime, zone: str) -> str:
    """9:00 AM, on the clock of the zone."""
    return _format_time(local(moment, zone).time(), "short", locale=_locale()).replace("\u202f", " ")


def date_time(moment: datetime, zone: str) -> str:
    """Friday, March 12, 2027 at 9:00 AM CST: a deadline or a meeting, exact and with its zone."""
    text: str = gettext(
        "%(date)s at %(time)s %(zone)s",
        date=full_date(moment, zone),
        time=clock_time(moment, zone),
        zone=zone_name(moment, zone),
    )
    return text


def zone_name(moment: datetime, zone: str) -> str:
    """The zone's short name at that moment: PST, CDT; UTC+1 where there is none."""
    return _zone_name(moment, zone, _locale())


def date_range(first: datetime | date, last: datetime | date, zone: str | None = None) -> str:
    """Mar 12 – 14, 2027; one date when both fall on the same day. The zone is the class's."""
    start, end = _day(first, zone), _day(last, zone)
    if start == end:
        return medium_date(start)
    return _format_interval(start, end, "yMMMd", locale=_locale()).replace("\u2009", " ")


def time_range(start: datetime, end: datetime, zone: str) -> str:
    """9:00 AM – 10:30 AM."""
    return f"{clock_time(start, zone)} – {clock_time(end, zone)}"


def money(cents: int, currency: str) -> str:
    """$1,234.50 for 123450 cents; currencies without a smaller unit (JPY) have none here either."""
    places = babel.numbers.get_currency_precision(currency)
    amount = Decimal(cents).scaleb(-places)
    return _format_currency(amount, currency, locale=_locale())


def number(value: int | float | Decimal | Fraction, places: int = 1) -> str:
    """A number with at most so many decimal places: 28.5, 24."""
    exact = Decimal(value.numerator) / Decimal(value.denominator) if isinstance(value, Fraction) else value
    pattern = "#,##0." + "#" * places if places else "#,##0"
    return _format_decimal(exact, pattern, locale=_locale())


def hours(minutes: int, places: int = 1) -> str:
    """Clock hours of 60 minutes, with at most so many places: 24, 1.5."""
    return number(Fraction(minutes, 60), places)


def listing(items: Sequence[str]) -> str:
    """A, B, and C."""
    from babel.lists import format_list

    return format_list(list(items), locale=_locale())


def machine(moment: datetime, zone: str = "UTC") -> str:
    """For ``<time datetime>``: 2027-03-12T09:00-06:00."""
    return local(moment, zone).isoformat(timespec="minutes")


def _day(moment: datetime | date, zone: str | None) -> date:
    if isinstance(moment, datetime):
        if zone is None:
            raise ValueError("a moment has no date without a zone")
        return local_date(moment, zone)
    return moment


def _as_moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC"))


FILTERS = (
    full_date,
    long_date,
    iso_date,
    medium_date,
    weekday_date,
    weekday_name,
    date_part,
    weekday_range,
    start_time,
    month_name,
    clock_time,
    date_time,
    date_range,
    time_range,
    zone_name,
    money,
    number,
    hours,
    listing,
    machine,
)


def register_formatting(app: Flask) -> None:
    """Make all of these available in templates, as functions and as filters, by their own names."""
    for function in FILTERS:
        app.jinja_env.globals[function.__name__] = function
        app.jinja_env.filters[function.__name__] = function
