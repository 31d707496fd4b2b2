"""The roll under the hand: keys on a laptop, a thumb on a phone, remarks, and everything without JavaScript."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from attendance.models import MarkStatus
from core.database import begin_write
from courses.offering_models import Meeting
from tests import factories
from tests.attendance.classes import Class, history
from tests.browser.conftest import Site
from tests.browser.phones import address, choose, chosen, marks, open_page, pill, prepare, ready, save, until

pytestmark = pytest.mark.browser
P, L, A, E = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT, MarkStatus.EXCUSED
THUMB = 44  # CSS pixels, the stylesheet's --touch


def remark(page: Page, number: int) -> str:
    return page.locator(f'input[name="remark-{number}"]').input_value()


def test_a_laptop_needs_no_mouse(site: Site, session: Session, made: Class) -> None:
    first, second, third = made.ids
    page = open_page(site.phone(made.lead, width=1280), address(site, made))
    expect(page.get_by_text("With a keyboard:")).to_be_visible()
    keys = page.keyboard
    page.locator(f'input[name="status-{first}"]').first.focus()
    keys.press("1")  # present, and on to the next
    assert page.evaluate("document.activeElement.name") == f"status-{second}"
    keys.press("2")  # late: the clock says the minutes, half an hour after the begin
    assert 55 <= int(page.locator(f"#minutes-{second}").input_value()) <= 61
    assert page.evaluate("document.activeElement.name") == f"status-{third}"
    keys.press("4")
    assert chosen(page, third) == "absent"
    keys.press("k")  # back to the second, without marking
    assert chosen(page, second) == "late"
    keys.press("r")
    keys.type("Train 5 was late, jk.")  # the keys write here, they do not mark
    keys.press("Escape")
    keys.press("j")
    keys.press("5")
    assert [chosen(page, number) for number in made.ids] == ["present", "late", "excused"]
    page.locator(f"#minutes-{second}").focus()
    keys.press("Enter")  # done with this one: on to the next, and nobody is marked by it
    assert page.evaluate("document.activeElement.name") == f"status-{third}"
    keys.press("s")
    expect(pill(page)).to_contain_text("Saved at")
    assert [marks(session, number) for number in made.ids] == [[(P, True)], [(L, True)], [(E, True)]]
    assert history(session, second)[0].remark == "Train 5 was late, jk."
    # The tab key goes minutes, marks, remark, as the page is drawn.
    page.locator(f"#minutes-{second}").focus()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.name") == f"status-{second}"
    keys.press("Tab")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.name") == f"remark-{second}"


def test_a_thumb_marks_twenty_four_in_twenty_five_taps(site: Site, session: Session, made: Class) -> None:
    begin_write(session)
    made.offering.capacity = 24
    session.flush()
    more = [factories.put_enrollment(session, made.offering) for _number in range(21)]
    for enrollment in more:
        enrollment.created_at = made.enrollments[0].created_at
    session.commit()
    page = open_page(site.phone(made.lead, touch=True), address(site, made))
    labels = page.locator("label.is-present")
    assert labels.count() == 24
    for number in range(24):
        box = labels.nth(number).bounding_box()
        assert box is not None
        assert box["width"] >= THUMB
        assert box["height"] >= THUMB
        labels.nth(number).tap()
    page.get_by_role("button", name="Save roll").tap()
    expect(pill(page)).to_contain_text("Saved at")
    assert all(marks(session, enrollment.id) == [(P, True)] for enrollment in more)


def test_marking_the_rest_can_be_taken_back(site: Site, session: Session, made: Class) -> None:
    first, second, third = made.ids
    page = open_page(site.phone(made.lead), address(site, made))
    choose(page, first, "absent")
    page.get_by_role("button", name="Mark rest present").click()
    expect(pill(page)).to_have_text("3 not saved")
    choose(page, third, "excused")  # marked otherwise since: not taken back with the rest
    page.get_by_role("button", name="Undo").click()
    expect(pill(page)).to_have_text("2 not saved")
    assert [chosen(page, number) for number in (first, third)] == ["absent", "excused"]
    expect(page.locator(f'input[name="status-{second}"]:checked')).to_have_count(0)
    said = page.get_by_text("Everyone is marked already.")
    page.get_by_role("button", name="Mark rest present").click()
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    expect(said).to_be_hidden()
    page.get_by_role("button", name="Mark rest present").click()  # nobody is left to mark
    expect(said).to_be_visible()
    expect(pill(page)).to_contain_text("Saved at")
    choose(page, second, "absent")
    expect(said).to_be_hidden()


def test_the_bar_says_saved_only_when_something_was(site: Site, session: Session, made: Class) -> None:
    first = made.ids[0]
    begin_write(session)
    made.offering.time_zone = "Pacific/Kiritimati"  # no browser of these tests keeps this clock
    session.commit()
    page = open_page(site.phone(made.lead), address(site, made))
    save(page)
    expect(pill(page)).to_have_text("Nobody is marked yet.")
    choose(page, first, "late")
    page.locator(f"#minutes-{first}").fill("soon")
    save(page)
    expect(page.locator(f"#e-{first}")).to_have_text("Give the minutes, from 1 to 90.")
    expect(pill(page)).to_have_text("1 not saved")
    page.locator(f"#minutes-{first}").fill("80")
    page.get_by_role("button", name="Mark rest present").click()
    save(page)
    hour = datetime.now(ZoneInfo("Pacific/Kiritimati")).strftime("%I").lstrip("0")
    expect(pill(page)).to_contain_text(f"Saved at {hour}:")  # on the clock of the class
    assert [marks(session, number) for number in made.ids] == [[(L, True)], [(P, True)], [(P, True)]]
    # What was saved is taken back by another mark, not by Undo.
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.reload()
    ready(page)
    save(page)
    expect(pill(page)).to_have_text("Nothing had changed since the last save.")


def test_enter_in_a_field_saves_without_javascript_and_marks_nobody_else(
    site: Site, session: Session, made: Class
) -> None:
    first, second, _third = made.ids
    page = site.phone(made.lead, javascript=False).new_page()
    page.goto(address(site, made))
    page.locator(f'input[name="status-{first}"][value="late"]').check(force=True)
    page.locator(f"#minutes-{first}").fill("77")
    page.locator(f"#minutes-{first}").press("Enter")
    expect(page.get_by_text("1 mark saved.")).to_be_visible()
    assert marks(session, first) == [(L, True)]
    assert marks(session, second) == []


def test_a_remark_needs_no_network_and_survives_a_killed_tab(
    site: Site, session: Session, made: Class
) -> None:
    first, second, _third = made.ids
    phone, page = prepare(site, made.lead, address(site, made))
    phone.set_offline(True)
    choose(page, first, "present")
    page.locator(f"#r-{first}").click()
    page.keyboard.type("Leaves at 3.")  # opening it puts the cursor there
    save(page)
    expect(pill(page)).to_contain_text("1 mark on this phone.")
    page.locator(f"#r-{second}").click()
    page.keyboard.type("Sits by the door.")
    save(page)  # a remark alone is not a mark: said at the row, and nothing is lost
    expect(page.locator(f"#e-{second}")).to_contain_text("Choose a mark as well")
    page.wait_for_timeout(1000)
    page.close()

    page = open_page(phone, address(site, made))
    assert [remark(page, number) for number in (first, second)] == ["Leaves at 3.", "Sits by the door."]
    expect(pill(page)).to_have_text("1 not saved")
    phone.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    until(page, "document.querySelector('#roll [name=revision]').value === '1'")
    choose(page, second, "absent")
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    marks(session, first)
    assert [history(session, number)[0].remark for number in (first, second)] == [
        "Leaves at 3.",
        "Sits by the door.",
    ]
    page.reload()
    ready(page)
    assert remark(page, first) == "Leaves at 3."
    expect(pill(page)).not_to_contain_text("not saved")


def test_the_roll_is_complete_without_javascript(site: Site, session: Session, made: Class) -> None:
    first, second, _third = made.ids
    page = site.phone(made.lead, javascript=False).new_page()
    page.goto(address(site, made))
    choose(page, first, "late")
    page.locator(f"#minutes-{first}").fill("70")
    page.locator(f"#r-{first}").click()
    page.locator(f'input[name="remark-{first}"]').fill("Leaves at 3.")
    page.get_by_role("button", name="Mark rest present").click()
    expect(pill(page)).to_have_text("3 not saved")
    page.get_by_role("button", name="Undo").click()
    expect(pill(page)).to_have_text("1 not saved")
    expect(page.locator(f'input[name="status-{second}"]:checked')).to_have_count(0)
    assert (chosen(page, first), remark(page, first)) == ("late", "Leaves at 3.")
    page.get_by_role("button", name="Mark rest present").click()
    save(page)
    expect(pill(page)).to_contain_text("Saved at")
    assert [marks(session, number) for number in made.ids] == [[(L, True)], [(P, True)], [(P, True)]]
    (late,) = history(session, first)
    assert (late.minutes, late.remark) == (70, "Leaves at 3.")


def test_the_class_of_a_finished_course_opens_at_how_everyone_stands(
    site: Site, session: Session, made: Class
) -> None:
    begin_write(session)
    offering = made.offering
    gone = timedelta(days=30)
    for meeting in offering.meetings:
        meeting.starts_at, meeting.ends_at = meeting.starts_at - gone, meeting.ends_at - gone
    last = offering.meetings[-1]
    for number in range(3, 17):
        begins = last.starts_at + timedelta(hours=2 * number)
        session.add(
            Meeting(
                offering_id=offering.id,
                number=number,
                starts_at=begins,
                ends_at=begins + timedelta(minutes=90),
                credit_minutes=90,
                kind=last.kind,
            )
        )
    offering.starts_at -= gone
    offering.ends_at = last.starts_at + timedelta(hours=34)
    session.commit()
    page = site.phone(made.lead).new_page()
    page.goto(f"{site.url}/teaching/{offering.code.lower()}/")
    scroller, standing = page.locator(".scroller"), page.locator("tbody .flag").first
    expect(standing).to_be_visible()
    until(
        page,
        "document.querySelector('.scroller').scrollLeft + document.querySelector('.scroller').clientWidth"
        " >= document.querySelector('.scroller').scrollWidth - 2",
    )
    box, around = standing.bounding_box(), scroller.bounding_box()
    assert box is not None
    assert around is not None
    assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
