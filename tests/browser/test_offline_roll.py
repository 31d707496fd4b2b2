"""The roll without a network, in a real browser: network switched off, tab killed, two instructors in either order."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy.orm import Session

from attendance.models import MarkStatus
from core.database import begin_write
from courses.offering_models import OfferingInstructor
from tests.attendance.classes import Class, history
from tests.browser.conftest import Site
from tests.browser.phones import address, choose, chosen, marks, open_page, pill, prepare, ready, save, until

pytestmark = pytest.mark.browser
P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT


def test_marks_made_without_a_network_survive_a_killed_tab_and_send_themselves(
    site: Site, session: Session, made: Class
) -> None:
    first, second, third = made.ids
    phone, page = prepare(site, made.lead, address(site, made))
    phone.set_offline(True)
    choose(page, first, "present")
    choose(page, second, "late")
    expect(pill(page)).to_have_text("2 not saved")
    save(page)
    expect(pill(page)).to_contain_text("2 marks on this phone.")
    choose(page, third, "absent")
    expect(pill(page)).to_have_text("1 not saved")
    page.wait_for_timeout(1000)
    page.close()  # killed: the third was never saved

    page = open_page(phone, address(site, made))  # opens from this phone alone
    assert [chosen(page, number) for number in made.ids] == ["present", "late", "absent"]
    expect(page.get_by_text("No network. This page is the one that this phone kept.")).to_be_visible()
    expect(pill(page)).to_have_text("1 not saved")
    assert marks(session, first) == []
    before_sending = datetime.now(UTC)
    phone.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    until(page, "document.querySelector('#roll [name=revision]').value === '1'")
    assert marks(session, first) == [(P, True)]
    assert marks(session, second) == [(L, True)]
    assert marks(session, third) == []  # said truthfully: it is not saved
    expect(pill(page)).to_have_text("1 not saved")
    (late,) = history(session, second)
    assert late.made_at < before_sending <= late.recorded_at
    assert 55 <= late.minutes <= 61  # by the clock, half an hour after the begin
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, third) == [(A, True)]

    phone.set_offline(True)  # what this phone keeps now is the roll as it was sent, told once
    page.reload()
    ready(page)
    assert [chosen(page, number) for number in made.ids] == ["present", "late", "absent"]
    expect(page.locator(".offline-strip")).to_have_count(1)
    expect(page.get_by_role("link", name="Sign in")).to_have_count(0)


def test_with_a_network_saving_stays_on_the_page_and_says_so(
    site: Site, session: Session, made: Class
) -> None:
    _phone, page = prepare(site, made.lead, address(site, made))
    page.get_by_role("button", name="Mark rest present").click()
    expect(pill(page)).to_have_text("3 not saved")
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert [marks(session, number) for number in made.ids] == [[(P, True)]] * 3


@pytest.mark.parametrize("lead_comes_back_first", [True, False])
def test_two_instructors_without_a_network_are_told_in_either_order(
    site: Site, session: Session, made: Class, lead_comes_back_first: bool
) -> None:
    first, second, third = made.ids
    url = address(site, made)
    lead, lead_page = prepare(site, made.lead, url)
    assistant, assistant_page = prepare(site, made.assistant, url)
    for phone in (lead, assistant):
        phone.set_offline(True)
    choose(lead_page, first, "present")
    choose(lead_page, second, "present")
    save(lead_page)
    expect(pill(lead_page)).to_contain_text("2 marks on this phone.")
    choose(assistant_page, first, "absent")
    choose(assistant_page, third, "present")
    save(assistant_page)
    expect(pill(assistant_page)).to_contain_text("2 marks on this phone.")
    lead_page.close()  # both tabs are killed
    assistant_page.close()

    order = [(lead, P), (assistant, A)]
    if not lead_comes_back_first:
        order.reverse()
    (early, early_mark), (late, late_mark) = order
    early.set_offline(False)
    early_page = open_page(early, url)
    expect(early_page.get_by_text("Which is right?")).to_have_count(0)
    expect(pill(early_page)).to_contain_text("Saved at")
    late.set_offline(False)
    late_page = open_page(late, url)
    expect(late_page.get_by_text("Which is right?")).to_be_visible()

    assert marks(session, first) == [(early_mark, True), (late_mark, False)]
    assert marks(session, second) == [(P, True)]
    assert marks(session, third) == [(P, True)]

    ready(late_page)
    choose(late_page, first, "present")
    save(late_page)
    expect(pill(late_page)).to_contain_text("Saved at")
    assert marks(session, first) == [(early_mark, False), (late_mark, False), (P, True)]
    late_page.reload()
    expect(late_page.get_by_text("Which is right?")).to_have_count(0)


def test_the_desk_keeps_todays_rolls_that_were_never_opened(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = prepare(site, made.lead, f"{site.url}/teaching/")
    # Chromium finds nothing in the way of installing it but that a window of these tests is a private one.
    found = phone.new_cdp_session(page).send("Page.getInstallabilityErrors")
    assert [error["errorId"] for error in found["installabilityErrors"]] == ["in-incognito"]
    phone.set_offline(True)
    page.close()
    page = open_page(phone, address(site, made))
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    # The second meeting, which has not begun, is there too, and can be marked when it has.
    page.goto(address(site, made).replace("/1/", "/2/"))
    ready(page)
    expect(page.get_by_role("button", name="Save roll")).to_be_visible()
    page.goto(f"{site.url}/teaching/")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.goto(f"{site.url}/teaching/{made.offering.code.lower()}/finalize")
    expect(page.get_by_role("heading", name="No network")).to_be_visible()
    expect(page.get_by_role("link", name="Monday").or_(page.locator("#kept-rolls a"))).to_have_count(2)


KEPT = """async () => {
  const base = await new Promise(done => {
    const asked = indexedDB.open('stillpoint-offline');
    asked.onsuccess = () => done(asked.result);
  });
  const found = {};
  for (const name of base.objectStoreNames) {
    found[name] = await new Promise(done => {
      const asked = base.transaction(name).objectStore(name).getAll();
      asked.onsuccess = () => done(asked.result);
    });
  }
  base.close();
  const text = [], shell = [];
  for (const rows of Object.values(found)) for (const row of rows) {
    if (row.data) text.push(new TextDecoder('latin1').decode(row.data));
  }
  for (const cache of await caches.keys()) for (const request of await (await caches.open(cache)).keys()) {
    shell.push(await (await caches.match(request)).text());
  }
  return { state: found.state.length, pages: found.pages.length, marks: found.marks.length,
    text: text.join(' '), shell: shell.join(' ') };
}"""


def test_signing_out_leaves_nothing_readable_and_the_next_sign_in_sends(
    site: Site, session: Session, made: Class
) -> None:
    first = made.ids[0]
    phone, page = prepare(site, made.lead, address(site, made))
    kept = page.evaluate(KEPT)
    assert (kept["state"], kept["pages"]) == (1, 1)
    assert "Student 000" not in kept["text"]  # encrypted even while signed in
    assert "Ilse" not in kept["shell"]
    phone.set_offline(True)
    choose(page, first, "absent")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.close()

    # The session ends while the mark waits: the next page shows nobody signed in.
    phone.clear_cookies()
    phone.set_offline(False)
    page = phone.new_page()
    page.goto(f"{site.url}/accounts/login")
    until(page, "localStorage.getItem('stillpoint-offline') === null")
    kept = page.evaluate(KEPT)
    assert (kept["state"], kept["pages"], kept["marks"]) == (0, 0, 1)
    assert "Student 000" not in kept["text"]
    assert "absent" not in kept["text"]
    assert "Student 000" not in kept["shell"]
    page.close()

    # Somebody else signs in on this phone: nothing of it is sent or read.
    site.sign_in(phone, made.assistant)
    page = open_page(phone, f"{site.url}/teaching/")
    expect(page.locator("#waiting-rolls")).to_be_hidden()
    assert marks(session, first) == []
    assert page.evaluate(KEPT)["marks"] == 1
    page.close()

    # The same user signs in again: the mark is sent.
    site.sign_in(phone, made.lead)
    page = open_page(phone, f"{site.url}/teaching/")
    assert marks(session, first) == [(A, True)]
    (mark,) = history(session, first)
    assert mark.recorded_by_id == made.lead.id
    assert page.evaluate(KEPT)["marks"] == 0


def test_signing_out_sends_first_what_was_saved_here(site: Site, session: Session, made: Class) -> None:
    phone = site.phone(made.lead)
    # As on an iPhone: nothing is sent in the background.
    phone.add_init_script("delete globalThis.SyncManager")
    page = open_page(phone, address(site, made))
    page.route("**/teaching/sync", lambda route: route.abort())  # a network that comes and goes
    choose(page, made.ids[0], "absent")
    save(page)
    expect(pill(page)).to_have_text("1 mark on this phone. Sent while this page is open.")
    page.unroute("**/teaching/sync")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/roll" not in url)
    assert marks(session, made.ids[0]) == [(A, True)]


def test_a_session_that_ended_is_said_and_nothing_is_lost(site: Site, session: Session, made: Class) -> None:
    phone, page = prepare(site, made.lead, address(site, made))
    phone.clear_cookies()
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone. Sign in to send.")
    expect(page.locator("#sign-in-again a")).to_be_visible()
    site.sign_in(phone, made.lead)
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert marks(session, made.ids[0]) == [(P, True)]


def test_a_class_signed_off_meanwhile_keeps_the_marks_here_and_says_why(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = prepare(site, made.lead, address(site, made))
    phone.set_offline(True)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    begin_write(session)
    made.offering.finalized_at = datetime.now(UTC)
    session.commit()
    phone.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#offline-says")).to_contain_text("A change now needs a reason.")
    expect(page.locator("#offline-says")).to_be_in_viewport()
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    # The roll, opened again, holds the mark and asks for the reason.
    page.reload()
    ready(page)
    assert chosen(page, made.ids[0]) == "present"
    page.get_by_label("Reason for the change").fill("Was marked on paper.")
    save(page)
    page.wait_for_load_state()
    ready(page)
    assert marks(session, made.ids[0]) == [(P, True)]
    assert page.evaluate(KEPT)["marks"] == 0


def test_marks_of_a_class_that_is_somebody_elses_now_can_be_let_go(
    site: Site, session: Session, made: Class
) -> None:
    phone, page = prepare(site, made.assistant, address(site, made))
    phone.set_offline(True)
    choose(page, made.ids[0], "present")
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    begin_write(session)
    part = session.get(OfferingInstructor, (made.offering.id, made.assistant.id))
    session.delete(part)
    session.commit()
    phone.set_offline(False)
    page = open_page(phone, f"{site.url}/teaching/")
    waiting = page.locator("#waiting-rolls")
    expect(waiting).to_contain_text("This meeting is not yours to mark any more, or was taken out.")
    waiting.get_by_text("Remove them", exact=True).click()
    waiting.get_by_role("button", name="Remove them from this phone").click()
    expect(waiting).to_be_hidden()
    assert page.evaluate(KEPT)["marks"] == 0
    assert marks(session, made.ids[0]) == []


def test_no_mark_is_stored_twice_when_the_answer_is_lost(site: Site, session: Session, made: Class) -> None:
    _phone, page = prepare(site, made.lead, address(site, made))

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()  # the server takes it in, the phone never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/teaching/sync", lose_the_answer)
    choose(page, made.ids[0], "absent")
    save(page)
    # Kept here, unless the service worker's background sync has asked the server once more already.
    expect(pill(page)).to_contain_text(re.compile("1 mark on this phone.|Saved at"))
    assert marks(session, made.ids[0]) == [(A, True)]
    page.unroute("**/teaching/sync")
    save(page)
    expect(pill(page)).to_contain_text(re.compile("Saved at|Nothing had changed since the last save."))
    assert marks(session, made.ids[0]) == [(A, True)]
