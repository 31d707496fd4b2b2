"""The shape of a catalog file, as plain typed data: which sections, keys and values there are, and how they are written.

docs/catalog-file.md describes it for people. What is said of people (``cast``, ``enrolled``, ``waitlisted`` …) is only
carried along: the demo school uses it, an import does not.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from flask_babel import gettext
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from core.clock import is_zone
from courses.models import CourseState, Delivery, Evaluation, PrerequisiteKind
from courses.offering_checks import WORDS_OF_ADDRESSES


def _exact(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(gettext("write a number, like 28.5"))
    return Decimal(str(value))


def _thousandths(value: Decimal) -> Decimal:
    if value * 1000 != int(value * 1000):
        raise ValueError(gettext("write at most three decimal places"))
    return value


def _zone(value: str) -> str:
    if not is_zone(value):
        raise ValueError(
            gettext("there is no time zone called %(zone)s; write one like America/Chicago", zone=value)
        )
    return value


def _no_address(value: str) -> str:
    if value.upper() in WORDS_OF_ADDRESSES:
        raise ValueError(gettext("this word stands in an address already; choose another code"))
    return value


def _file_name(value: str) -> str:
    if "/" in value or "\\" in value or value in ("", ".", ".."):
        raise ValueError(gettext("write the name of a file that lies beside this one"))
    return value


def _clean(value: str) -> str:
    if any(ord(c) < 32 for c in value):
        raise ValueError(gettext("line breaks and control characters do not belong here"))
    return value.strip()


def _one_line(value: str) -> str:
    return " ".join(value.split())


Exact = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=10_000_000)]
Units = Annotated[Decimal, BeforeValidator(_exact), AfterValidator(_thousandths), Field(gt=0, le=100_000)]
Zone = Annotated[str, AfterValidator(_zone)]
Words = Annotated[str, AfterValidator(_clean), Field(min_length=1, max_length=200)]
MaybeWords = Annotated[str, AfterValidator(_clean), Field(max_length=200)]
Text = Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=5000)]
# The CHECK code_upper of courses and offerings, and the addresses made of codes, want this.
UpperCode = Annotated[str, AfterValidator(_no_address), Field(pattern=r"^[A-Z0-9][A-Z0-9-]*$", max_length=40)]
Name = Annotated[
    str, AfterValidator(_no_address), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=40)
]
Login = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+-]*(@[a-z0-9][a-z0-9.-]*)?$", max_length=200)]
Percent = Annotated[int, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=10_000)]
Positive = Annotated[int, Field(ge=1, le=100_000)]
Days = Annotated[int, Field(ge=-36_500, le=36_500)]


class Entry(BaseModel):
    """A part of the file: exact types, no keys that nobody knows."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class ProviderEntry(Entry):
    """The school."""

    name: Words
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    phone: MaybeWords = ""
    address: Text
    website: MaybeWords = ""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    time_zone: Zone
    number_prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,8}$")]
    signatory: MaybeWords = ""
    demo: bool = False
    provider_numbers: dict[Name, Words] = {}


class RenewalEntry(Entry):
    """A body's period: its length, the units wanted in each, and a day on which one ends (else: with the license)."""

    months: Annotated[int, Field(ge=1, le=240)]
    units: Units | None = None
    ends_on: date | None = None


class BodyEntry(Entry):
    """A body and how it counts."""

    title: Words
    unit: Words
    minutes_per_unit: Positive
    round_down_to: Units
    partial_credit: bool
    requires: list[Words] = []
    statement: Annotated[str, AfterValidator(_one_line)] = ""
    retention_years: Annotated[int, Field(ge=1, le=100)] = 7
    renewal: RenewalEntry | None = None


class ScreeningEntry(Entry):
    """One version of a list of contraindications."""

    version: Positive
    source: MaybeWords = ""
    do_not_receive: list[Words] = []
    ask_first: list[Words] = []


class AttendanceEntry(Entry):
    """The school's attendance rule."""

    minimum_percent: Percent
    grace_minutes_per_meeting: Count = 0
    excused_counts: bool = False


class RefundEntry(Entry):
    """One tier of refunds: so many days before the start or more, so many percent, less a fee in whole money."""

    days_before: Count
    percent: Percent
    fee: Exact = Decimal(0)


class PolicyEntry(Entry):
    """One version of the school's terms. Money in the currency's main unit."""

    version: Positive
    attendance: AttendanceEntry
    deposit: Exact = Decimal(0)
    balance_due_days: Count = 0
    refunds: list[RefundEntry]
    free_transfers: Count = 0
    repeat_price_percent: Percent = 100
    seat_offer_hours: Positive
    waitlist_cutoff_hours: Count = 0


