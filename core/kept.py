"""What somebody typed into a form that came too late: carried through signing in, then sent again by their own hand.

A session ends (its cookie is gone, or the password was changed elsewhere) while a page stands open. What they then send
is refused, and must not be lost for that. It is kept in the answer itself, signed, not on the server. Only what a page
of this site sent is kept: otherwise another site could have its own words sent by a trusting press of the button.
Passwords and files are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

TOKEN = "csrf_token"  # noqa: S105 (the name of a field)


@dataclass(frozen=True)
class KeptForm:
    """A form as it was sent: its address on this site, names and values in order, and whether files were left out."""

    path: str
    fields: tuple[tuple[str, str], ...]
    had_files: bool = False

    def seal(self) -> str:
        """The signed text that a hidden field carries."""
        return str(_signer().dumps([self.path, self.fields, self.had_files]))


def sent_by_our_page() -> bool:
    """Whether the browser says that one of this site's own pages sent the request; no word counts as no."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == request.host_url.rstrip("/")


def form_of_request() -> KeptForm | None:
    """What the request brought, when it is a form of this site with anything in it worth keeping."""
    if request.method != "POST" or not sent_by_our_page():
        return None
    fields = tuple(
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != TOKEN and "password" not in name
    )
    had_files = any(file.filename for file in request.files.values())
    if not fields and not had_files:
        return None
    return KeptForm(request.root_path + request.full_path.rstrip("?"), fields, had_files)


def unseal(text: str) -> KeptForm | None:
    """The kept form of a hidden field; None when it is empty or not ours."""
    try:
        path, fields, had_files = _signer().loads(text)
    except BadSignature:
        return None
    return KeptForm(path, _pairs(fields), had_files)


def _pairs(fields: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in fields)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="kept form")
