"""Passwords, hashed with argon2id."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice (19 MiB, t=2, p=1): the library's defaults cost 170 ms and 64 MiB each.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Many people signing in at once must not use up the memory.
_room = threading.BoundedSemaphore(4)

MINIMUM = 10
MAXIMUM = 200


def hash_password(password: str) -> str:
    """The hash to store. Slow on purpose: call it outside any transaction."""
    with _room:
        return _hasher.hash(password)


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password is the right one. Takes as long when there is no such account or no password."""
    with _room:
        try:
            _hasher.verify(stored or _DECOY, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


_DECOY = hash_password("an account that does not exist")
