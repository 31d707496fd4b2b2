"""What is wrong with a catalog file is told with its line and key, and nothing is changed."""

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from core.database import begin_write
from core.school import School
from courses.catalog_entries import Entry
from courses.catalog_file import read_catalog
from courses.marked_yaml import CatalogError
from courses.models import Course, Policy, ScreeningSet
from courses.offering_models import Offering, Venue
from tests.courses.catalogs import count, edit, load, make_cast

GUIDE = Path(__file__).parents[2] / "docs" / "catalog-file.md"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{course: CST1, kind: required}", "{course: CTS1, kind: required}",
         "courses: CST2, prerequisites, number 1, course: there is no course called CTS1"),
        ("subject: Pediatrics\n", "subject: Paediatrics\n",
         "courses: PED1, subject: there is no subject called Paediatrics"),
        ("venue: LIS, starts", "venue: LIX, starts", "offerings: CST1-LIS-A, venue: there is no venue called LIX"),
        ("pattern: evening,", "pattern: evenings,",
         "offerings: ETH1-NET-A, pattern: there is no daily pattern called evenings"),
        ("code: LIS,", "code: NEW,", "venues: .*code: this word stands in an address already"),
        ("time_zone: Europe/Lisbon", "time_zone: Europe/Lisboa",
         "venues: LIS, time_zone: there is no time zone called Europe/Lisboa"),
        ('["17:30-19:00", "19:10-20:40"]', '["17:30-19:00", "18:10-20:40"]',
         "daily_patterns: evening: The sitting at 18:10 begins before"),
        ('["13:00-15:00"', '["13:00-25:00"', "daily_patterns: long-afternoon: .*is not a sitting"),
        ("contact_minutes: 180\n", "contact_minuets: 180\n",
         "courses: ETH1: nobody knows the key contact_minuets; is contact_minutes meant"),
        ("price: 1650", "price: lots", "courses: ADV1, price: write a number"),
        ("price: 420", "price: 420.005", "courses: FAS1, price: USD has 2 decimal places"),
        ("seats: 12\n", "seats: 0\n", "courses: ADV1, seats: write 1 or more"),
        ("seats: 16\n", "seats: yes\n", "courses: PED1, seats: write a whole number"),
        ('number: "28417"', "number: 28417", "cast: alice, licenses, number 1, number: write text"),
        ("code: PED1", "code: ETH1", "courses: ETH1: ETH1 stands here twice, first on line"),
        ("- code: SAF1", "- code: saf1", "courses: saf1, code: this has characters"),
        ("lead: theo, enrolled: 3", "lead: teo, enrolled: 3", "there is no user teo@tideway.example"),
        ("starts_in_days: 60,", "starts_in_days: 60, starts_on: 2027-05-01,", "write one of starts_on"),
        ("balance_unpaid: 2}", "balance_unpaid: 25}", "CST1-CHI-A, balance_unpaid: more than are enrolled"),
        ("enrolled: 20}", "enrolled: 25}", "FAS1-CHI-A, enrolled: the class has 24 seats"),
        ("[5, 6, 7,", "[5, 6, 2,", "claims: lines, number 3: source-page.txt has no text on line 2"),
        ("from: source-page.txt", "from: ../secrets.txt", "claims: from: write the name of a file that lies beside"),
        ("from: source-page.txt", "from: missing.txt", "claims: from: .*cannot be read"),
        ("policy: online\n- code: CST1", "policy: onlin\n- code: CST1", "there is no policy called onlin"),
        ("{course: ANA1, kind: recommended}", "{course: SER2, kind: recommended}",
         "courses: CST1, prerequisites: these prerequisites go round in a circle: CST1 → SER2 → SER1 → CST2 → CST1"),
        ("kind: instructor_approval", "kind: maybe", "write one of required, recommended or instructor_approval"),
        ("venue: AST, starts_in_days: 60", "venue: CHI, starts_in_days: 19",
         "offerings: SER1-AST-A: Lakeside Studio has CST1-CHI-A at that time; Ines has CST1-CHI-A at that time"),
        ("valid_days: [-400, 700]}]\n- code: SAF1", "valid_days: [700, -400]}]\n- code: SAF1",
         "courses: ETH1, approvals, number 1: the approval ends before it begins"),
        ("round_down_to: 0.5,", "round_down_to: 0.0005,", "bodies: DEMO-BOARD, round_down_to: write at most three"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_changed(
    session: Session, catalog: Path, old: str, new: str, told: str
) -> None:
    make_cast(session)
    session.commit()
    begin_write(session)
    edit(catalog, old, new)
    with pytest.raises(CatalogError, match=told) as error:
        load(session, catalog)
    session.rollback()
    problem = next(p for p in error.value.problems if re.search(told, str(p)))
    line = catalog.read_text(encoding="utf-8").splitlines()[problem.line - 1]
    changed = [word for word in re.findall(r"[\w.-]+", new) if word not in re.findall(r"[\w.-]+", old)]
    code = problem.where.split(": ")[-1].split(",")[0]
    assert any(word in line for word in changed) or code in line or problem.where.split(", ")[-1] in line, (
        line
    )
    assert count(session, School) == count(session, Course) == count(session, Offering) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("- one\n", "line 1: the file must begin with sections"),
        (
            "subjects: [A]\ncourses: []\nsubjects: [B]\n",
            "line 3: the key subjects stands here twice, first on line 1",
        ),
        ("subjects: [A]\non: 5\n", "line 2: YAML does not read the key on as text; write it in quotes: 'on'"),
        ("subjects: [A\nvenues: []\n", "line 2: this is not YAML"),
        ("subjects: &a [A]\nvenues: *a\n", "anchors and aliases"),
        ("subjects: !!python/object:os.system [A]\n", "line 1, subjects: tags"),
        ("venues:\n- {code: A, code: B}\n", "line 2, venues: the key code stands here twice"),
        ("subjects: [2027-13-45]\n", "line 1, subjects: '2027-13-45' cannot be read"),
        ("subjects:\n- A\n- A\n", "line 3, subjects: number 2: A stands here twice, first on line 2"),
        ("[" * 3000, "nested too deeply|not YAML"),
        ("subjects: ['\x01']", "there is a character that no text has"),
        ("{a: 1}: 2\n", "a key must be a word"),
    ],
)
def test_broken_yaml_is_told(app: Flask, tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    with app.app_context(), pytest.raises(CatalogError, match=told):
        read_catalog(path)


def test_a_file_that_is_no_text_or_not_there_is_told(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with app.app_context():
        with pytest.raises(CatalogError, match="not text in UTF-8"):
            read_catalog(tmp_path / "a.yaml")
        with pytest.raises(CatalogError, match=r"b\.yaml: the file cannot be read \(No such file"):
            read_catalog(tmp_path / "b.yaml")
        with pytest.raises(CatalogError, match="cannot be read"):
            read_catalog(tmp_path)


def test_every_key_of_the_file_is_described() -> None:
    described = set(
        re.findall(r"`([a-z_]+)`|^### ([a-z_]+)$|`([a-z_]+):", GUIDE.read_text(encoding="utf-8"), re.M)
    )
    words = {word for found in described for word in found if word}
    keys = {
        field.alias or name for model in Entry.__subclasses__() for name, field in model.model_fields.items()
    }
    assert keys - words == set()


def test_the_guide_s_first_file_makes_a_school_that_courses_can_be_written_in(
    session: Session, tmp_path: Path
) -> None:
    example = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    path = tmp_path / "school.yaml"
    path.write_text(example[1], encoding="utf-8")
    load(session, path)
    assert [count(session, model) for model in (School, Policy, ScreeningSet, Venue, Course)] == [
        1,
        1,
        1,
        1,
        1,
    ]
