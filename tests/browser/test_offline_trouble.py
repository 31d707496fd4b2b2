"""What else goes wrong with a phone in a room: no space left, its clock, a slow network, a failing server, an update."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import request
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy.orm import Session

from attendance import offline_views
from attendance.marking import save_roll
from attendance.models import MarkStatus
from attendance.writing import Entry
from core.database import begin_write
from students.models import EnrollmentState
from tests.attendance.classes import Class, entries, history
from tests.browser.conftest import Site
from tests.browser.phones import address, choose, chosen, marks, open_page, pill, prepare, ready, save, until

pytestmark = pytest.mark.browser
P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT

NO_BACKGROUND = "delete globalThis.SyncManager"  # as on an iPhone: only the page sends
FULL = """{
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...values) {
    if (globalThis.full) throw new DOMException('no room', 'QuotaExceededError');
    return put.apply(this, values);
  };
}"""
REFUSED = """Object.defineProperty(globalThis, 'indexedDB', { value: { open() {
  const asked = { error: new DOMException('private window', 'SecurityError') };
  queueMicrotask(() => asked.onerror?.());
  return asked;
} } })"""
FIVE_HOURS_SLOW = """{
  const Real = Date, by = -5 * 3600e3;
  globalThis.Date = class extends Real {
    constructor(...values) { if (values.length) super(...values); else super(Real.now() + by); }
    static now() { return Real.now() + by; }
  };
}"""
ONLINE = "dispatchEvent(new Event('online'))"


def with_script(site: Site, made: Class, *scripts: str) -> tuple[BrowserContext, Page]:
    """The roll on a phone of the lead's where some scripts ran first."""
    phone = site.phone(made.lead)
    for script in scripts:
        phone.add_init_script(script)
    page = phone.new_page()
    page.goto(address(site, made))
    return phone, page


def test_a_phone_without_room_says_so_and_loses_nothing(site: Site, session: Session, made: Class) -> None:
    first, second, third = made.ids
    phone, page = with_script(site, made, NO_BACKGROUND, FULL)
    ready(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    says = page.locator("#keeps-nothing")
    phone.set_offline(True)
    choose(page, first, "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.evaluate("globalThis.full = true")
    choose(page, second, "absent")
    expect(says).to_be_visible()
    expect(pill(page)).to_have_text("1 not saved")
    save(page)  # without a network the page stays, and the mark with it
    expect(page.locator("#offline-says")).to_contain_text("they are on this page only")
    assert [chosen(page, number) for number in (first, second)] == ["present", "absent"]
    expect(pill(page)).to_have_text("1 not saved")
    page.evaluate("globalThis.full = false")
    choose(page, third, "present")  # there is room again: everything is kept, the one before too
    expect(says).to_be_hidden()
    save(page)
    expect(pill(page)).to_contain_text("3 marks on this phone.")
    page.evaluate("globalThis.full = true")
    choose(page, third, "absent")
    expect(says).to_be_visible()
    phone.set_offline(False)
    save(page)  # with a network the roll goes as it is
    expect(page.get_by_text("1 mark saved.")).to_be_visible()
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, first) == [(P, True)]
    assert marks(session, second) == [(A, True)]
    assert marks(session, third) == [(P, False), (A, True)]


def test_a_private_window_says_that_it_keeps_nothing(site: Site, session: Session, made: Class) -> None:
    phone, page = with_script(site, made, REFUSED)
    expect(page.locator("#keeps-nothing")).to_be_visible()
    choose(page, made.ids[0], "late")
    phone.set_offline(True)
    save(page)
    expect(page.locator("#offline-says")).to_contain_text("they are on this page only")
    expect(pill(page)).to_have_text("1 not saved")
    assert chosen(page, made.ids[0]) == "late"
    phone.set_offline(False)
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(L, True)]


def test_a_clock_that_is_wrong_by_hours_changes_no_time_and_no_minutes(
    site: Site, session: Session, made: Class
) -> None:
    first, second, _third = made.ids
    phone, page = with_script(site, made, FIVE_HOURS_SLOW)
    ready(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, "navigator.serviceWorker.controller !== null")
    choose(page, first, "late")
    assert 55 <= int(page.locator(f"#minutes-{first}").input_value()) <= 61
    phone.set_offline(True)
    page.close()
    page = open_page(phone, address(site, made))  # the page that the phone kept knows it as well
    assert chosen(page, first) == "late"
    choose(page, second, "late")
    assert 55 <= int(page.locator(f"#minutes-{second}").input_value()) <= 61
    save(page)
    phone.set_offline(False)
    page.evaluate(ONLINE)
    expect(pill(page)).to_contain_text("Saved at")
    for number in (first, second):
        assert marks(session, number) == [(L, True)]
        (mark,) = history(session, number)
        assert abs(datetime.now(UTC) - mark.made_at) < timedelta(minutes=3)


