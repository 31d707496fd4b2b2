"""Many certificates as one file: a ZIP whose names never collide, or one PDF for the printer. Made by the worker."""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from core import papers
from core.audit import Actor
from core.errors import RuleError
from core.files import store
from core.papers import MadePaper, paper
from core.tables import safe_text

ZIP_PAPER = "certificates-zip"
PRINT_PAPER = "certificates-print"
MOST = 500  # certificates in one file: about 75 MB


def ask_for_bundle(
    session: Session,
    kind: str,
    certificates: Sequence[Certificate],
    *,
    name: str,
    lang: str,
    actor: Actor,
    now: datetime,
) -> papers.Paper:
    """Ask for a ZIP or a print file; the caller has checked that the actor may have every one of these.

    ``name`` becomes part of the file's name. Raises RuleError for none and for more than 500.
    """
    ids = [row.id for row in certificates if row.pdf_sha256 is not None and row.anonymised_at is None]
    if not ids:
        raise RuleError(_("There is no certificate to put into it yet."))
    if len(ids) > MOST:
        raise RuleError(
            _("One file holds at most %(most)d certificates; these are more. Narrow the search.", most=MOST)
        )
    return papers.request_paper(session, kind, actor=actor, now=now, ids=ids, name=file_part(name), lang=lang)


def file_part(text: str) -> str:
    """A text as part of a file name that every system takes: letters, digits, single hyphens; at most 60 characters."""
    plain = unicodedata.normalize("NFC", text)
    kept = re.sub(r"[^\w]+", "-", plain, flags=re.UNICODE).strip("-_")
    return kept[:60].rstrip("-_") or "certificates"


def entry_name(row: Certificate) -> str:
    """The name of a certificate in a ZIP. It begins with the number, which is unique, so that no two are the same."""
    return f"{row.number}-{file_part(row.snapshot['facts']['participant'])}.pdf"


def _certificates(session: Session, ids: Iterable[int]) -> list[Certificate]:
    query = sa.select(Certificate).where(
        Certificate.id.in_(list(ids)),
        Certificate.pdf_sha256.is_not(None),
        Certificate.anonymised_at.is_(None),
    )
    return list(session.scalars(query.order_by(Certificate.year, Certificate.sequence)))


@paper(ZIP_PAPER)
def _make_zip(session: Session, details: dict[str, Any]) -> MadePaper:
    with force_locale(details["lang"]):
        content = zip_of(_certificates(session, details["ids"]))
    return MadePaper(content, f"{details['name']}.zip", "application/zip")


def zip_of(rows: Sequence[Certificate]) -> bytes:
    """The stored PDFs, byte for byte, and a list of them. A file that is lost or damaged is named in the list."""
    target = io.BytesIO()
    listing = io.StringIO(newline="")
    listing.write("\ufeff")
    writer = csv.writer(listing, lineterminator="\r\n")
    writer.writerow([_("Number"), _("Name"), _("Course"), _("Completed"), _("State"), _("File")])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for row in rows:
            facts = row.snapshot["facts"]
            content, told = _stored(row)
            if content is not None:
                when = row.issued_at or row.reserved_at
                archive.writestr(zipfile.ZipInfo(told, when.timetuple()[:6]), content)
            cells = (row.number, facts["participant"], facts["course_code"], facts["completed_on"])
            writer.writerow([safe_text(cell) for cell in (*cells, _state_word(row.state), told)])
        archive.writestr("certificates.csv", listing.getvalue().encode())
    return target.getvalue()


def _stored(row: Certificate) -> tuple[bytes | None, str]:
    try:
        return store().get(row.pdf_sha256 or ""), entry_name(row)
    except OSError:
        return None, str(_("not included: the stored file is lost or damaged; tell the office"))


def _state_word(state: CertificateState) -> str:
    words = {
        CertificateState.PREPARING: _("being made"),
        CertificateState.ISSUED: _("valid"),
        CertificateState.SUPERSEDED: _("replaced"),
        CertificateState.REVOKED: _("revoked"),
    }
    return str(words[state])


@paper(PRINT_PAPER)
def _make_print(session: Session, details: dict[str, Any]) -> MadePaper:
    with force_locale(details["lang"]):
        content = print_file(_certificates(session, details["ids"]))
    return MadePaper(content, f"{details['name']}.pdf")


def print_file(rows: Sequence[Certificate]) -> bytes:
    """All pages one after the other, for paper. It is a copy: signatures, credentials and tags are left out.

    Raises RuleError that names a certificate whose stored file is lost. Costs CPU: worker only.
    """
    return merge_pages(_contents(rows), _("Certificates, copies for paper"))


def _contents(rows: Sequence[Certificate]) -> Iterator[bytes]:
    for row in rows:
        content, _told = _stored(row)
        if content is None:
            raise RuleError(
                _("The stored file of %(number)s is lost or damaged. Restore it first.", number=row.number)
            )
        yield content


def merge_pages(documents: Iterable[bytes], title: str) -> bytes:
    """The pages of several documents as one PDF for looking at and for paper: no tags, no signatures. Worker only."""
    import pikepdf

    with pikepdf.new() as merged:
        for content in documents:
            with pikepdf.open(io.BytesIO(content)) as single:
                merged.pages.extend(single.pages)
        for page in merged.pages:
            _without_structure(page.obj)
        merged.docinfo["/Title"] = title
        target = io.BytesIO()
        merged.save(target, deterministic_id=True)
    return target.getvalue()


def _without_structure(page: Any) -> None:
    """Keep the links of a page, not what points into its old document: tags and the signature's field."""
    import pikepdf

    links = [item for item in page.get("/Annots", []) if item.get("/Subtype") == "/Link"]
    for item in [page, *links]:
        for key in ("/StructParents", "/StructParent"):
            if key in item:
                del item[key]
    page["/Annots"] = pikepdf.Array(links)
