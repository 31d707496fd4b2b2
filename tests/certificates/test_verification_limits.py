"""Asking too often is told, one answer for the true and the made up; a phone of the same network counts along."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from certificates.upload_views import UPLOADS_PER_TEN_MINUTES
from certificates.verify_views import PER_MINUTE, TYPED_PER_TEN_MINUTES
from tests.certificates.test_verification import issued

pytestmark = pytest.mark.usefixtures("early_in_the_hour")


def type_in(client: FlaskClient, number: str, address: str = "203.0.113.7") -> TestResponse:
    data = {"number": number, "family_name": "Person"}
    return client.post("/verify/", data=data, environ_base={"REMOTE_ADDR": address})


def scan(client: FlaskClient, token: str, address: str = "203.0.113.7") -> TestResponse:
    return client.get(f"/verify/{token}", environ_base={"REMOTE_ADDR": address})


def drop(client: FlaskClient, _number: str, address: str = "203.0.113.7") -> TestResponse:
    return client.post("/verify/file", environ_base={"REMOTE_ADDR": address})


@pytest.mark.parametrize(
    ("ask", "most"),
    [(type_in, TYPED_PER_TEN_MINUTES), (scan, PER_MINUTE), (drop, UPLOADS_PER_TEN_MINUTES)],
)
def test_asking_is_limited_per_network(
    session: Session, client: FlaskClient, ask: Callable[..., TestResponse], most: int
) -> None:
    session.commit()
    codes = [ask(client, f"TBI-27-{n:04d}").status_code for n in range(most + 1)]
    assert 429 not in codes[:most]
    assert codes[most] == 429
    refused = ask(client, "TBI-27-0001")
    assert "Too many attempts. Try again in" in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert ask(client, "TBI-27-0001", "203.0.113.8").status_code != 429


def test_the_addresses_of_one_home_count_together(session: Session, client: FlaskClient) -> None:
    session.commit()
    codes = [scan(client, "0" * 26, f"2001:db8:1:2::{n:x}").status_code for n in range(PER_MINUTE + 1)]
    assert codes == [404] * PER_MINUTE + [429]
    assert scan(client, "0" * 26, "2001:db8:1:3::1").status_code == 404


def test_a_true_certificate_is_refused_like_an_unknown_one(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    for _ in range(PER_MINUTE):
        scan(client, "0" * 26)
    true, made_up = scan(client, row.token), scan(client, "1" * 26)
    assert true.status_code == made_up.status_code == 429
    assert row.snapshot["facts"]["participant"] not in true.text


@pytest.mark.parametrize("address", ["/verify/", "/verify/file"])
def test_a_program_that_sends_nothing_is_told_so_as_a_program(
    session: Session, client: FlaskClient, address: str
) -> None:
    session.commit()
    answer = client.post(address, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.get_json()["error"]
