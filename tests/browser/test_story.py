"""The whole story, once for each person who lives in it, on the demo school and the real processes."""

import base64
import io
import re
from collections.abc import Iterator

import pikepdf
import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect

from tests.browser.school import School, link_in, running_school
from tests.conftest import Databases

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def school(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, databases: Databases
) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("school"), browser, databases.migrated_file()) as running:
        yield running


def fill_enrollment(page: Page, name: str) -> None:
    page.fill("#certificate_name", name)
    page.select_option("#profession", "LMT")
    page.fill("#license_state", "OR")
    page.fill("#license_number", "31415")
    if page.locator("#acknowledge_screening").count():
        page.check("#acknowledge_screening")
    page.check("#accept_policy")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_newcomer_registers_finds_a_class_and_enrolls(school: School, javascript: bool) -> None:
    address = f"newcomer-{'with' if javascript else 'without'}@example.org"
    page = school.window(width=390, javascript=javascript)
    page.goto(school.url + "/accounts/register")
    page.fill("#name", "Marguerite Oyelaran-Whitcombe")
    page.fill("#email", address)
    page.fill("#password", "a quiet tide 42")
    page.click("main form[method=post] button[type=submit]")
    mail = school.wait_for_mail(address, "confirm")
    page.goto(link_in(mail, "/confirm/"))
    page.fill("#password", "a quiet tide 42")
    page.click("main form[method=post] button[type=submit]")
    page.wait_for_url("**/my/")

    page.goto(school.url + "/courses/")
    page.fill("input[name=q]", "fascia")
    page.click("main form button[type=submit]")
    expect(page.locator("main")).to_contain_text("Gentle Fascia Techniques")
    page.get_by_role("link", name=re.compile("^Enroll")).first.click()
    expect(page.locator("h1")).to_contain_text("Enroll in Gentle Fascia")
    page.click("main form[method=post] button[type=submit]")  # nothing agreed to yet
    expect(page.locator("[role=alert]").first).to_be_visible()
    assert page.title().startswith("Error:")
    fill_enrollment(page, "Marguerite Oyelaran-Whitcombe")
    page.click("main form[method=post] button[type=submit]")
    page.wait_for_url("**/my/**")
    expect(page.locator("main")).to_contain_text("Gentle Fascia Techniques")

    confirmation = school.wait_for_mail(address, "Gentle Fascia")
    files = [part for part in confirmation.walk() if part.get_content_type() == "text/calendar"]
    assert files
    events = Calendar.from_ical(bytes(files[0].get_payload(decode=True))).walk("VEVENT")
    assert len(events) == 1
    page.context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_an_instructor_takes_the_roll_on_a_phone(school: School, javascript: bool) -> None:
    page = school.window(width=390, javascript=javascript, login="ines")
    number = 1 if javascript else 2
    page.goto(f"{school.url}/teaching/CST2-AST-A/meetings/{number}/roll")
    segment = page.locator(".roll .segment").nth(2)
    segment.locator("label.is-late").click()
    minutes = page.locator(".roll input[name^=minutes-]").nth(2)
    minutes.fill("70")
    if javascript:
        expect(page.locator("#save-state")).to_contain_text("not saved")
    with page.expect_response(
        lambda answer: answer.request.method == "POST"
    ):  # leaving sooner would leave it unsaved
        page.get_by_role("button", name="Save roll").click()
    page.goto(f"{school.url}/teaching/CST2-AST-A/")
    expect(page.locator("table.matrix")).to_contain_text("70")
    page.context.close()


