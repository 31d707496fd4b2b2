"""The table of every address × role → status (DESIGN, invariant 9). ``tests/test_addresses.py`` holds it to the program.

One line for each address and method: what is asked for, and the answer for visitor, student, other student, instructor,
other instructor, registrar and admin, in this order. ``login`` means: sent to sign in. A line may carry the fields of a
form that is sent. Placeholders in braces stand for things of the small world in ``tests/world.py``.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """One line: the address asked for, the seven answers, and the fields of the form when one is sent."""

    path: str
    answers: str
    fields: Mapping[str, str] = {}


#           visitor student other-s instr. other-i registrar admin
ALL = "200     200     200     200     200     200     200"
ALL_SEND = "303     303     303     303     303     303     303"
ALL_BAD = "422     422     422     422     422     422     422"
SIGNED_IN = "login   200     200     200     200     200     200"
SIGNED_IN_BAD = "login   422     422     422     422     422     422"
SIGNED_IN_SEND = "login   303     303     303     303     303     303"
# what is the student's own
MINE = "login   200     404     404     404     404     404"
MINE_SEND = "login   303     404     404     404     404     404"
MINE_BAD = "login   422     404     404     404     404     404"
OFFICE = "login   403     403     403     403     200     200"
OFFICE_SEND = "login   403     403     403     403     303     303"
OFFICE_BAD = "login   403     403     403     403     422     422"
ADMIN = "login   403     403     403     403     403     200"
ADMIN_SEND = "login   403     403     403     403     403     303"
TEACHING = "login   403     403     200     404     200     200"
TEACHING_SEND = "login   403     403     303     404     303     303"
TEACHING_BAD = "login   403     403     422     404     422     422"

PASSWORD = "slow tide at dawn"
NEW = "another slow tide"

# fmt: off
TABLE: dict[str, Row] = {
    "GET /static/<path:filename>": Row("/static/stillpoint.css", ALL),
    # core
    "GET /healthz": Row("/healthz", ALL),
    "GET /readyz": Row("/readyz", "503 503 503 503 503 503 503"),  # no worker runs here
    "GET /papers/<int:paper_id>": Row("/papers/{paper}", "404 200 404 404 404 404 404"),
    "GET /papers/<int:paper_id>/file": Row("/papers/{ready_paper}/file", "404 200 404 404 404 404 404"),
    # accounts
    "GET /accounts/login": Row("/accounts/login", "200 303 303 303 303 303 303"),
    "POST /accounts/login": Row("/accounts/login", ALL_BAD),
    "POST /accounts/logout": Row("/accounts/logout", ALL_SEND),
    "GET /accounts/register": Row("/accounts/register", ALL),
    "POST /accounts/register": Row("/accounts/register", ALL_BAD),
    "GET /accounts/confirm/<token>": Row("/accounts/confirm/{confirm}", ALL),
    "POST /accounts/confirm/<token>": Row("/accounts/confirm/{confirm}", ALL_SEND, {"password": PASSWORD}),
    "POST /accounts/confirm/<token>/again": Row("/accounts/confirm/{confirm}/again", ALL_SEND),
    "GET /accounts/reset": Row("/accounts/reset", ALL),
    "POST /accounts/reset": Row("/accounts/reset", ALL_SEND, {"email": "nobody@example.org"}),
    "GET /accounts/reset/<token>": Row("/accounts/reset/{reset}", ALL),
    "POST /accounts/reset/<token>": Row("/accounts/reset/{reset}", ALL_SEND, {"password": NEW}),
    "GET /accounts/invitation/<token>": Row("/accounts/invitation/{invitation}", ALL),
    "POST /accounts/invitation/<token>": Row("/accounts/invitation/{invitation}", ALL_SEND, {"password": NEW}),
    "GET /accounts/new-address/<token>": Row("/accounts/new-address/{new_address}", ALL),
    "POST /accounts/new-address/<token>": Row("/accounts/new-address/{new_address}", ALL_SEND),
    "GET /accounts/account": Row("/accounts/account", SIGNED_IN),
    "POST /accounts/account": Row("/accounts/account", SIGNED_IN_SEND, {"name": "Robin", "family_name": ""}),
    "GET /accounts/account/email": Row("/accounts/account/email", SIGNED_IN),
    "POST /accounts/account/email": Row("/accounts/account/email", SIGNED_IN_SEND, {"email": "new@example.org", "password": PASSWORD}),
    "GET /accounts/account/password": Row("/accounts/account/password", SIGNED_IN),
    "POST /accounts/account/password": Row("/accounts/account/password", SIGNED_IN_SEND, {"current": PASSWORD, "password": NEW}),
    "POST /accounts/account/sign-out-everywhere": Row("/accounts/account/sign-out-everywhere", SIGNED_IN_SEND),
    "GET /office/people": Row("/office/people", OFFICE),
    "GET /office/people/<int:user_id>": Row("/office/people/{person}", OFFICE),
    "GET /office/people/invite": Row("/office/people/invite", OFFICE),
    "POST /office/people/invite": Row("/office/people/invite", OFFICE_SEND, {"name": "Ines", "email": "ines@example.org", "role": "instructor"}),
    "POST /office/people/<int:user_id>/role": Row("/office/people/{person}/role", ADMIN_SEND, {"role": "instructor"}),
    "POST /office/people/<int:user_id>/disable": Row("/office/people/{person}/disable", OFFICE_SEND),
    "POST /office/people/<int:user_id>/enable": Row("/office/people/{person}/enable", OFFICE_SEND),
    "POST /office/people/<int:user_id>/invite": Row("/office/people/{invited}/invite", OFFICE_SEND),
    # courses
    "GET /": Row("/", ALL),
    "GET /courses/": Row("/courses/", ALL),
    "GET /courses/<code>": Row("/courses/{course}", ALL),
    "GET /classes/<code>": Row("/classes/{coming}", ALL),
    "GET /classes/<code>.ics": Row("/classes/{coming}.ics", ALL),
    # courses: the office
    "GET /office/courses": Row("/office/courses", OFFICE),
    "GET /office/courses/new": Row("/office/courses/new", OFFICE),
    "POST /office/courses/new": Row("/office/courses/new", OFFICE_BAD),
    "GET /office/courses/<code>": Row("/office/courses/{course}", OFFICE),
    "POST /office/courses/<code>": Row("/office/courses/{course}", OFFICE_BAD),
    "POST /office/courses/<code>/publish": Row("/office/courses/{draft_course}/publish", OFFICE_SEND),
    "GET /office/courses/<code>/retire": Row("/office/courses/{course}/retire", OFFICE),
    "POST /office/courses/<code>/retire": Row("/office/courses/{course}/retire", OFFICE_SEND),
    "POST /office/courses/wording": Row("/office/courses/wording", OFFICE),
    "GET /office/venues": Row("/office/venues", OFFICE),
    "GET /office/venues/new": Row("/office/venues/new", OFFICE),
    "POST /office/venues/new": Row("/office/venues/new", OFFICE_BAD),
    "GET /office/venues/<code>": Row("/office/venues/{venue}", OFFICE),
    "POST /office/venues/<code>": Row("/office/venues/{venue}", OFFICE_SEND),
    "GET /office/claims": Row("/office/claims", OFFICE),
    "GET /office/claims/<int:claim_id>": Row("/office/claims/{claim}", OFFICE),
    "POST /office/claims/<int:claim_id>": Row("/office/claims/{claim}", OFFICE_SEND),
    "POST /office/claims/<int:claim_id>/publish": Row("/office/claims/{claim}/publish", OFFICE_SEND),
    "POST /office/claims/<int:claim_id>/withdraw": Row("/office/claims/{claim}/withdraw", OFFICE_SEND),
    "GET /office/classes": Row("/office/classes", OFFICE),
    "GET /office/classes/new": Row("/office/classes/new", OFFICE),
    "POST /office/classes/new": Row("/office/classes/new", OFFICE_BAD),
    "GET /office/classes/<code>": Row("/office/classes/{running}", OFFICE),
    "GET /office/classes/<code>/edit": Row("/office/classes/{coming}/edit", OFFICE),
    "POST /office/classes/<code>/edit": Row("/office/classes/{coming}/edit", OFFICE_SEND),
    "GET /office/classes/<code>/instructors": Row("/office/classes/{coming}/instructors", OFFICE),
    "POST /office/classes/<code>/instructors": Row("/office/classes/{coming}/instructors", OFFICE_SEND),
    "POST /office/classes/<code>/publish": Row("/office/classes/{draft}/publish", OFFICE_SEND),
    # students: their own
    "GET /classes/<code>/enroll": Row("/classes/{coming}/enroll", SIGNED_IN),
    "POST /classes/<code>/enroll": Row("/classes/{coming}/enroll", SIGNED_IN_BAD),
    "GET /my/details": Row("/my/details", SIGNED_IN),
    "POST /my/details": Row("/my/details", SIGNED_IN_SEND),
    "POST /my/licenses": Row("/my/licenses", SIGNED_IN_BAD),
    "POST /my/licenses/<int:license_id>/remove": Row("/my/licenses/{license}/remove", SIGNED_IN_SEND),
    "POST /my/calendar/renew": Row("/my/calendar/renew", SIGNED_IN_SEND),
    "GET /my/calendar/<token>.ics": Row("/my/calendar/{calendar_token}.ics", ALL),
    "GET /my/enrollments/<int:id>/withdraw": Row("/my/enrollments/{withdrawable}/withdraw", MINE),
    "POST /my/enrollments/<int:id>/withdraw": Row("/my/enrollments/{withdrawable}/withdraw", MINE_SEND),
    "POST /my/enrollments/<int:id>/accept": Row("/my/enrollments/{offered}/accept", MINE_SEND),
    "GET /my/enrollments/<int:id>/decline": Row("/my/enrollments/{offered}/decline", MINE),
    "POST /my/enrollments/<int:id>/decline": Row("/my/enrollments/{offered}/decline", MINE_SEND),
    "GET /my/enrollments/<int:id>/safety": Row("/my/enrollments/{withdrawable}/safety", MINE),
    "POST /my/enrollments/<int:id>/safety": Row("/my/enrollments/{withdrawable}/safety", MINE_BAD),
    "GET /my/enrollments/<int:id>/transfer": Row("/my/enrollments/{withdrawable}/transfer", MINE),
    "POST /my/enrollments/<int:id>/transfer": Row("/my/enrollments/{withdrawable}/transfer", MINE_BAD),
    "POST /courses/<code>/tell-me": Row("/courses/{course}/tell-me", SIGNED_IN_SEND),
    "POST /classes/<code>/tell-me": Row("/classes/{coming}/tell-me", SIGNED_IN_SEND),
    # students: the office
    "GET /office/access": Row("/office/access", OFFICE),
    "POST /office/access/<int:id>/done": Row("/office/access/{pending}/done", OFFICE_SEND),
    "GET /office/students/": Row("/office/students/", OFFICE),
    "GET /office/students/<int:id>": Row("/office/students/{student_id}", OFFICE),
    "POST /office/students/<int:id>": Row("/office/students/{student_id}", OFFICE_BAD),
    "GET /office/people/<int:user_id>/student": Row("/office/people/{person}/student", OFFICE_SEND),
    "POST /office/grants/<int:id>/take-back": Row("/office/grants/{grant}/take-back", OFFICE_SEND),
    "GET /office/classes/<code>/roster": Row("/office/classes/{running}/roster", OFFICE),
    "GET /office/classes/<code>/enroll": Row("/office/classes/{coming}/enroll", OFFICE),
    "POST /office/classes/<code>/enroll": Row("/office/classes/{coming}/enroll", OFFICE_BAD),
    "GET /office/classes/<code>/capacity": Row("/office/classes/{coming}/capacity", OFFICE),
    "POST /office/classes/<code>/capacity": Row("/office/classes/{coming}/capacity", OFFICE_SEND),
    "GET /office/classes/<code>/cancel": Row("/office/classes/{coming}/cancel", OFFICE),
    "POST /office/classes/<code>/cancel": Row("/office/classes/{coming}/cancel", OFFICE_BAD),
    "GET /office/enrollments/<int:id>": Row("/office/enrollments/{withdrawable}", OFFICE),
    "POST /office/enrollments/<int:id>/approve": Row("/office/enrollments/{pending}/approve", OFFICE_SEND),
    "POST /office/enrollments/<int:id>/decline": Row("/office/enrollments/{pending}/decline", OFFICE_BAD),
    "POST /office/enrollments/<int:id>/promote": Row("/office/enrollments/{waiting}/promote", OFFICE_BAD),
    "POST /office/enrollments/<int:id>/withdraw": Row("/office/enrollments/{withdrawable}/withdraw", OFFICE_SEND),
    "POST /office/enrollments/<int:id>/transfer": Row("/office/enrollments/{withdrawable}/transfer", OFFICE_BAD),
    "POST /office/enrollments/<int:id>/reinstate": Row("/office/enrollments/{withdrawn}/reinstate", OFFICE_BAD),
    # attendance
    "GET /teaching/<code>/": Row("/teaching/{running}/", TEACHING),
    "GET /teaching/<code>/meetings/<int:number>/roll": Row("/teaching/{running}/meetings/1/roll", TEACHING),
    "POST /teaching/<code>/meetings/<int:number>/roll": Row("/teaching/{running}/meetings/1/roll", TEACHING_SEND),
    "GET /teaching/<code>/students/<int:enrollment_id>": Row("/teaching/{done}/students/{finished}", TEACHING),
    "POST /teaching/<code>/students/<int:enrollment_id>": Row("/teaching/{done}/students/{finished}", TEACHING_BAD),
    "GET /teaching/<code>/finalize": Row("/teaching/{done}/finalize", TEACHING),
    "POST /teaching/<code>/finalize": Row("/teaching/{done}/finalize", TEACHING_BAD),
    "GET /teaching/<code>/reopen": Row("/teaching/{done}/reopen", TEACHING),
    "POST /teaching/<code>/reopen": Row("/teaching/{done}/reopen", TEACHING_BAD),
    "GET /teaching/<code>/message": Row("/teaching/{running}/message", TEACHING),
    "POST /teaching/<code>/message": Row("/teaching/{running}/message", TEACHING_BAD),
    # health: that class's instructors and admins, nobody else
    "GET /teaching/<code>/talks": Row("/teaching/{running}/talks", "login 403 403 200 404 403 200"),
    "POST /teaching/<code>/talks": Row("/teaching/{running}/talks", "login 403 403 303 404 403 303"),
    # certificates
    "GET /teaching/<code>/certificates": Row("/teaching/{done}/certificates", TEACHING),
    "POST /teaching/<code>/certificates": Row("/teaching/{done}/certificates", TEACHING_BAD),
    "GET /certificates/<number>.pdf": Row("/certificates/{certificate}.pdf", "login 200 404 404 404 200 200"),
    "GET /verify/": Row("/verify/", ALL),
    "POST /verify/": Row("/verify/", ALL_BAD),
    "GET /verify/<token>": Row("/verify/{token}", ALL),
    "GET /office/certificates": Row("/office/certificates", OFFICE),
    "GET /office/certificates/<number>": Row("/office/certificates/{certificate}", OFFICE),
    "GET /office/certificates/<number>/revoke": Row("/office/certificates/{certificate}/revoke", OFFICE),
    "POST /office/certificates/<number>/revoke": Row("/office/certificates/{certificate}/revoke", OFFICE_BAD),
    "GET /office/certificates/<number>/replace": Row("/office/certificates/{certificate}/replace", OFFICE),
    "POST /office/certificates/<number>/replace": Row("/office/certificates/{certificate}/replace", OFFICE_BAD),
    "POST /office/certificates/<number>/try-again": Row("/office/certificates/{certificate}/try-again", OFFICE_SEND),
    "POST /office/certificates/try-again": Row("/office/certificates/try-again", OFFICE_SEND),
    # portal
    "GET /my/": Row("/my/", SIGNED_IN),
    "GET /teaching/": Row("/teaching/", "login 403 403 200 200 200 200"),
    "GET /office/": Row("/office/", OFFICE),
    "GET /office/mail/preview": Row("/office/mail/preview", OFFICE),
    "GET /office/mail/preview/<kind>": Row("/office/mail/preview/offer", OFFICE),
    "GET /office/mail/preview/<kind>/html": Row("/office/mail/preview/offer/html", OFFICE),
    "GET /office/classes/<code>/decision": Row("/office/classes/{coming}/decision", OFFICE),
    "POST /office/classes/<code>/decision": Row("/office/classes/{coming}/decision", OFFICE_BAD),
    "GET /office/classes/<code>/schedule": Row("/office/classes/{coming}/schedule", OFFICE),
    "POST /office/classes/<code>/schedule": Row("/office/classes/{coming}/schedule", OFFICE_BAD),
    # students: fees
    "GET /my/enrollments/<int:enrollment_id>/fees": Row("/my/enrollments/{withdrawable}/fees", MINE),
    "POST /my/enrollments/<int:enrollment_id>/invoice": Row("/my/enrollments/{withdrawable}/invoice", MINE_SEND),
    "POST /my/fee-documents/<int:document_id>": Row("/my/fee-documents/{fee_document}", MINE_SEND),
    "GET /office/fees": Row("/office/fees", OFFICE),
    "GET /office/fees.<any(csv, xlsx):kind>": Row("/office/fees.csv", OFFICE),
    "GET /office/fees/<int:account_id>": Row("/office/fees/{account}", OFFICE),
    "GET /office/fees/<int:account_id>/payment": Row("/office/fees/{account}/payment", OFFICE),
    "POST /office/fees/<int:account_id>/payment": Row("/office/fees/{account}/payment", OFFICE_BAD),
    "GET /office/fees/<int:account_id>/refund": Row("/office/fees/{account}/refund", OFFICE),
    "POST /office/fees/<int:account_id>/refund": Row("/office/fees/{account}/refund", OFFICE_BAD),
    "GET /office/fees/<int:account_id>/discount": Row("/office/fees/{account}/discount", OFFICE),
    "POST /office/fees/<int:account_id>/discount": Row("/office/fees/{account}/discount", OFFICE_BAD),
    "POST /office/fees/<int:account_id>/invoice": Row("/office/fees/{account}/invoice", OFFICE_SEND),
    "GET /office/fees/<int:account_id>/entries/<int:number>/correct": Row("/office/fees/{account}/entries/{entry}/correct", OFFICE),
    "POST /office/fees/<int:account_id>/entries/<int:number>/correct": Row("/office/fees/{account}/entries/{entry}/correct", OFFICE_BAD),
    "POST /office/fee-documents/<int:document_id>": Row("/office/fee-documents/{fee_document}", OFFICE_SEND),
    "GET /office/enrollments/<int:enrollment_id>/fees": Row("/office/enrollments/{withdrawable}/fees", OFFICE_SEND),
    "GET /office/fees/codes": Row("/office/fees/codes", OFFICE),
    "GET /office/fees/codes/new": Row("/office/fees/codes/new", OFFICE),
    "POST /office/fees/codes/new": Row("/office/fees/codes/new", OFFICE_BAD),
    "GET /office/fees/codes/<int:code_id>/end": Row("/office/fees/codes/{code}/end", OFFICE),
    "POST /office/fees/codes/<int:code_id>/end": Row("/office/fees/codes/{code}/end", OFFICE_SEND),
    # certificates: proof that others fetch
    "GET /certificates/<number>.png": Row("/certificates/{certificate}.png", "login 200 404 404 404 200 200"),
    "POST /verify/file": Row("/verify/file", ALL_BAD),
    "GET /.well-known/did.json": Row("/.well-known/did.json", ALL),
    "GET /badges/issuer": Row("/badges/issuer", ALL),
    "GET /badges/keys/<name>": Row("/badges/keys/{key}", ALL),
    "GET /badges/achievements/<code>": Row("/badges/achievements/{course}", ALL),
    "GET /badges/credentials/<token>": Row("/badges/credentials/{token}", ALL),
    "GET /badges/status/<int:number>": Row("/badges/status/0", ALL),
    # portal: audit, mail, school
    "GET /office/audit": Row("/office/audit", OFFICE),
    "POST /office/audit/check": Row("/office/audit/check", OFFICE),
    "GET /office/mail": Row("/office/mail", OFFICE),
    "POST /office/mail/again": Row("/office/mail/again", OFFICE_SEND),
    "POST /office/mail/<int:mail_id>/again": Row("/office/mail/{mail}/again", OFFICE_SEND),
    "GET /office/school": Row("/office/school", ADMIN),
    "POST /office/school": Row("/office/school", ADMIN_SEND),
    # students: groups
    "GET /groups/<token>": Row("/groups/{group_token}", ALL),
    "POST /groups/<token>": Row("/groups/{group_token}", ALL_BAD),
    "GET /groups/<token>/people/<int:enrollment_id>": Row("/groups/{group_token}/people/{group_person}", ALL),
    "POST /groups/<token>/people/<int:enrollment_id>": Row("/groups/{group_token}/people/{group_person}", ALL_BAD),
    "POST /groups/<token>/invoice": Row("/groups/{group_token}/invoice", ALL_SEND),
    "GET /office/groups": Row("/office/groups", OFFICE),
    "GET /office/groups/new": Row("/office/groups/new", OFFICE),
    "POST /office/groups/new": Row("/office/groups/new", OFFICE_BAD),
    "GET /office/groups/<int:booking_id>": Row("/office/groups/{group}", OFFICE),
    "POST /office/groups/<int:booking_id>/people": Row("/office/groups/{group}/people", OFFICE_BAD),
    "GET /office/groups/<int:booking_id>/people/<int:enrollment_id>/off": Row("/office/groups/{group}/people/{group_person}/off", OFFICE),
    "POST /office/groups/<int:booking_id>/people/<int:enrollment_id>/off": Row("/office/groups/{group}/people/{group_person}/off", OFFICE_SEND),
    "POST /office/groups/<int:booking_id>/<any(more, fewer):way>": Row("/office/groups/{group}/more", OFFICE_BAD),
    # portal: import and duplicates
    "GET /office/import": Row("/office/import", OFFICE),
    "POST /office/import": Row("/office/import", OFFICE_BAD),
    "GET /office/classes/<code>/enroll-several": Row("/office/classes/{running}/enroll-several", OFFICE),
    "POST /office/classes/<code>/enroll-several": Row("/office/classes/{running}/enroll-several", OFFICE_BAD),
    "GET /office/import/example.csv": Row("/office/import/example.csv", OFFICE),
    "GET /office/import/<int:batch_id>": Row("/office/import/{batch}", OFFICE),
    "POST /office/import/<int:batch_id>/confirm": Row("/office/import/{batch}/confirm", OFFICE_SEND),
    "GET /office/people/duplicates": Row("/office/people/duplicates", OFFICE),
    "GET /office/people/merge/<int:keep_id>/<int:gone_id>": Row("/office/people/merge/{other_student_id}/{double}", OFFICE),
    "POST /office/people/merge/<int:keep_id>/<int:gone_id>": Row("/office/people/merge/{other_student_id}/{double}", OFFICE_SEND),
    # certificates: their own
    "GET /my/certificates": Row("/my/certificates", SIGNED_IN),
    "POST /my/certificates/<number>/page": Row("/my/certificates/{certificate}/page", MINE_SEND),
    "POST /my/certificates/transcript": Row("/my/certificates/transcript", SIGNED_IN_SEND),
    "POST /my/certificates/zip": Row("/my/certificates/zip", SIGNED_IN_SEND),
    # certificates: before issuing, and the office's files
    "GET /my/enrollments/<int:enrollment_id>/evaluation": Row("/my/enrollments/{finished}/evaluation", MINE),
    "POST /my/enrollments/<int:enrollment_id>/evaluation": Row("/my/enrollments/{finished}/evaluation", MINE_BAD),
    "GET /teaching/<code>/evaluation": Row("/teaching/{done}/evaluation", TEACHING),
    "GET /office/evaluations": Row("/office/evaluations", OFFICE),
    "POST /office/certificates/design/picture": Row("/office/certificates/design/picture", "login 403 403 403 403 202 202"),
    "POST /teaching/<code>/certificates/preview": Row("/teaching/{done}/certificates/preview", TEACHING_SEND),
    "GET /teaching/<code>/certificates/<int:enrollment_id>/override": Row("/teaching/{done}/certificates/{finished}/override", OFFICE),
    "POST /teaching/<code>/certificates/<int:enrollment_id>/override": Row("/teaching/{done}/certificates/{finished}/override", OFFICE_BAD),
    "POST /teaching/<code>/certificates/<int:enrollment_id>/override/take-back": Row("/teaching/{done}/certificates/{finished}/override/take-back", OFFICE_SEND),
    "POST /teaching/<code>/certificates/file": Row("/teaching/{done}/certificates/file", OFFICE_SEND, {"kind": "zip"}),
    "POST /office/certificates/file": Row("/office/certificates/file", OFFICE_SEND, {"kind": "zip"}),
    "GET /office/certificates/hours": Row("/office/certificates/hours", OFFICE),
    "GET /office/certificates/hours.<kind>": Row("/office/certificates/hours.csv", OFFICE),
    "GET /office/certificates/design": Row("/office/certificates/design", OFFICE),
    "POST /office/certificates/design": Row("/office/certificates/design", OFFICE_BAD, {"layout": "none"}),
    "POST /office/certificates/signatures/<who>": Row("/office/certificates/signatures/school", OFFICE_SEND),
    # attendance: papers and scanned sheets
    "GET /teaching/<code>/papers": Row("/teaching/{running}/papers", TEACHING),
    "GET /teaching/<code>/sign-in.pdf": Row("/teaching/{running}/sign-in.pdf", TEACHING_SEND),
    "GET /teaching/<code>/schedule.pdf": Row("/teaching/{running}/schedule.pdf", TEACHING_SEND),
    "GET /teaching/<code>/roster.pdf": Row("/teaching/{running}/roster.pdf", TEACHING_SEND),
    "GET /teaching/<code>/roster.csv": Row("/teaching/{running}/roster.csv", TEACHING),
    "GET /teaching/<code>/roster.xlsx": Row("/teaching/{running}/roster.xlsx", TEACHING),
    "POST /teaching/<code>/meetings/<int:number>/sheets": Row("/teaching/{running}/meetings/1/sheets", TEACHING_BAD),
    "GET /teaching/<code>/sheets/<int:sheet_id>": Row("/teaching/{running}/sheets/{sheet}", TEACHING),
    "GET /teaching/<code>/sheets/<int:sheet_id>/take-off": Row("/teaching/{running}/sheets/{sheet}/take-off", TEACHING),
    "POST /teaching/<code>/sheets/<int:sheet_id>/take-off": Row("/teaching/{running}/sheets/{sheet}/take-off", TEACHING_BAD),
    # attendance: the roll without a network
    "GET /teaching/sw.js": Row("/teaching/sw.js", ALL),
    "GET /teaching/offline": Row("/teaching/offline", ALL),
    "GET /teaching/app.webmanifest": Row("/teaching/app.webmanifest", ALL),
    "GET /teaching/sync": Row("/teaching/sync", "login 403 403 200 200 200 200"),
    "POST /teaching/sync": Row("/teaching/sync", "login 403 403 422 422 422 422"),
    # attendance: checking in (a code lives for a minute, so a false one is asked for), make-ups
    "GET /check-in/<token>": Row("/check-in/nonsense", SIGNED_IN_BAD),
    "POST /check-in/<token>": Row("/check-in/nonsense", SIGNED_IN_BAD),
    "GET /my/check-ins/<int:check_in_id>": Row("/my/check-ins/{check_in}", MINE),
    "GET /teaching/<code>/meetings/<int:number>/check-in": Row("/teaching/{running}/meetings/1/check-in", TEACHING),
    "GET /teaching/<code>/meetings/<int:number>/arrivals": Row("/teaching/{running}/meetings/1/arrivals", TEACHING),
    "GET /kiosk/<key>": Row("/kiosk/{door}", ALL),
    "GET /my/enrollments/<int:enrollment_id>/make-ups": Row("/my/enrollments/{enrollment}/make-ups", MINE),
    "POST /my/enrollments/<int:enrollment_id>/make-ups": Row("/my/enrollments/{enrollment}/make-ups", MINE_BAD),
    "POST /my/make-ups/<int:makeup_id>/withdraw": Row("/my/make-ups/{make_up}/withdraw", "login 303 404 404 404 303 303"),
    "GET /office/make-ups": Row("/office/make-ups", OFFICE),
    "GET /office/enrollments/<int:enrollment_id>/make-ups": Row("/office/enrollments/{enrollment}/make-ups", OFFICE),
    "POST /office/enrollments/<int:enrollment_id>/make-ups": Row("/office/enrollments/{enrollment}/make-ups", OFFICE_BAD),
    "POST /office/make-ups/<int:makeup_id>/approve": Row("/office/make-ups/{make_up}/approve", OFFICE_SEND),
    "GET /office/make-ups/<int:makeup_id>/decline": Row("/office/make-ups/{make_up}/decline", OFFICE),
    "POST /office/make-ups/<int:makeup_id>/decline": Row("/office/make-ups/{make_up}/decline", OFFICE_BAD),
    # attendance: at the door; portal: reports
    "GET /teaching/<code>/meetings/<int:number>/walk-in": Row("/teaching/{running}/meetings/1/walk-in", TEACHING),
    "POST /teaching/<code>/meetings/<int:number>/walk-in": Row("/teaching/{running}/meetings/1/walk-in", TEACHING_BAD),
    "GET /teaching/<code>/meetings/<int:number>/import": Row("/teaching/{running}/meetings/1/import", TEACHING),
    "POST /teaching/<code>/meetings/<int:number>/import": Row("/teaching/{running}/meetings/1/import", TEACHING_BAD),
    "GET /teaching/<code>/substitutes": Row("/teaching/{running}/substitutes", TEACHING),
    "POST /teaching/<code>/substitutes": Row("/teaching/{running}/substitutes", TEACHING_BAD),
    "POST /teaching/<code>/substitutes/<int:substitute_id>/end": Row("/teaching/{running}/substitutes/99/end", "login 403 403 404 404 404 404"),
    "GET /office/walk-ins": Row("/office/walk-ins", OFFICE),
    "POST /office/walk-ins/<int:walk_in_id>/settle": Row("/office/walk-ins/99/settle", "login 403 403 403 403 404 404"),
    "GET /office/reports": Row("/office/reports", OFFICE),
    "GET /office/reports/<key>": Row("/office/reports/classes", OFFICE),
    "GET /office/reports/<key>.<any(xlsx, csv):form>": Row("/office/reports/classes.csv", OFFICE),
    "GET /office/reports/boards": Row("/office/reports/boards", OFFICE),
    "POST /office/reports/boards": Row("/office/reports/boards", OFFICE_BAD),
    "GET /office/reports/boards/<int:report_id>.xls": Row("/office/reports/boards/99.xls", "login 403 403 403 403 404 404"),
}
# fmt: on
