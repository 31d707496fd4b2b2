"""What the tests of the roll do on a phone or a laptop."""

from typing import Any

from playwright.sync_api import BrowserContext, Error, Page
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.models import MarkStatus
from tests.attendance.classes import Class, history
from tests.browser.conftest import Site


def address(site: Site, made: Class) -> str:
    return f"{site.url}/teaching/{made.offering.code.lower()}/meetings/1/roll"


def open_page(context: BrowserContext, url: str) -> Page:
    """Open a page and wait until this phone is ready for a room without a network."""
    page = context.new_page()
    page.goto(url)
    ready(page)
    return page


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-ready=offline]", state="attached")


def prepare(site: Site, user: User, url: str) -> tuple[BrowserContext, Page]:
    phone = site.phone(user)
    page = open_page(phone, url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, "navigator.serviceWorker.controller !== null")
    return phone, page


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true; Playwright's own way needs eval, which the site's CSP forbids."""
    for _attempt in range(600):
        try:
            if page.evaluate(expression):
                return
        except Error as error:
            if "context was destroyed" not in error.message:  # the page went on to another: look again there
                raise
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}")


def choose(page: Page, number: int, status: str) -> None:
    page.locator(f'input[name="status-{number}"][value="{status}"]').check(force=True)


def chosen(page: Page, number: int) -> str:
    return str(page.locator(f'input[name="status-{number}"]:checked').get_attribute("value"))


def pill(page: Page) -> Any:
    return page.locator("#save-state")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save roll").click()


def marks(session: Session, number: int) -> list[tuple[MarkStatus, bool]]:
    session.rollback()
    return [(mark.status, mark.is_current) for mark in history(session, number)]
