"""The people of the demo school: always the same ones, made up, with names from many places."""

from collections.abc import Iterator
from dataclasses import dataclass

GIVEN = """
    Amara Bridget Calvin Daiki Elif Fernando Greta Hana Ivo Jo Kamala Leif Mireille Nadia Oskar
    Priya Quentin Rhea Samuel Tomás Ulrike Viktor Wren Ximena Yusuf Zofia Anselm Bettina Chidi
    Dolores Emeka Freya Gideon Halima Ingrid Jamal Katya Lorenzo Malia Noor
""".split()  # noqa: SIM905
FAMILY = """
    Abernathy Brandt Castellanos Demir Eriksen Fairweather Gutiérrez Hanslow Iyer Jankowski Kaplan
    Lindgren Moreau Nakagawa Oyelaran Pruitt Quispe Raman Sørensen Teague Underhill Vasquez
    Whitcombe Xu Yamamoto Zielińska Aguilar Benedetti Cho Duarte
""".split()  # noqa: SIM905
PROFESSIONS = ("LMT", "LMT", "LMT", "PT", "LMT", "RN", "LMT", "OT", "LMT", "DC")
STATES = ("OR", "WA", "IL", "CA", "OR", "ID", "WI", "OR")


@dataclass(frozen=True)
class MadeUpPerson:
    """Someone for the rosters."""

    login: str
    given_name: str
    family_name: str
    profession: str
    jurisdiction: str
    license_number: str

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.given_name} {self.family_name}"


def made_up_people() -> Iterator[MadeUpPerson]:
    """The people, one after the other; no name comes twice among the first thousand."""
    number = 0
    while True:
        given = GIVEN[number % len(GIVEN)]
        family = FAMILY[(number * 7 + number // len(GIVEN)) % len(FAMILY)]
        profession = PROFESSIONS[number % len(PROFESSIONS)]
        jurisdiction = STATES[number % len(STATES)]
        yield MadeUpPerson(
            login=f"student-{number + 1:03d}",
            given_name=given,
            family_name=family,
            profession=profession,
            jurisdiction=jurisdiction,
            license_number=str(20011 + number * 37),
        )
        number += 1
