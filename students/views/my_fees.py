"""A student's own fees: what is owed for a class, what was paid, invoice and receipts."""

from flask import Response, abort, flash, url_for
from sqlalchemy.orm import Session

from accounts.access import actor_again, me, signed_in
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, page, see_other
from students import billing, fee_lists, fees, ledger
from students.blueprint import blueprint
from students.fee_words import entry_words
from students.ledger_models import FeeAccount, FeeDocument


def _own_account(session: Session, enrollment_id: int) -> FeeAccount:
    """The account of one's own enrollment; 404 for another's, and when nothing was charged."""
    account = ledger.account_of(session, enrollment_id)
    full = fee_lists.account_with_all(session, account.id) if account else None
    if full is None or full.enrollment is None or full.enrollment.student.user_id != me().id:
        abort(404)
    return full


@blueprint.get("/my/enrollments/<int:enrollment_id>/fees")
@signed_in
def fees_of_mine(enrollment_id: int) -> Response:
    """What one of my classes costs, what I paid, and the documents."""
    account = _own_account(db.session, enrollment_id)
    enrollment = account.enrollment
    return page(
        "students/fees.html",
        account=account,
        enrollment=enrollment,
        deposit=fees.deposit_due(account, enrollment.policy) if enrollment else 0,
        entry_words=entry_words,
    )


@blueprint.post("/my/enrollments/<int:enrollment_id>/invoice")
@signed_in
def my_invoice(enrollment_id: int) -> Response:
    """Issue the invoice as the account stands (or take the last one) and ask for its PDF."""
    try:
        with acting() as session:
            actor = actor_again(session)
            account = _own_account(session, enrollment_id)
            document = billing.issue_invoice(session, account, actor=actor, now=clock.now())
            paper_id = billing.ask_for_paper(session, document, actor=actor, now=clock.now()).id
    except RuleError as error:
        flash(str(error), "error")
        return see_other(url_for("students.fees_of_mine", enrollment_id=enrollment_id))
    return see_other(url_for("papers.show", paper_id=paper_id))


@blueprint.post("/my/fee-documents/<int:document_id>")
@signed_in
def my_fee_document(document_id: int) -> Response:
    """Ask for the PDF of one of my invoices or receipts; 404 for another's."""
    with acting() as session:
        actor = actor_again(session)
        document = session.get(FeeDocument, document_id)
        if document is None or document.account.enrollment_id is None:
            abort(404)
        _own_account(session, document.account.enrollment_id)
        paper_id = billing.ask_for_paper(session, document, actor=actor, now=clock.now()).id
    return see_other(url_for("papers.show", paper_id=paper_id))