def test_the_lead_issues_certificates_and_a_verifier_checks_one(school: School) -> None:
    lead = school.window(login="ivan")
    lead.goto(school.url + "/teaching/ANA1-NET-A/certificates")
    lead.get_by_role("button", name=re.compile(r"^Issue \d+ certificates")).click()
    expect(lead.locator("main")).to_contain_text("certificates are being made")
    mail = school.wait_for_mail("bob@tideway.example", "certificate")

    bob = school.window(width=390, login="bob")
    address = link_in(mail, ".pdf").replace(link_in(mail, ".pdf").split("/certificates/")[0], school.url)
    answer = bob.request.get(address)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    with pikepdf.open(io.BytesIO(answer.body())) as pdf:
        assert len(pdf.pages) == 1
    stranger = school.window(login="alice")
    assert stranger.request.get(address).status == 404

    verifier = school.window(width=390)
    verifier.goto(link_in(mail, "/verify/"))
    expect(verifier.locator("h1")).to_have_text("This certificate is valid")
    expect(verifier.locator("main")).to_contain_text("Bob Ferreira")
    verifier.goto(school.url + "/verify/")
    number = link_in(mail, ".pdf").rsplit("/", 1)[1].removesuffix(".pdf")
    verifier.fill("#number", number)
    verifier.fill("#family_name", "ferreira")
    verifier.get_by_role("button", name="Check certificate").click()
    expect(verifier.locator("h1")).to_have_text("This certificate is valid")
    verifier.goto(school.url + "/verify/")
    verifier.set_input_files(
        "input[type=file]", {"name": "c.pdf", "mimeType": "application/pdf", "buffer": answer.body()}
    )
    verifier.get_by_role("button", name="Check the file").click()
    expect(verifier.locator("main")).to_contain_text("byte for byte what we issued")
    verifier.goto(school.url + "/verify/")
    dropped = verifier.evaluate_handle(
        """text => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], 'c.pdf'));
          return transfer;
        }""",
        base64.b64encode(answer.body() + b"% more").decode(),
    )
    verifier.dispatch_event("h1", "dragover", {"dataTransfer": dropped})
    expect(verifier.locator("input[type=file]")).to_have_attribute("data-drop", "")
    verifier.dispatch_event("h1", "drop", {"dataTransfer": dropped})
    expect(verifier.locator("main")).to_contain_text("was changed after we signed it")

    office = school.window(login="rosa")
    office.goto(f"{school.url}/office/certificates/{number}/revoke")
    office.select_option("#reason", "issued_in_error")
    office.fill("#note", "Issued to the wrong person in this story.")
    office.get_by_role("button", name="Revoke certificate").click()
    expect(office.locator("main")).to_contain_text("Revoked")
    verifier.goto(link_in(mail, "/verify/"))
    expect(verifier.locator("h1")).to_have_text("This certificate was revoked")
    for page in (lead, bob, stranger, verifier, office):
        page.context.close()


def test_a_freed_seat_is_offered_to_the_head_of_the_waitlist_who_takes_it(school: School) -> None:
    office = school.window(login="rosa")
    office.goto(school.url + "/office/classes/CST1-CHI-A/roster")
    expect(office.locator("main")).to_contain_text("Bob Ferreira")
    office.goto(school.url + "/office/classes/CST1-CHI-A/capacity")
    office.fill("#capacity", "25")
    office.locator("main form[method=post] button[type=submit]").first.click()
    office.wait_for_load_state("networkidle")
    mail = school.wait_for_mail("bob@tideway.example", "seat")
    assert "Craniosacral" in str(mail["Subject"]) + str(mail.get_body(("plain",)))
    bob = school.window(width=390, login="bob")
    bob.goto(school.url + "/my/")
    bob.get_by_role("button", name=re.compile("Take the seat")).click()
    bob.wait_for_load_state("networkidle")
    expect(bob.locator("main")).to_contain_text("Craniosacral Therapy 1")
    school.wait_for_mail("bob@tideway.example", "Your seat in Craniosacral")
    for page in (office, bob):
        page.context.close()


def test_a_registrar_makes_a_class_and_publishes_it(school: School) -> None:
    page = school.window(login="rosa")
    page.goto(school.url + "/office/classes")
    expect(page.locator("main")).to_contain_text("CST1-CHI-A")
    page.goto(school.url + "/office/classes/CST1-LIS-A")
    expect(page.locator("main")).to_contain_text("Casa do Rio")
    page.goto(school.url + "/office/audit")
    expect(page.locator("main")).to_contain_text("Rosa Delgado")
    page.context.close()


def test_an_admin_invites_an_instructor_who_sets_a_password(school: School) -> None:
    admin = school.window(login="admin")
    admin.goto(school.url + "/office/people")
    expect(admin.locator("main")).to_contain_text("Ines Batista")
    admin.get_by_role("link", name=re.compile("Invite")).first.click()
    admin.fill("#name", "Noor Haddad")
    admin.fill("#email", "noor@example.org")
    if admin.locator("#role").count():
        admin.select_option("#role", "instructor")
    else:
        admin.check("input[name=role][value=instructor]")
    admin.locator("main form[method=post] button[type=submit]").first.click()
    mail = school.wait_for_mail("noor@example.org", "Your account")
    guest = school.window(width=390)
    guest.goto(re.findall(r"https?://\S+/accounts/\S+", str(mail.get_body(("plain",)).get_content()))[0])  # type: ignore[union-attr]
    for field in guest.locator("input[type=password]").all():
        field.fill("a calm harbour 7")
    guest.locator("main form[method=post] button[type=submit]").first.click()
    guest.wait_for_load_state("networkidle")
    school.sign_in(guest, "noor@example.org", "a calm harbour 7")
    guest.goto(school.url + "/teaching/")
    expect(guest.locator("h1")).to_be_visible()
    for page in (admin, guest):
        page.context.close()