class PrerequisiteEntry(Entry):
    """One course before another."""

    course: UpperCode
    kind: Literal["required", "recommended", "instructor_approval"]

    @property
    def strength(self) -> PrerequisiteKind:
        """How strongly it is asked for."""
        return PrerequisiteKind(self.kind)


class ApprovalEntry(Entry):
    """A body's approval; valid from and until so many days from the import, or on dates."""

    body: Name
    program: Words
    hours: Units
    valid_days: Annotated[list[Days], Field(min_length=2, max_length=2)] | None = None
    valid: Annotated[list[date], Field(min_length=2, max_length=2)] | None = None


class CourseEntry(Entry):
    """A catalog entry. ``price`` in the currency's main unit."""

    code: UpperCode
    title: Words
    subject: Words
    level: Words
    delivery: Literal["in-person", "live-online"]
    state: Literal["draft", "published", "retired"] | None = None
    summary: Text
    outcomes: Annotated[list[Text], Field(min_length=1)]
    days: Positive
    contact_minutes: Positive
    seats: Positive
    assistant_ratio: Positive | None = None
    price: Exact
    preparation: Annotated[str, AfterValidator(_one_line)] = ""
    prerequisites: list[PrerequisiteEntry] = []
    open_to: Annotated[list[Words], Field(min_length=1)]
    screening: Name
    policy: Name
    approvals: list[ApprovalEntry] = []
    validity_months: Positive | None = None
    evaluation: Literal["none", "asked", "required"] = "none"

    @property
    def wish(self) -> Evaluation:
        """Whether students evaluate its classes."""
        return Evaluation(self.evaluation)

    @property
    def given(self) -> Delivery:
        """How it is given."""
        return Delivery(self.delivery)

    @property
    def stands(self) -> CourseState | None:
        """Its state, when the file says one."""
        return CourseState(self.state) if self.state else None


class VenueEntry(Entry):
    """A place; one without a city is online."""

    code: UpperCode
    name: Words
    street: MaybeWords = ""
    city: MaybeWords = ""
    region: MaybeWords = ""
    country: MaybeWords = ""
    time_zone: Zone
    seats: Positive
    online: bool | None = None
    directions: Annotated[str, AfterValidator(_one_line)] = ""

    @property
    def is_online(self) -> bool:
        """Whether nobody has to go there."""
        return not self.city if self.online is None else self.online


class OfferingEntry(Entry):
    """One class: when it starts (one of three ways), its pattern, who teaches; then what the demo fills it with."""

    code: UpperCode
    course: UpperCode
    venue: UpperCode
    starts_on: date | None = None
    starts_in_days: Days | None = None
    starts_before_clock_change: Annotated[int, Field(ge=0, le=60)] | None = None
    days: Annotated[int, Field(ge=1, le=60)] | None = None
    pattern: Name
    lead: Login | None = None
    assistants: list[Login] = []
    seats: Positive | None = None
    price: Exact | None = None
    notes: Annotated[str, AfterValidator(_one_line)] = ""
    # For the demo school only:
    enrolled: Count = 0
    waitlisted: Count = 0
    balance_unpaid: Count = 0
    from_: UpperCode | None = Field(default=None, alias="from")
    state: Literal["draft", "published", "running", "finished"] = "published"
    certificates: Literal["ready", "issued"] | None = None

    @property
    def logins(self) -> list[str]:
        """Everyone who teaches, the lead first."""
        return [*([self.lead] if self.lead else []), *self.assistants]

    @property
    def is_relative(self) -> bool:
        """Whether its dates count from the day of the import."""
        return self.starts_on is None


class LicenseEntry(Entry):
    """A license of someone in the cast."""

    profession: Name
    state: Name
    number: Words
    expires_in_days: Days | None = None


class PersonEntry(Entry):
    """Someone of the demo school's fixed cast."""

    login: Login
    name: Words
    role: Literal["student", "instructor", "registrar", "admin"]
    licenses: list[LicenseEntry] = []
    in_: list[UpperCode] = Field(default=[], alias="in")
    waiting: list[UpperCode] = []


class ClaimsEntry(Entry):
    """Which lines of a text beside the file are claims of the school."""

    from_: Annotated[str, AfterValidator(_file_name)] = Field(alias="from")
    lines: list[Positive]


class CatalogEntries(Entry):
    """The whole file; every section may be left out."""

    provider: ProviderEntry | None = None
    bodies: dict[Name, BodyEntry] = {}
    screening_sets: dict[Name, ScreeningEntry] = {}
    policies: dict[Name, PolicyEntry] = {}
    subjects: list[Words] = []
    courses: list[CourseEntry] = []
    venues: list[VenueEntry] = []
    daily_patterns: dict[Name, Annotated[list[Words], Field(min_length=1)]] = {}
    offerings: list[OfferingEntry] = []
    cast: list[PersonEntry] = []
    claims: ClaimsEntry | None = None
