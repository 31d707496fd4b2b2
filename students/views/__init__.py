"""The pages of this room, by who reads them."""

from students.views import (  # noqa: F401 (they attach to the blueprint)
    enroll,
    groups,
    mine,
    moving,
    my_calendar,
    my_fees,
    office_access,
    office_acts,
    office_class,
    office_codes,
    office_fees,
    office_groups,
    office_people,
    office_printed,
    openings,
    safety,
)
