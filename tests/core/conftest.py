"""Fixtures of what every room stands on."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.core.pages_app import make_app


@pytest.fixture(scope="module")
def web() -> Flask:
    """A small application that has pages and no database."""
    return make_app(WTF_CSRF_ENABLED=False)


@pytest.fixture
def in_request(web: Flask) -> Iterator[None]:
    """Inside a request that sends a form."""
    with web.test_request_context(method="POST"):
        yield
