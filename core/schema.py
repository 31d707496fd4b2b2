"""Which migration this version of the program needs. Its files are numbered, so nobody else need be asked."""

from core.settings import ROOT


def newest_migration() -> str:
    """The revision of the newest migration, such as "0018"."""
    return max(path.name[:4] for path in (ROOT / "migrations").glob("[0-9][0-9][0-9][0-9]_*.py"))