@pytest.mark.parametrize(
    "status", [pytest.param(400, marks=pytest.mark.full), pytest.param(500, marks=pytest.mark.full), 503]
)
def test_a_server_that_fails_gets_the_marks_later(
    site: Site, session: Session, made: Class, status: int
) -> None:
    _phone, page = with_script(site, made, NO_BACKGROUND)
    ready(page)
    page.route("**/teaching/sync", lambda route: route.fulfill(status=status, body="<h1>Sorry</h1>"))
    choose(page, made.ids[0], "absent")
    save(page)
    expect(pill(page)).to_have_text("1 mark on this phone. Sent while this page is open.")
    page.unroute("**/teaching/sync")
    site.sign_in(_phone, made.lead)  # a new session: the token for forms is another one
    page.evaluate(ONLINE)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(A, True)]


def test_marks_are_kept_while_a_slow_network_is_waited_for(site: Site, session: Session, made: Class) -> None:
    first, second, _third = made.ids
    phone, page = with_script(site, made, NO_BACKGROUND)
    ready(page)
    held: list[Any] = []
    page.route("**/teaching/sync", lambda route: held.append(route))  # no answer ever comes
    choose(page, first, "absent")
    save(page)
    choose(page, second, "present")
    expect(pill(page)).to_have_text("1 not saved")
    page.wait_for_timeout(300)
    page.close()
    page = open_page(phone, address(site, made))
    assert [chosen(page, number) for number in (first, second)] == ["absent", "present"]
    expect(page.locator("#roll [name=revision]")).to_have_value("1")
    expect(pill(page)).to_have_text("1 not saved")
    assert marks(session, first) == [(A, True)]


