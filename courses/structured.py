"""A course for search engines: schema.org Course and CourseInstance, as JSON-LD.

It says nothing that the page does not say, and claims no effect.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from core.clock import local
from core.school import School
from courses.cards import Door
from courses.models import Course, Delivery
from courses.offering_models import Offering

_MODES = {Delivery.IN_PERSON: "Onsite", Delivery.LIVE_ONLINE: "Online"}
_AVAILABILITY = {
    Door.OPEN: "https://schema.org/InStock",
    Door.WAITLIST: "https://schema.org/SoldOut",
    Door.LIST_CLOSED: "https://schema.org/SoldOut",
    Door.NOT_YET: "https://schema.org/PreOrder",
}


def course_data(
    course: Course,
    offerings: Sequence[tuple[Offering, Door]],
    school: School | None,
    *,
    course_url: Callable[[str], str],
    class_url: Callable[[str], str],
) -> dict[str, Any]:
    """The data of a course and its coming classes; addresses are full ones."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Course",
        "@id": course_url(course.code),
        "url": course_url(course.code),
        "name": course.title,
        "courseCode": course.code,
        "description": course.summary,
        "educationalLevel": course.level,
        "about": course.subject.title,
        "teaches": list(course.outcomes),
        "timeRequired": f"PT{course.contact_minutes}M",
    }
    if course.prerequisites:
        data["coursePrerequisites"] = [
            {"@type": "Course", "@id": course_url(item.needs.code), "name": item.needs.title}
            for item in course.prerequisites
        ]
    if school is not None:
        data["provider"] = {"@type": "Organization", "name": school.name, "email": school.email}
        if school.website:
            data["provider"]["sameAs"] = school.website
        data["hasCourseInstance"] = [
            _instance(course, offering, door, school, class_url(offering.code))
            for offering, door in offerings
        ]
    return data


def _instance(course: Course, offering: Offering, door: Door, school: School, url: str) -> dict[str, Any]:
    zone, venue = offering.time_zone, offering.venue
    data: dict[str, Any] = {
        "@type": "CourseInstance",
        "@id": url,
        "url": url,
        "courseMode": _MODES[course.delivery],
        "courseWorkload": f"PT{course.contact_minutes}M",
        "startDate": _moment(offering.starts_at, zone),
        "endDate": _moment(offering.ends_at, zone),
        "maximumAttendeeCapacity": offering.capacity,
        "instructor": [{"@type": "Person", "name": item.user.name} for item in offering.instructors],
        "offers": {
            "@type": "Offer",
            "url": url,
            "category": "Paid" if offering.price_cents else "Free",
            "price": str(Decimal(offering.price_cents).scaleb(-get_currency_precision(school.currency))),
            "priceCurrency": school.currency,
        },
    }
    if door in _AVAILABILITY:
        data["offers"]["availability"] = _AVAILABILITY[door]
    if venue.is_online:
        data["location"] = {"@type": "VirtualLocation", "name": venue.name, "url": url}
    else:
        parts = {
            "streetAddress": venue.street,
            "addressLocality": venue.city,
            "addressRegion": venue.region,
            "addressCountry": venue.country,
        }
        address = {"@type": "PostalAddress", **{name: value for name, value in parts.items() if value}}
        data["location"] = {"@type": "Place", "name": venue.name, "address": address}
    return data


def _moment(moment: datetime, zone: str) -> str:
    return local(moment, zone).isoformat(timespec="minutes")
