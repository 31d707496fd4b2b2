"""The pages of this room, by who reads them."""

from students.views import (  # noqa: F401 (they attach to the blueprint)
    enroll,
    mine,
    moving,
    office_acts,
    office_class,
    office_people,
)
