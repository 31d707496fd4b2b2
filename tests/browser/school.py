"""The demo school served by the real processes, gunicorn and the worker, for tests that walk through it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from tests.benchmark.server import ROOT, flask, serving
from tests.ports import free_port

PASSWORD = "tideway-demo"


@dataclass
class School:
    """A running demo school."""

    url: str
    folder: Path
    browser: Browser

    def window(
        self, *, width: int = 1280, dark: bool = False, javascript: bool = True, login: str = ""
    ) -> Page:
        """A window of its own, signed in through the sign-in page when a login is given."""
        context: BrowserContext = self.browser.new_context(
            viewport={"width": width, "height": 850},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            locale="en-US",
            accept_downloads=True,
            reduced_motion="reduce",
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        if login:
            self.sign_in(page, login)
        return page

    def sign_in(self, page: Page, login: str, password: str = PASSWORD) -> None:
        """Sign in by the page; ``login`` is an address, or a name of the cast."""
        page.goto(self.url + "/accounts/login")
        page.fill("#email", login if "@" in login else f"{login}@tideway.example")
        page.fill("#password", password)
        page.click("main form[method=post] button[type=submit]")
        page.wait_for_url(lambda address: "/accounts/login" not in address)

    def mails_to(self, recipient: str) -> list[EmailMessage]:
        """The mails written so far for an address, oldest first."""
        found = []
        for path in sorted((self.folder / "mail").glob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=default)
            if recipient in str(message["To"]):
                found.append(message)
        return found

    def wait_for_mail(self, recipient: str, words: str) -> EmailMessage:
        """The mail whose subject holds some words; waits for the worker."""
        for _ in range(600):
            for message in self.mails_to(recipient):
                if words.lower() in str(message["Subject"]).lower():
                    return message
            time.sleep(0.2)
        subjects = [str(message["Subject"]) for message in self.mails_to(recipient)]
        raise AssertionError(f"no mail to {recipient} about {words!r}; there are {subjects}")


def text_of(message: EmailMessage) -> str:
    """The plain text of a mail."""
    body = message.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""


def link_in(message: EmailMessage, part: str) -> str:
    """The first address in a mail that holds ``part``."""
    for address in re.findall(r"https?://\S+", text_of(message)):
        if part in address:
            return str(address).rstrip(".,)")
    raise AssertionError(f"no link with {part!r} in:\n{text_of(message)}")


@contextmanager
def running_school(folder: Path, browser: Browser, migrated: Path) -> Iterator[School]:
    """Load the demo school into a folder and serve it; everything is ended at the end. ``migrated`` is an empty database."""
    environment = os.environ | {
        "INSTANCE_PATH": str(folder),
        "DATABASE_URL": "",
        "LOG_LEVEL": "WARNING",
        "DEMO": "1",
    }
    port = free_port()
    environment["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    shutil.copy(migrated, folder / "stillpoint.db")
    flask(environment, "demo", "load")
    worker = subprocess.Popen([sys.executable, "-m", "flask", "worker"], cwd=ROOT, env=environment)
    try:
        with serving(environment, port=port) as server:
            yield School(server.address, folder, browser)
    finally:
        worker.terminate()
        worker.wait(timeout=120)
