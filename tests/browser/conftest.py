"""A real browser (Debian's Chromium, driven by Playwright) against the real application on a loopback port."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import BaseWSGIServer, make_server

from accounts.models import User
from app import create_app
from core.database import begin_write, db
from core.settings import Settings
from tests.attendance.classes import Class, make_class
from tests.conftest import Databases
from tests.helpers import sign_in

# A busy machine takes its time; only a test that fails waits so long.
expect.set_options(timeout=60_000)

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Where Chromium is: BROWSER_PATH, or the first of the usual names."""
    given = os.environ.get("BROWSER_PATH")
    return (
        given or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once for the tests of this folder.

    Not for the whole session: Playwright keeps an event loop running in the thread of the tests, and while one runs
    pyHanko, which starts its own, refuses to sign or judge in the tests that this process is given next.
    """
    path = chromium()
    assert path, "no Chromium found: install the package chromium, or set BROWSER_PATH"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@dataclass
class Site:
    """The application being served; ``phone`` opens a browser window signed in as somebody."""

    app: Flask
    url: str
    browser: Browser
    opened: list[BrowserContext] = field(default_factory=list)

    def phone(
        self, user: User | None = None, *, width: int = 390, touch: bool = False, javascript: bool = True
    ) -> BrowserContext:
        """A phone of its own (cookies, storage, service worker); signed in when a user is given."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 844},
            locale="en-US",
            has_touch=touch,
            java_script_enabled=javascript,
        )
        context.set_default_timeout(60_000)
        self.opened.append(context)
        if user is not None:
            self.sign_in(context, user)
        return context

    def sign_in(self, context: BrowserContext, user: User) -> None:
        """Give a phone the session of a user."""
        client = self.app.test_client()
        sign_in(client, user)
        cookie = client.get_cookie("stillpoint")
        assert cookie is not None
        context.add_cookies([{"name": "stillpoint", "value": cookie.value, "url": self.url}])


@pytest.fixture
def site(tmp_path: Path, browser: Browser, databases: Databases) -> Iterator[Site]:
    """The application on a fresh database, CSRF and all, served on a free loopback port."""
    settings = Settings(
        instance_path=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'stillpoint.db'}",
        secret_key="a secret for tests only",
        public_url="http://school.test",
    ).completed()
    shutil.copy(databases.migrated_file(), tmp_path / "stillpoint.db")
    app = create_app(settings)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made = Site(app, f"http://127.0.0.1:{server.port}", browser)
    yield made
    for context in made.opened:
        context.close()
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def session(site: Site) -> Iterator[Session]:
    """A session on the database of the served application."""
    with site.app.app_context():
        begin_write(db.session)
        yield db.session
        db.session.rollback()


@pytest.fixture
def made(session: Session) -> Class:
    """A class whose first meeting began half an hour ago."""
    begun = datetime.now(UTC) - timedelta(minutes=30)
    found = make_class(session, starts=begun)
    for enrollment in found.enrollments:
        enrollment.created_at = begun - timedelta(days=9)
    session.commit()
    return found
