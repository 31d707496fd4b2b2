"""What each action of the audit log means, in plain words: the end of a sentence that begins with a name.

Every action that the program records stands here; a test reads the source and says which one is missing.
"""

from typing import Any

from flask_babel import lazy_gettext as _l

WORDS = {
    "accounts:user:asked_for_new_address": _l("asked for a new email address"),
    "accounts:user:changed_address": _l("changed the email address"),
    "accounts:user:changed_role": _l("changed somebody’s role"),
    "accounts:user:confirmed": _l("confirmed the email address"),
    "accounts:user:disabled": _l("closed an account"),
    "accounts:user:enabled": _l("opened an account again"),
    "accounts:user:invited": _l("invited somebody"),
    "accounts:user:invited_again": _l("invited somebody again"),
    "accounts:user:made_admin_by_command": _l("made an administrator by command"),
    "accounts:user:registered": _l("registered"),
    "accounts:user:renamed": _l("changed a name"),
    "accounts:user:set_password": _l("set a new password"),
    "accounts:user:signed_out_everywhere": _l("signed out everywhere"),
    "attendance:class:reopened": _l("opened a signed-off class again"),
    "attendance:class:signed_off": _l("signed a class off"),
    "attendance:check:in": _l("checked in"),
    "attendance:check:out": _l("checked out"),
    "attendance:makeup:asked": _l("asked for a make-up"),
    "attendance:makeup:credited": _l("credited a make-up"),
    "attendance:makeup:declined": _l("declined a make-up"),
    "attendance:makeup:planned": _l("planned a make-up"),
    "attendance:makeup:withdrawn": _l("took a make-up back"),
    "attendance:roll:saved": _l("saved a roll"),
    "attendance:sheet:attached": _l("attached a scanned sheet"),
    "attendance:sheet:taken_off": _l("took a scanned sheet off"),
    "attendance:substitute:ended": _l("ended a substitution"),
    "attendance:substitute:named": _l("named a substitute"),
    "attendance:walk_in:closed": _l("settled a walk-in"),
    "attendance:walk_in:noted": _l("noted somebody at the door"),
    "certificates:certificate:anonymised": _l(
        "took the name out of a certificate whose time of keeping was over"
    ),
    "certificates:certificate:page-changed": _l("changed what the page of a certificate shows"),
    "certificates:design:saved": _l("changed how certificates look"),
    "certificates:evaluation:filled-in": _l("said how a class was (what was said is kept without the name)"),
    "certificates:eligibility:overridden": _l("decided that someone has a certificate nevertheless"),
    "certificates:eligibility:override-taken-back": _l("took back a decision about a certificate"),
    "certificates:payment-rule:changed": _l("changed whether certificates wait for the payment"),
    "certificates:signature:changed": _l("changed the picture of a signature"),
    "certificates:certificate:issued": _l("issued a certificate"),
    "certificates:certificate:reserved": _l("asked for a certificate"),
    "certificates:certificate:retried": _l("tried again to make a certificate"),
    "certificates:certificate:revoked": _l("revoked a certificate"),
    "certificates:certificate:superseded": _l("replaced a certificate"),
    "core:mail:sent_again": _l("sent a mail again"),
    "courses:body:changed": _l("changed how a body counts, or what it asks for"),
    "courses:body:created": _l("added a body"),
    "courses:body:removed": _l("removed a body"),
    "courses:catalog:imported": _l("imported a catalog"),
    "courses:claim:changed": _l("changed a claim"),
    "courses:claim:published": _l("approved a claim"),
    "courses:claim:withdrawn": _l("took a claim back"),
    "courses:course:changed": _l("changed a course"),
    "courses:course:created": _l("wrote a new course"),
    "courses:course:published": _l("published a course"),
    "courses:course:retired": _l("retired a course"),
    "courses:offering:assigned": _l("assigned the instructors of a class"),
    "courses:offering:changed": _l("changed a class"),
    "courses:offering:created": _l("made a new class"),
    "courses:offering:dates_set": _l("set when enrollment opens and closes"),
    "courses:offering:moved": _l("moved a class"),
    "courses:offering:published": _l("published a class"),
    "courses:policy:added": _l("added a version of a policy"),
    "courses:safety_list:added": _l("added a version of a safety list"),
    "courses:subject:added": _l("added a subject"),
    "courses:subject:moved": _l("changed the order of the subjects"),
    "courses:subject:removed": _l("removed a subject"),
    "courses:subject:renamed": _l("renamed a subject"),
    "courses:venue:changed": _l("changed a venue"),
    "courses:venue:created": _l("added a venue"),
    "students:access:done": _l("got in touch about help with access"),
    "students:class:decided": _l("decided whether a class runs"),
    "students:class:messaged": _l("wrote to a class"),
    "students:group:booked": _l("booked seats for a group"),
    "students:group:fewer_seats": _l("gave back seats of a group"),
    "students:group:more_seats": _l("booked more seats for a group"),
    "students:opening:taken_back": _l("no longer wants to be told when a class opens"),
    "students:opening:wished": _l("asked to be told when a class opens"),
    "students:student:kept_apart": _l("said that two records are two people"),
    "students:student:may_be_one": _l("took back that two records are two people"),
    "students:student:merged": _l("merged two records of one student"),
    "students:talk:recorded": _l("recorded talks before a class"),
    "portal:board:reported": _l("made a file for a board"),
    "portal:demo:loaded": _l("loaded the demo school"),
    "portal:import:confirmed": _l("imported people or enrollments from a file"),
    "portal:school:changed": _l("changed the school’s settings"),
    "students:calendar:renewed": _l("asked for a new calendar address"),
    "students:capacity:changed": _l("changed how many places a class has"),
    "students:discount_code:ended": _l("ended a discount code"),
    "students:discount_code:made": _l("made a discount code"),
    "students:enrollment:cancelled": _l("released an enrollment of a cancelled class"),
    "students:enrollment:completed": _l("counted a class as completed"),
    "students:enrollment:declined": _l("declined to admit somebody"),
    "students:enrollment:enrolled": _l("took or gave a seat"),
    "students:enrollment:incomplete": _l("counted a class as incomplete"),
    "students:enrollment:lapsed": _l("let a seat offer lapse"),
    "students:enrollment:no_show": _l("noted that somebody did not come"),
    "students:enrollment:offered": _l("offered a seat"),
    "students:enrollment:pending": _l("asked to be admitted"),
    "students:enrollment:printed-changed": _l("changed what a certificate prints of a student"),
    "students:enrollment:transferred": _l("moved an enrollment to another class"),
    "students:enrollment:waitlisted": _l("joined a waitlist"),
    "students:enrollment:withdrawn": _l("withdrew from a class"),
    "students:fees:corrected": _l("corrected a fee"),
    "students:fees:discounted": _l("gave a discount"),
    "students:fees:paid": _l("recorded a payment"),
    "students:fees:refunded": _l("recorded a refund"),
    "students:invoice:issued": _l("issued an invoice"),
    "students:license:added": _l("added a license"),
    "students:license:changed": _l("changed a license"),
    "students:license:removed": _l("removed a license"),
    "students:offering:cancelled": _l("cancelled a class"),
    "students:prerequisite:granted": _l("waived a prerequisite"),
    "students:prerequisite:taken_back": _l("took a waived prerequisite back"),
    "students:receipt:issued": _l("issued a receipt"),
    "students:screening:acknowledged": _l("confirmed the safety list of a class"),
    "students:student:changed": _l("changed a student’s details"),
}

# The rooms, as the log's filter names them.
ROOMS = {
    "accounts": _l("People"),
    "courses": _l("Courses, classes, venues"),
    "students": _l("Enrollment"),
    "attendance": _l("Attendance"),
    "certificates": _l("Certificates"),
    "portal": _l("School"),
    "core": _l("Mail"),
}


def words_for(action: str) -> str:
    """The words of an action; one that this version does not know is read as it is written."""
    if action in WORDS:
        return str(WORDS[action])
    return ": ".join(part.replace("_", " ") for part in action.split(":")[1:]) or action


def details_of(payload: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What an event says beside who and what, as label and text, in the order of the labels."""
    if payload is None:
        return []
    return [
        (key.replace("_", " "), _said(value))
        for key, value in sorted(payload.items())
        if key != "by" and value not in (None, "", [], {})
    ]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{str(key).replace('_', ' ')}: {_said(item)}" for key, item in value.items())
    if value is None or value == "":
        return "nothing"
    return str(value)
