"""The office's fee pages: lists, one account, payments, refunds, discounts, corrections, documents."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Response, abort, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import clock, tables
from core.clock import local_date
from core.database import db
from core.errors import RuleError
from core.formatting import money
from core.forms import Form
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.web import acting, note, page, see_other
from students import billing, fee_lists, fees, ledger
from students.blueprint import blueprint
from students.fee_forms import ReasonForm, discount_form, money_form
from students.fee_lists import View
from students.fee_words import entry_words
from students.ledger_models import FeeAccount, FeeDocument
from students.models import Enrollment

PAGE = 50


def account_or_404(session: Session, account_id: int) -> FeeAccount:
    """An account with all it has, for the office; 404 when there is none."""
    account = fee_lists.account_with_all(session, account_id)
    if account is None:
        abort(404)
    return account


def _today() -> date:
    school = current_school(db.session)
    return local_date(clock.now(), school.time_zone if school else "UTC")


def _asked() -> tuple[View, str]:
    asked = request.args.get("view", "")
    view = View(asked) if asked in set(View) else View.OVERDUE
    return view, request.args.get("q", "").strip()[:100]


@blueprint.get("/office/fees")
@roles(*STAFF)
def office_fees() -> Response:
    """Accounts that are overdue, to be paid, to be given back, or all; found by a part of name, address or class."""
    view, search = _asked()
    today = _today()
    rows, paging = rows_of_page(
        db.session, fee_lists.query(view, q=search, today=today), size=PAGE, number=page_number()
    )
    return page(
        "students/office/fees.html",
        rows=rows,
        paging=paging,
        view=view,
        views=fee_lists.VIEWS,
        search=search,
        today=today,
        sums=fee_lists.sums(db.session, today=today),
    )


@blueprint.get("/office/fees.<any(csv, xlsx):kind>")
@roles(*STAFF)
def office_fees_file(kind: str) -> Response:
    """The same list as a table for a spreadsheet, all pages of it."""
    view, search = _asked()
    school = current_school(db.session)
    zone, currency = (school.time_zone, school.currency) if school else ("UTC", ledger.FALLBACK_CURRENCY)
    found = db.session.execute(fee_lists.query(view, q=search, today=_today()))
    rows = [fee_lists.export_row(*row) for row in found]
    columns = fee_lists.columns(currency)
    if kind == "csv":
        body, mime = tables.csv_file(columns, rows, zone=zone), tables.CSV_TYPE
    else:
        title = str(fee_lists.VIEWS[view])
        body = tables.xlsx_file(columns, rows, title=title, zone=zone, made_at=clock.now())
        mime = tables.XLSX_TYPE
    name = f"fees-{view.value}-{_today().isoformat()}.{kind}"
    return Response(body, mimetype=mime, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/office/enrollments/<int:enrollment_id>/fees")
@roles(*STAFF)
def office_enrollment_fees(enrollment_id: int) -> Response:
    """The account of an enrollment; a page that says so when nothing was charged."""
    enrollment = db.session.get(Enrollment, enrollment_id)
    if enrollment is None:
        abort(404)
    account = ledger.account_of(db.session, enrollment_id)
    if account is None and enrollment.group_booking_id is not None:
        account = ledger.account_of_group(db.session, enrollment.group_booking_id)
    if account is None:
        return page("students/office/fees_none.html", enrollment=enrollment)
    return see_other(url_for("students.office_account", account_id=account.id))


@blueprint.get("/office/fees/<int:account_id>")
@roles(*STAFF)
def office_account(account_id: int) -> Response:
    """One account: what is owed, every entry, every document."""
    account = account_or_404(db.session, account_id)
    owner = account.enrollment or account.group_booking
    seats = account.group_booking.seats if account.group_booking else 1
    return page(
        "students/office/account.html",
        account=account,
        owner=owner,
        deposit=fees.deposit_due(account, owner.policy, seats) if owner else 0,
        entry_words=entry_words,
        taken_back={entry.corrects_id for entry in account.entries},
        is_correctable=fees.is_correctable,
        today=_today(),
    )


def _write(
    account_id: int,
    form: Form,
    rule: Callable[[Session, FeeAccount, User, datetime], object],
    done: Callable[[], str],
    template: str,
    **context: Any,
) -> Response:
    """Show a form about an account and, when it was sent well, do what it says."""
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                rule(session, account_or_404(session, account_id), actor, clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(done(), "success")
            return see_other(url_for("students.office_account", account_id=account_id))
    account = account_or_404(db.session, account_id)
    return page(
        template, form=form, account=account, owner=account.enrollment or account.group_booking, **context
    )


@blueprint.route("/office/fees/<int:account_id>/payment", methods=["GET", "POST"])
@roles(*STAFF)
def office_payment(account_id: int) -> Response:
    """Write down money that came in."""
    account = account_or_404(db.session, account_id)
    form = money_form(account.currency, amount=max(account.balance_cents, 0) or None, made_on=_today())
    currency = account.currency

    def rule(session: Session, account: FeeAccount, actor: User, now: datetime) -> None:
        fees.record_payment(
            session,
            account,
            amount_cents=form.cents,
            made_on=form.day,
            method=form.chosen,
            reference=form.reference.data or "",
            accept_more=form.accept_more.data,
            actor=actor,
            now=now,
        )

    def done() -> str:
        return _(
            "%(amount)s is recorded, and the receipt has its number.",
            amount=money(form.cents, currency),
        )

    return _write(account_id, form, rule, done, "students/office/money.html", direction="in")


@blueprint.route("/office/fees/<int:account_id>/refund", methods=["GET", "POST"])
@roles(*STAFF)
def office_refund(account_id: int) -> Response:
    """Write down money that was given back."""
    account = account_or_404(db.session, account_id)
    form = money_form(account.currency, amount=max(-account.balance_cents, 0) or None, made_on=_today())
    currency = account.currency

    def rule(session: Session, account: FeeAccount, actor: User, now: datetime) -> None:
        fees.record_refund(
            session,
            account,
            amount_cents=form.cents,
            made_on=form.day,
            method=form.chosen,
            reference=form.reference.data or "",
            actor=actor,
            now=now,
        )

    def done() -> str:
        return _("The refund of %(amount)s is recorded.", amount=money(form.cents, currency))

    return _write(account_id, form, rule, done, "students/office/money.html", direction="out")


@blueprint.route("/office/fees/<int:account_id>/discount", methods=["GET", "POST"])
@roles(*STAFF)
def office_discount(account_id: int) -> Response:
    """Take something off, with a reason."""
    currency = account_or_404(db.session, account_id).currency
    form = discount_form(currency)

    def rule(session: Session, account: FeeAccount, actor: User, now: datetime) -> None:
        fees.give_discount(
            session,
            account,
            amount_cents=form.cents,
            reason=form.reason.data or "",
            actor=actor,
            now=now,
        )

    def done() -> str:
        return _("%(amount)s is taken off.", amount=money(form.cents, currency))

    return _write(account_id, form, rule, done, "students/office/discount.html")


@blueprint.route("/office/fees/<int:account_id>/entries/<int:number>/correct", methods=["GET", "POST"])
@roles(*STAFF)
def office_correct(account_id: int, number: int) -> Response:
    """Take an entry back by a counter-entry, with a reason."""
    account = account_or_404(db.session, account_id)
    entry = next((entry for entry in account.entries if entry.number == number), None)
    if entry is None:
        abort(404)
    form, entry_id, stands_in = ReasonForm(), entry.id, [account_id]

    def rule(session: Session, account: FeeAccount, actor: User, now: datetime) -> None:
        made = fees.correct(session, account, entry_id, reason=form.reason.data or "", actor=actor, now=now)
        stands_in[0] = made.account_id

    def done() -> str:
        if stands_in[0] == account_id:
            return _("The entry is taken back. Both lines stay in the account.")
        return _("The entry is taken back, in the account to which its money had moved.")

    return _write(
        account_id,
        form,
        rule,
        done,
        "students/office/correct.html",
        entry=entry,
        words=entry_words(entry),
        objection=fees.why_not_correct(db.session, entry),
    )


@blueprint.post("/office/fees/<int:account_id>/invoice")
@roles(*STAFF)
def office_invoice(account_id: int) -> Response:
    """Issue the invoice as the account stands (or take the last one, when nothing changed) and ask for its PDF."""
    try:
        with acting() as session:
            actor = actor_again(session)
            account = account_or_404(session, account_id)
            document = billing.issue_invoice(session, account, actor=actor, now=clock.now())
            paper_id = billing.ask_for_paper(session, document, actor=actor, now=clock.now()).id
    except RuleError as error:
        flash(str(error), "error")
        return see_other(url_for("students.office_account", account_id=account_id))
    return see_other(url_for("papers.show", paper_id=paper_id))


@blueprint.post("/office/fee-documents/<int:document_id>")
@roles(*STAFF)
def office_fee_document(document_id: int) -> Response:
    """Ask for the PDF of an invoice or a receipt that was issued."""
    with acting() as session:
        actor = actor_again(session)
        document = session.get(FeeDocument, document_id)
        if document is None:
            abort(404)
        paper_id = billing.ask_for_paper(session, document, actor=actor, now=clock.now()).id
    return see_other(url_for("papers.show", paper_id=paper_id))