@pytest.mark.full
def test_a_network_that_never_answers_opens_the_roll_that_is_kept(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = prepare(site, made.lead, address(site, made))
    page.close()
    answer = threading.Event()

    def hang() -> None:
        if request.path.endswith("/roll"):
            answer.wait(30)

    site.app.before_request_funcs.setdefault(None, []).append(hang)
    page = open_page(phone, address(site, made))
    expect(page.locator(".offline-strip")).to_be_visible()
    choose(page, made.ids[0], "absent")
    save(page)
    expect(pill(page)).to_contain_text("Saved at")  # where the network is only slow
    assert marks(session, made.ids[0]) == [(A, True)]
    answer.set()


@pytest.mark.full
def test_a_new_version_of_the_service_worker_leaves_unsent_marks_alone(
    site: Site, session: Session, made: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, page = prepare(site, made.lead, address(site, made))
    phone.set_offline(True)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    choose(page, made.ids[1], "absent")
    # The update comes while the marks cannot be sent.
    page.route("**/teaching/sync", lambda route: route.abort())
    monkeypatch.setattr(offline_views, "SHELL_FILES", (*offline_views.SHELL_FILES, "search.js"))
    page.evaluate("globalThis.before = navigator.serviceWorker.controller")
    phone.set_offline(False)
    page.evaluate("navigator.serviceWorker.getRegistration().then(found => found.update()).then(() => true)")
    until(page, "navigator.serviceWorker.controller !== globalThis.before")
    phone.set_offline(True)
    page.close()
    page = open_page(phone, address(site, made))
    assert [chosen(page, number) for number in made.ids[:2]] == ["present", "absent"]
    phone.set_offline(False)
    page.evaluate(ONLINE)
    until(page, "document.querySelector('#roll [name=revision]').value === '1'")
    expect(pill(page)).to_have_text("1 not saved")
    assert marks(session, made.ids[0]) == [(P, True)]


def test_what_others_marked_meanwhile_is_shown_after_saving(
    site: Site, session: Session, made: Class
) -> None:
    first, second, _third = made.ids
    _phone, page = prepare(site, made.lead, address(site, made))
    begin_write(session)
    save_roll(session, made.meeting, entries([first], A), actor=made.assistant, now=datetime.now(UTC))
    session.commit()
    choose(page, second, "present")
    save(page)
    expect(page.locator("#roll [name=revision]")).to_have_value("2")
    ready(page)
    assert [chosen(page, number) for number in (first, second)] == ["absent", "present"]
    expect(page.get_by_text("Which is right?")).to_have_count(0)


def test_a_mark_corrected_elsewhere_after_a_lost_answer_is_shown_as_it_stands(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = with_script(site, made, NO_BACKGROUND)
    ready(page)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()  # the server takes it in, the phone never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/teaching/sync", lose_the_answer)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.close()
    begin_write(session)
    mine = Entry(made.ids[0], A)
    save_roll(session, made.meeting, [mine], actor=made.lead, now=datetime.now(UTC), revision=1)
    session.commit()
    page = open_page(phone, address(site, made))
    expect(page.locator(f'input[name="status-{made.ids[0]}"][value="absent"]')).to_be_checked()
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(P, False), (A, True)]


@pytest.mark.full
def test_signing_out_in_another_window_is_said_on_the_roll(site: Site, session: Session, made: Class) -> None:
    phone, page = with_script(site, made, NO_BACKGROUND)
    ready(page)
    other = open_page(phone, f"{site.url}/teaching/")
    other.get_by_role("button", name="Sign out").click()
    until(other, "localStorage.getItem('stillpoint-offline') === null")
    choose(page, made.ids[0], "absent")
    save(page)
    expect(pill(page)).to_have_text("1 mark on this phone. Sign in to send.")
    expect(page.locator("#sign-in-again a")).to_be_visible()
    site.sign_in(phone, made.lead)
    open_page(phone, f"{site.url}/teaching/")
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(A, True)]


KEPT = """new Promise(done => {
  const asked = indexedDB.open('stillpoint-offline');
  asked.onsuccess = () => done(asked.result);
})"""


@pytest.mark.full
def test_marks_that_were_cleared_from_the_phone_are_not_called_saved(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = with_script(site, made, NO_BACKGROUND)
    ready(page)
    phone.set_offline(True)
    choose(page, made.ids[0], "absent")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.evaluate(
        f"{KEPT}.then(base => new Promise(done => {{ const all = base.transaction('marks', 'readwrite');"
        " all.objectStore('marks').clear(); all.oncomplete = () => done(true); }))"
    )
    phone.set_offline(False)
    page.evaluate(ONLINE)
    expect(pill(page)).to_have_text("1 not saved")
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(A, True)]


@pytest.mark.full
def test_a_phone_that_remembers_a_school_from_before_opens_the_roll(
    site: Site, session: Session, made: Class
) -> None:
    _phone, page = prepare(site, made.lead, address(site, made))
    path = f"/teaching/{made.offering.code.lower()}/meetings/1/roll"
    # The school was set up anew: it has not come to the roll's ninth save, and another key wrote what lies here.
    page.evaluate(
        f"{KEPT}.then(base => new Promise(done => {{ const all = base.transaction(['state', 'marks'], 'readwrite');"
        f" all.objectStore('state').put({{ id: 'heard {path}', user: {made.lead.id}, revision: 9 }});"
        f" all.objectStore('marks').put({{ id: '{made.lead.id} /teaching/old/meetings/1/roll', user: {made.lead.id},"
        " iv: new Uint8Array(12), data: new Uint8Array(40) }); all.oncomplete = () => done(true); }))"
    )
    page.reload()
    ready(page)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(P, True)]


def test_a_mark_of_a_student_who_has_left_is_told_and_can_be_let_go(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = prepare(site, made.lead, address(site, made))
    phone.set_offline(True)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.close()
    begin_write(session)
    made.enrollments[0].state, made.enrollments[0].holds_seat = EnrollmentState.WITHDRAWN, False
    session.commit()
    phone.set_offline(False)
    page = open_page(phone, f"{site.url}/teaching/")
    waiting = page.locator("#waiting-rolls")
    expect(waiting).to_contain_text("This student is not in this class, or not any more.")
    page.goto(address(site, made))
    expect(page.locator("#offline-says")).to_contain_text("This student is not in this class")
    page.goto(f"{site.url}/teaching/")
    waiting.get_by_text("Remove them", exact=True).click()
    waiting.get_by_role("button", name="Remove them from this phone").click()
    expect(waiting).to_be_hidden()
