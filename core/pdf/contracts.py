"""What each template in `templates/pdf` takes. `docs/documents.md` says the same for people.

Dates, times and hours arrive formatted in the reader's language; amounts are integers in the
currency's minor units (cents); times of day in a schedule are minutes after local midnight.
A picture is `doc:art/<name>` (shipped) or `image:<key>` (handed over with the data).
"""

from typing import NotRequired, TypedDict


class Signatory(TypedDict):
    """Who signs, in which role, and the picture of the signature."""

    name: str
    role: str
    signature: str


class Colors(TypedDict):
    """The school's two colors, as #rrggbb, dark enough to be read on white."""

    main: str
    second: str


class School(TypedDict):
    """The provider, on every document."""

    name: str
    address: str
    email: str
    website: str
    website_text: str
    tax_id: str
    signatory: Signatory
    logo: NotRequired[str]
    colors: NotRequired[Colors]


class Document(TypedDict):
    """In every document. `made_at` is UTC, as 2027-03-16T18:00:00Z; it also dates attached files."""

    school: School
    made_at: str


class License(TypedDict):
    """A license as the student holds it; the number verbatim."""

    profession: str
    jurisdiction: str
    number: str


class CourseName(TypedDict):
    """A course as the bodies approved it."""

    code: str
    title: str


class CreditLine(TypedDict):
    """One body's credit: hours and unit as that body counts and calls them."""

    body: str
    provider_number: str
    program_number: str
    hours: str
    unit: str
    statement: str


class Words(TypedDict, total=False):
    """The school's own wording, in place of the shipped and translated one."""

    certify: str
    completed: str


class Certificate(TypedDict):
    """Every printed fact of a certificate (DOMAIN: what a certificate must say)."""

    number: str
    kind: str
    participant: str
    participant_lang: str
    license: License | None
    course: CourseName
    dates: str
    completed: str
    place: str
    delivery: str
    contact_hours: str
    issued: str
    instructor: Signatory
    verify_url: str
    verify_text: str
    retention: str
    disclaimer: str
    credits: list[CreditLine]
    words: NotRequired[Words]


class CertificateDocument(Document):
    """`certificate-engraved` and `certificate-quiet`; one to five credit lines."""

    certificate: Certificate


class ClassFacts(TypedDict):
    """The class that a paper is for."""

    code: str
    title: str
    dates: str
    place: str
    instructors: str
    url: str


class MeetingFacts(TypedDict):
    """One meeting on a sign-in sheet."""

    label: str
    date: str
    times: str
    zone: str


class SignInStudent(TypedDict):
    """A line of the sign-in sheet. Everyone who signs sees it: pass a shortened license."""

    name: str
    license: str


SignInDocument = TypedDict(
    "SignInDocument",
    {
        "school": School,
        "made_at": str,
        "class": ClassFacts,
        "meeting": MeetingFacts,
        "students": list[SignInStudent],
        "blank_rows": int,
        "roll_url": str,
    },
)


class RosterStudent(TypedDict):
    """A line of the roster; `mark` is a short note such as "repeating", or empty."""

    name: str
    license: str
    assistant: str
    balance: str
    mark: str


class RosterMeeting(TypedDict):
    """A meeting; `short` heads its column, its space becomes a line break."""

    date: str
    short: str
    times: str
    zone: str


RosterDocument = TypedDict(
    "RosterDocument",
    {
        "school": School,
        "made_at": str,
        "made_on": str,
        "class": ClassFacts,
        "seats": int,
        "waiting": int,
        "meetings": list[RosterMeeting],
        "students": list[RosterStudent],
    },
)


class Sitting(TypedDict):
    """A part of a day, in minutes after midnight; `kind` is "sit" or "gap"."""

    start: int
    end: int
    kind: str
    text: str
    label: str


class Day(TypedDict):
    """One day on the wall schedule."""

    weekday: str
    day: str
    month: str
    zone: str
    note: str
    topic: str
    sittings: list[Sitting]


ScheduleDocument = TypedDict(
    "ScheduleDocument",
    {
        "school": School,
        "made_at": str,
        "made_on": str,
        "class": ClassFacts,
        "days": list[Day],
        "opens": int,
        "closes": int,
        "zone_note": str,
        "bring": str,
    },
)


class BillTo(TypedDict):
    """Who pays; `lines` are the address."""

    name: str
    lines: list[str]


class InvoiceLine(TypedDict):
    """A line; `price` and `amount` in cents, `quantity` formatted."""

    text: str
    detail: str
    quantity: str
    price: int
    amount: int


class Amount(TypedDict):
    """A discount, in negative cents, or the payment of a receipt."""

    text: str
    amount: int


class IncludedTax(TypedDict):
    """The tax within a total, in cents; `detail` says the net amount."""

    text: str
    detail: str
    amount: int


class Payment(TypedDict):
    """A payment; negative cents."""

    text: str
    detail: str
    amount: int


class InvoiceDocument(Document):
    """`invoice`: an invoice or, with `kind` "receipt", a receipt. `facts` and `bank` are label, value.

    `received` is the payment that a receipt is for, in cents above zero; receipts from before it was kept have none.
    `tax` is part of the total, never on top; `tax_note` says why none is charged (documents from before have no such key).
    """

    kind: str
    received: NotRequired[Amount]
    number: str
    date: str
    due: str
    currency: str
    bill_to: BillTo
    facts: list[list[str]]
    lines: list[InvoiceLine]
    discounts: list[Amount]
    subtotal: int
    tax: IncludedTax | None
    tax_note: NotRequired[str]
    total: int
    payments: list[Payment]
    balance: int
    bank: list[list[str]]
    pay_url: str
    pay_text: str
    terms: str


class TranscriptStudent(TypedDict):
    """The holder; each license as one formatted line."""

    name: str
    licenses: list[str]


class Total(TypedDict):
    """One figure at the head of a transcript."""

    label: str
    value: str


class BodyColumn(TypedDict):
    """A body's column; `key` is what rows and years use in `credits`."""

    key: str
    short: str
    unit: str
    name: str
    provider_number: str


class TranscriptRow(TypedDict):
    """A certificate; `status` is empty while it is in force, else what became of it."""

    completed: str
    code: str
    title: str
    place: str
    delivery: str
    contact: str
    credits: dict[str, str]
    number: str
    verify_url: str
    verify_text: str
    status: str


class TranscriptYear(TypedDict):
    """A year with its sums; superseded rows are listed and not counted."""

    year: str
    contact: str
    credits: dict[str, str]
    rows: list[TranscriptRow]


class TranscriptDocument(Document):
    """`transcript`: hours per body and year."""

    made_on: str
    period: str
    student: TranscriptStudent
    totals: list[Total]
    totals_note: str
    bodies: list[BodyColumn]
    years: list[TranscriptYear]


CONTRACTS: dict[str, type] = {
    "certificate-engraved": CertificateDocument,
    "certificate-quiet": CertificateDocument,
    "sign-in": SignInDocument,
    "roster": RosterDocument,
    "schedule": ScheduleDocument,
    "invoice": InvoiceDocument,
    "transcript": TranscriptDocument,
}
