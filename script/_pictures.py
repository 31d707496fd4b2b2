"""Takes the pictures of the guides with Chromium, on a demo school made for it. Part of script/pictures.

A new picture is a line in ``SHOTS``: its name, who is signed in, the address, and what to do there first.
"""

import argparse
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from app import create_app
from core.migrations import alembic, attach
from core.settings import ROOT, Settings

PASSWORD = "tideway-demo"
FOLDER = ROOT / "docs" / "pictures"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = 1280, 390
TALLEST = 2400


@dataclass(frozen=True)
class Shot:
    """One picture. ``who`` is the login of the demo's cast, empty for a visitor; ``steps`` come before the picture."""

    name: str
    who: str
    address: str
    width: int = DESKTOP
    steps: Callable[[Page], None] | None = None
    tallest: int = 1500


def _new_class(page: Page) -> None:
    page.select_option("#course_id", label="CST1 Craniosacral Therapy 1")
    page.select_option("#venue_id", index=3)
    page.fill("#first_day", "2027-03-12")
    page.fill("#days", "4")
    page.select_option("#lead_id", label="Ines Batista")
    page.click("button[value=show]")
    page.wait_for_selector("#preview")


def _claim(page: Page) -> None:
    page.fill("#summary", "Two quiet days. This work relieves pain.")
    page.wait_for_selector("[data-wording-here] .notice")


def _shift(page: Page) -> None:
    page.fill("#shift", "7")
    page.click("button[value=show]")
    page.wait_for_selector("#changes-h")


SHOTS = (
    Shot("office-today", "rosa", "/office/"),
    Shot("office-classes", "rosa", "/office/classes"),
    Shot("office-class", "rosa", "/office/classes/cst1-chi-dst"),
    Shot("office-new-class", "rosa", "/office/classes/new", steps=_new_class, tallest=1250),
    Shot("office-schedule", "rosa", "/office/classes/cst1-lis-a/schedule", steps=_shift, tallest=1250),
    Shot("office-instructors", "rosa", "/office/classes/cst1-chi-a/instructors"),
    Shot("office-details", "rosa", "/office/classes/cst1-chi-a/edit"),
    Shot("office-roster", "rosa", "/office/classes/cst1-chi-a/roster"),
    Shot("office-courses", "rosa", "/office/courses"),
    Shot("office-course", "rosa", "/office/courses/cst1", steps=_claim, tallest=1700),
    Shot("office-claims", "rosa", "/office/claims"),
    Shot("office-claim", "rosa", "/office/claims/1"),
    Shot("office-venues", "rosa", "/office/venues"),
    Shot("office-venue", "rosa", "/office/venues/chi"),
    Shot("office-people", "rosa", "/office/people"),
    Shot("office-audit", "rosa", "/office/audit"),
    Shot("office-mail", "rosa", "/office/mail"),
    Shot("office-school", "admin", "/office/school"),
    Shot("student-catalog", "", "/"),
    Shot("student-course", "", "/courses/cst1"),
    Shot("student-enroll", "charlie", "/classes/fas1-chi-a/enroll", PHONE, tallest=TALLEST),
    Shot("student-my", "alice", "/my/"),
    Shot("student-my-phone", "bob", "/my/", PHONE),
    Shot("student-verify", "", "/verify/"),
    Shot("instructor-teaching", "ines", "/teaching/"),
    Shot("instructor-grid", "ines", "/teaching/fas1-ast-a/"),
    Shot("instructor-roll", "ines", "/teaching/cst2-ast-a/meetings/2/roll", PHONE),
    Shot("instructor-finalize", "ines", "/teaching/fas1-ast-a/finalize"),
    Shot("instructor-certificates", "ivan", "/teaching/ana1-net-a/certificates"),
)


