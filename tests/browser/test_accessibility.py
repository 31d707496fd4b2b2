"""Every page passes axe-core, on a phone and a desktop, light and dark, without sideways scrolling or console errors."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.school import School, running_school

pytestmark = pytest.mark.browser

PAGES = {
    "": (
        "/",
        "/courses/?q=nothing-like-this",
        "/courses/CST1",
        "/classes/CST1-CHI-A",
        "/classes/CST1-CHI-DST",
        "/verify/",
        "/verify/00000000000000000000000000",
        "/accounts/login",
        "/accounts/register",
        "/accounts/reset",
        "/no-such-page",
    ),
    "alice": ("/my/", "/my/details", "/accounts/account", "/classes/FAS1-CHI-A/enroll", "/office/"),
    "bob": ("/my/", "/classes/CST2-AST-A/enroll"),
    "ines": (
        "/teaching/",
        "/teaching/CST2-AST-A/",
        "/teaching/CST2-AST-A/meetings/1/roll",
        "/teaching/CST1-AST-A/certificates",
    ),
    "rosa": (
        "/office/",
        "/office/classes",
        "/office/classes/CST1-CHI-A",
        "/office/classes/CST1-CHI-A/roster",
        "/office/classes/CST1-CHI-A/enroll",
        "/office/courses",
        "/office/courses/CST1",
        "/office/venues",
        "/office/people",
        "/office/fees",
        "/office/certificates",
        "/office/certificates/TBI-26-0001",
        "/office/certificates/TBI-26-0001/revoke",
        "/office/audit",
    ),
    "admin": ("/office/school", "/office/people", "/office/mail"),
}
# Everything is looked at in light on both sizes; what dark changes is color, so there only contrast.
LOOKS = [(390, False), (390, True), (1280, True), (1280, False)]
CONTRAST_ONLY = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("school"), browser) as running:
        yield running


@pytest.mark.parametrize("login", list(PAGES), ids=lambda login: login or "visitor")
def test_every_page_can_be_used_by_everyone(school: School, login: str) -> None:
    page = school.window(width=390, login=login)
    told: list[str] = []
    page.on(
        "console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None
    )
    problems: list[str] = []
    for path in PAGES[login]:
        told.clear()
        page.set_viewport_size({"width": 390, "height": 850})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        answer = page.goto(school.url + path)
        status = answer.status if answer else 0
        if status == 200:
            problems += [f"{path}: console: {line}" for line in told]
        if status >= 500:
            problems.append(f"{path}: {status}")
        for width, dark in LOOKS:
            problems += [
                f"{path} at {width}{' dark' if dark else ''}: {text}" for text in look(page, width, dark)
            ]
    page.context.close()
    assert not problems, "\n".join(problems)


def look(page: Page, width: int, dark: bool) -> list[str]:
    """What axe-core finds on the page as it is shown now; and whether it scrolls sideways."""
    page.set_viewport_size({"width": width, "height": 850})
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.reload()  # as somebody sees it who comes with these settings, not in the middle of a change
    found = Axe().run(page, options=CONTRAST_ONLY if dark else None)
    problems = [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found.response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        problems.append("scrolls sideways")
    return problems
