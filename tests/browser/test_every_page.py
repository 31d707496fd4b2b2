"""Every page of the table of addresses passes axe-core, for somebody who may see it: phone and desktop, light and dark."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext

from tests.addresses import TABLE
from tests.browser.axe import look_at
from tests.browser.conftest import Site
from tests.world import WHO, World, build_world

pytestmark = [pytest.mark.browser, pytest.mark.full]


def who_sees(answers: str) -> str | None:
    """Who gets the page, the admin rather than a visitor; None when nobody gets a 200."""
    seeing = [who for who, answer in zip(WHO, answers.split(), strict=True) if answer == "200"]
    return seeing[-1] if seeing else None


def context_of(site: Site, app: Flask, world: World, who: str) -> BrowserContext:
    context = site.phone()
    if who != "visitor":
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = world.people[who]
            session["_fresh"] = True
        cookie = client.get_cookie("stillpoint")
        assert cookie is not None
        context.add_cookies([{"name": "stillpoint", "value": cookie.value, "url": site.url}])
    return context


def test_every_page_of_the_table_can_be_used_by_everyone(site: Site) -> None:
    # Certificates are signed in an event loop, and Playwright keeps one running in this thread.
    with ThreadPoolExecutor(max_workers=1) as elsewhere:
        world = elsewhere.submit(build_world, site.app).result()
    wanted: dict[str, list[str]] = {}
    for key, row in TABLE.items():
        who = who_sees(row.answers)
        if key.startswith("GET ") and who is not None:
            wanted.setdefault(who, []).append(row.path.format(**world.values))
    problems: list[str] = []
    seen = 0
    for who, paths in wanted.items():
        context = context_of(site, site.app, world, who)
        page = context.new_page()
        for path in paths:
            headers = context.request.get(site.url + path).headers
            # A mail shown inside a page runs no script, not axe-core's either: its page is looked at, not it.
            is_inside = "sandbox" in headers.get("content-security-policy", "")
            if is_inside or not headers.get("content-type", "").startswith("text/html"):
                continue
            seen += 1
            problems += [f"{problem} (as {who})" for problem in look_at(page, site.url + path)]
        context.close()
    assert not problems, "\n".join(problems)
    assert seen > 80
