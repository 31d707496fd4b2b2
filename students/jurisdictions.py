"""The states and territories of the United States that license; elsewhere the jurisdiction is written out."""

from functools import cache

from babel import Locale
from flask_babel import gettext as _

from core.errors import RuleError

LONGEST = 40

JURISDICTIONS = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AS": "American Samoa",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "GU": "Guam",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MP": "Northern Mariana Islands",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "PR": "Puerto Rico",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VI": "U.S. Virgin Islands",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
}


# What else people write for one of them.
_ALIASES = {
    "WASHINGTON DC": "DC",
    "US VIRGIN ISLANDS": "VI",
    "COMMONWEALTH OF THE NORTHERN MARIANA ISLANDS": "MP",
}
_LETTERS = {name.upper(): code for code, name in JURISDICTIONS.items()} | _ALIASES


def jurisdiction_name(code: str) -> str:
    """The jurisdiction in words; one that is not in the list stays as it was written."""
    return JURISDICTIONS.get(one_spelling(code), code)


def one_spelling(typed: str) -> str:
    """How a jurisdiction is kept and compared: a US state as its two letters, anything else as typed, in capitals.

    "oregon", "O.R." and "State of Oregon" are all OR. Nothing is refused, and what is no state loses no word.
    """
    tidy = " ".join(typed.split()).upper()
    plain = " ".join(tidy.replace(".", "").replace(",", " ").split())
    for written in (tidy, plain, plain.removeprefix("STATE OF "), plain.replace(" ", "")):
        if written in JURISDICTIONS:
            return written
        if written in _LETTERS:
            return _LETTERS[written]
    return tidy


def jurisdiction_of(typed: str) -> str:
    """What was typed, as it is kept: a US state as its two letters ("oregon" is OR), anything else in capitals.

    Raises RuleError, with its field, when nothing was typed, and for two letters that are neither a state nor a country
    (ISO 3166): those are slips. A region of another country is written out, and taken as it is.
    """
    tidy = " ".join(typed.split()).upper()
    if not tidy:
        raise RuleError(_("Choose the state or country that licensed you."), field="license_state")
    if len(tidy) > LONGEST:
        raise RuleError(
            _("A state or country has at most %(count)d letters here.", count=LONGEST), field="license_state"
        )
    if (known := one_spelling(tidy)) in JURISDICTIONS:
        return known
    letters = sum(char.isalpha() for char in tidy)
    is_code = len(tidy) == 2 and tidy.isascii()
    if letters < 2 or (is_code and tidy not in JURISDICTIONS and tidy not in _countries()):
        raise RuleError(
            _(
                "“%(typed)s” is neither a US state nor a country. Write a state in two letters, such as OR, or the country.",
                typed=tidy,
            ),
            field="license_state",
        )
    return tidy


@cache
def _countries() -> frozenset[str]:
    """The two-letter codes of countries, without those that CLDR has for the unknown and for what is no country."""
    none = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code not in none)
