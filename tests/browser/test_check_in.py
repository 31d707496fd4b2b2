"""The code for checking in, on the screen of the room and on a tablet at the door."""

import pytest
from playwright.sync_api import expect

from tests.attendance.classes import Class
from tests.browser.conftest import Site
from tests.browser.phones import address

pytestmark = pytest.mark.browser


def test_the_code_stands_whole_on_the_screen_of_the_room(site: Site, made: Class) -> None:
    page = site.phone(made.lead).new_page()
    page.goto(address(site, made).replace("/roll", "/check-in"))
    for width, height in ((1280, 720), (1920, 1080), (820, 1180)):
        page.set_viewport_size({"width": width, "height": height})
        box = page.locator(".checkin__qr svg").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height  # nobody scrolls on a wall
        assert box["width"] >= height * 0.45


def test_the_tablet_at_the_door_leads_nowhere_else(site: Site, made: Class) -> None:
    page = site.phone(made.lead, width=820).new_page()
    page.goto(address(site, made).replace("/roll", "/check-in"))
    door = page.get_by_role("link", name="Page for a tablet at the door").get_attribute("href")
    tablet = site.phone(width=820).new_page()
    tablet.goto(f"{site.url}{door}")
    expect(tablet.locator(".checkin__qr svg")).to_be_visible()
    expect(tablet.get_by_role("link", name="Sign in")).to_have_count(0)
    expect(tablet.get_by_role("navigation", name="Main")).to_have_count(0)
