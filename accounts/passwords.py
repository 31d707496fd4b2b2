"""Passwords, hashed with argon2id, and which ones are refused.

The rules are those of NIST SP 800-63B, 5.1.1.2: a length, no recipe of signs, no password that everyone would try first.
"""

import itertools
import re
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from accounts.common_passwords import COMMON
from core.errors import RuleError

# OWASP's second choice (19 MiB, t=2, p=1): the library's defaults cost 170 ms and 64 MiB each.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Many people signing in at once must not use up the memory.
_room = threading.BoundedSemaphore(4)

MINIMUM = 10
MAXIMUM = 200


def hash_password(password: str) -> str:
    """The hash to store. Slow on purpose: call it outside any transaction."""
    with _room:
        return _hasher.hash(_same_signs(password))


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password is the right one. Takes as long when there is no such account or no password.

    Slow on purpose: call it outside any transaction.
    """
    with _room:
        try:
            _hasher.verify(stored or _DECOY, _same_signs(password))
        except (VerificationError, InvalidHashError):
            return False
    return bool(stored)


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def judge_password(password: str, *, email: str, name: str, field: str = "password") -> None:
    """Raise RuleError, at ``field``, when a new password is too short, too long, or among the first that anyone tries."""
    if len(password) < MINIMUM:
        raise RuleError(_("Use at least %(n)d characters.", n=MINIMUM), field=field)
    if len(password) > MAXIMUM:
        raise RuleError(_("Use at most %(n)d characters.", n=MAXIMUM), field=field)
    plain = _same_signs(password).casefold()
    if _only_letters(plain) in _own_words(email, name) or plain == email.casefold():
        raise RuleError(_("This is your name or address. Choose something nobody can guess."), field=field)
    if is_common(plain):
        raise RuleError(_("This password is among the first that anyone tries. Choose another."), field=field)


def is_common(plain: str) -> bool:
    """Whether a password in lower case is a well-known one, also with up to six digits or signs behind it, one short
    piece repeated, or a run (abc, 321)."""
    if plain in COMMON or re.sub(r"[\W\d_]{1,6}$", "", plain) in COMMON:
        return True
    if re.fullmatch(r"(.{1,3})\1+.?.?", plain):
        return True
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(plain)}
    return steps in ({1}, {-1})


def _same_signs(password: str) -> str:
    # The same letter typed on two systems may arrive as one sign or as two (NIST SP 800-63B asks for this).
    return unicodedata.normalize("NFKC", password)


def _only_letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalpha())


def _own_words(email: str, name: str) -> set[str]:
    local = email.split("@")[0]
    words = {_only_letters(part) for part in (email, local, name, *name.split())}
    return words - {""}


_DECOY = hash_password("an account that does not exist")
