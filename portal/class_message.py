"""Writing to a class: for its instructors and the office."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext, ngettext

from accounts.access import TEACHING, actor_again, me, roles
from attendance.access import class_of
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import BooleanField, Form, Length, Required, StringField, TextAreaField
from core.web import acting, note, page, see_other
from portal.blueprint import blueprint
from students import class_messages


class MessageToClassForm(Form):
    """Subject and text; who waits gets it only when asked."""

    subject = StringField(
        lazy_gettext("Subject"), [Required(lazy_gettext("Write a subject.")), Length(max=150)]
    )
    body = TextAreaField(
        lazy_gettext("Message"), [Required(lazy_gettext("Write the message.")), Length(max=5000)]
    )
    to_waiting = BooleanField(lazy_gettext("Also to those who wait for a seat"))


@blueprint.route("/teaching/<code>/message", methods=["GET", "POST"])
@roles(*TEACHING)
def class_message(code: str) -> ResponseReturnValue:
    """What was written to the class, and a new message."""
    offering = class_of(db.session, me(), code)
    form = MessageToClassForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                message = class_messages.send(
                    session,
                    class_of(session, actor, code),
                    subject=form.subject.data or "",
                    body=form.body.data or "",
                    to_waiting=form.to_waiting.data,
                    actor=actor,
                    now=clock.now(),
                )
                count = message.recipients
        except RuleError as error:
            note(form, error)
        else:
            words = ngettext(
                "The message goes to one person.",
                "The message goes to %(num)s people, each by itself.",
                count,
            )
            flash(words, "success")
            return see_other(url_for("portal.class_message", code=code.lower()))
        offering = class_of(db.session, me(), code)
    return page(
        "portal/class_message.html",
        form=form,
        offering=offering,
        messages=class_messages.sent_to(db.session, offering.id),
    )
