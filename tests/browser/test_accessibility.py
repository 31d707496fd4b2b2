"""A page of each kind passes axe-core, on a phone and a desktop, light and dark, without sideways scrolling or errors.

The full run looks at every address.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import look_at
from tests.browser.school import School, running_school
from tests.conftest import Databases

pytestmark = pytest.mark.browser

PAGES = {
    "": (
        "/",
        "/courses/CST1",
        "/classes/CST1-CHI-A",
        "/verify/",
        "/verify/00000000000000000000000000",
        "/accounts/login",
        "/accounts/register",
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
        "/office/classes/CST1-CHI-A",
        "/office/classes/CST1-CHI-A/roster",
        "/office/classes/CST1-CHI-A/enroll",
        "/office/courses/CST1",
        "/office/certificates",
        "/office/certificates/TBI-26-0001/revoke",
        "/office/audit",
    ),
    "admin": ("/office/school", "/office/people", "/office/mail"),
}


@pytest.fixture(scope="module")
def school(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, databases: Databases
) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("school"), browser, databases.migrated_file()) as running:
        yield running


@pytest.mark.parametrize("login", list(PAGES), ids=lambda login: login or "visitor")
def test_every_page_can_be_used_by_everyone(school: School, login: str) -> None:
    page = school.window(width=390, login=login)
    problems = [problem for path in PAGES[login] for problem in look_at(page, school.url + path)]
    page.context.close()
    assert not problems, "\n".join(problems)