@contextmanager
def demo() -> Iterator[tuple[str, Path]]:
    """Serve a demo school of its own on a free port; yields its address and its folder."""
    folder = Path(tempfile.mkdtemp(prefix="stillpoint-pictures-"))
    try:
        app = _demo_app(folder)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _demo_app(folder: Path) -> Flask:
    settings = Settings(instance_path=folder, demo=True, public_url="http://localhost", log_level="ERROR")
    app = create_app(settings.completed())
    attach(app)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with app.app_context():
        alembic.upgrade()
    result = app.test_cli_runner().invoke(args=["demo", "load"])
    if result.exit_code:
        raise SystemExit(f"flask demo load failed: {result.output} {result.exception or ''}")
    return app


def sign_in(page: Page, base: str, who: str) -> None:
    """Sign in as one of the demo's cast."""
    page.goto(f"{base}/accounts/login")
    page.fill("#email", f"{who}@tideway.example")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_load_state()


def take(
    browser: Browser, base: str, shots: Sequence[Shot], folder: Path, scheme: str, suffix: str
) -> list[str]:
    """Take these pictures; returns what went wrong."""
    wrong = []
    for who, width in sorted({(shot.who, shot.width) for shot in shots}):
        context = browser.new_context(
            viewport={"width": width, "height": 844 if width < 600 else 900},
            color_scheme="dark" if scheme == "dark" else "light",
            device_scale_factor=1,
            locale="en-US",
            has_touch=width < 600,  # a phone is told nothing of keys
        )
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
        if who:
            sign_in(page, base, who)
        for shot in (shot for shot in shots if (shot.who, shot.width) == (who, width)):
            answer = page.goto(base + shot.address)
            if answer is None or answer.status != 200:
                wrong.append(f"{shot.name}: {shot.address} answers {answer.status if answer else 'nothing'}")
                continue
            if shot.steps:
                shot.steps(page)
            sideways = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if sideways > 0:
                wrong.append(f"{shot.name}: scrolls sideways by {sideways} pixels at {width}")
            height = min(page.evaluate("document.documentElement.scrollHeight"), shot.tallest)
            page.set_viewport_size({"width": width, "height": height})
            file = folder / f"{shot.name}{suffix}.png"
            page.screenshot(path=file)
            with Image.open(
                file
            ) as picture:  # the pages have few colors: a third of the size, and nobody sees it
                # An octree keeps the small marks in their own colors; the default made late as red as absent.
                picture.quantize(256, Image.Quantize.FASTOCTREE).save(file, optimize=True)
            page.set_viewport_size({"width": width, "height": 900})
        context.close()
    return wrong


def picture_of_a_certificate(folder: Path, app_folder: Path) -> None:
    """The first stored certificate of the demo as a picture, by pdftoppm."""
    stored = next(
        path for path in sorted((app_folder / "files").glob("??/??/*")) if path.read_bytes()[:5] == b"%PDF-"
    )
    subprocess.run(
        ["pdftoppm", "-r", "75", "-png", "-singlefile", str(stored), str(folder / "certificate")], check=True
    )


def main() -> int:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(prog="script/pictures", description="Takes the pictures of the guides.")
    parser.add_argument("names", nargs="*", help="only pictures whose name contains one of these")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; docs/pictures by default")
    parser.add_argument("--looks", action="store_true", help="each at 390 and 1280 pixels, light and dark")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    shots = [s for s in SHOTS if not options.names or any(name in s.name for name in options.names)]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    wrong: list[str] = []
    with demo() as (base, school), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(SWITCHES))
        if not options.looks:
            if not options.names or "certificate" in options.names:
                picture_of_a_certificate(options.out, school)
            wrong += take(browser, base, shots, options.out, "light", "")
        else:
            for width in (PHONE, DESKTOP):
                for scheme in ("light", "dark"):
                    wide = [Shot(s.name, s.who, s.address, width, s.steps, TALLEST) for s in shots]
                    wrong += take(browser, base, wide, options.out, scheme, f"-{width}-{scheme}")
        browser.close()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
