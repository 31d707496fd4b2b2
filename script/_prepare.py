"""Makes the database ready for script/server and prints, as JSON, what it holds. Part of script/server.

When nothing is to be done it finds out without building the application, so that a second start is quick.
"""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from core.errors import SettingsError
from core.schema import newest_migration
from core.settings import Settings

PASSWORD = "tideway-demo"
LOGINS = {
    "admin@tideway.example": "administrator",
    "rosa@tideway.example": "registrar",
    "ines@tideway.example": "instructor",
    "ivan@tideway.example": "instructor",
    "theo@tideway.example": "instructor",
    "alice@tideway.example": "student, in three classes",
    "bob@tideway.example": "student, on a waitlist",
    "charlie@tideway.example": "student, new",
}
WHAT_TO_DO = (
    (
        r"database is locked",
        "Another program holds the database's write lock. End it (a sqlite3 shell? a backup?) and start again.",
    ),
    (
        r"disk is full|No space left",
        "The disk is full, so the database can't be written. Nothing was lost; make room and start again.",
    ),
    (
        r"readonly database|Permission denied|unable to open|Read-only file system",
        "The instance folder or the database in it can't be written by this user. INSTANCE_PATH names the folder.",
    ),
    (
        r"not a database|malformed",
        "The database file is damaged. docs/operating.md tells how to bring a backup back.",
    ),
    (
        r"Can't locate revision|No such revision",
        "The database was made by a later version of Stillpoint. Use that version, or bring back an older backup.",
    ),
    (
        r"[Cc]onnection (to server|failed|refused)|could not translate host",
        "The database server can't be reached. DATABASE_URL names it.",
    ),
)


def connect(url: str) -> Any:
    """A plain connection of the database's own driver. Raises the driver's errors."""
    if url.startswith("sqlite:///"):
        path = unquote(url.removeprefix("sqlite:///").partition("?")[0])
        return sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    import psycopg

    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), connect_timeout=10)


def look(settings: Settings) -> dict[str, Any] | None:
    """What the database holds, or None when it is missing, or not at the newest migration."""
    try:
        with contextlib.closing(connect(settings.database_url)) as connection:
            cursor = connection.cursor()

            def ask(question: str) -> list[tuple[Any, ...]]:
                cursor.execute(question)
                return list(cursor.fetchall())

            if ask("SELECT version_num FROM alembic_version") != [(newest_migration(),)]:
                return None
            known = {row[0] for row in ask("SELECT email FROM users WHERE email LIKE '%@tideway.example'")}
            return {
                "demo": settings.demo or any(row[0] for row in ask("SELECT is_demo FROM school")),
                "users": ask("SELECT count(*) FROM users")[0][0],
                "logins": [{"email": email, "who": who} for email, who in LOGINS.items() if email in known],
                "password": PASSWORD,
            }
    except Exception as error:
        # Whatever is wrong, the migration meets it too, and says so; a missing database is only a beginning.
        if isinstance(error, sqlite3.Error) or type(error).__module__.startswith("psycopg"):
            return None
        raise


def migrate(settings: Settings) -> None:
    """Bring the database up to date. Raises what the database raises."""
    from app import create_app
    from core.database import db
    from core.migrations import alembic, attach

    app = create_app(settings)
    attach(app)
    with app.app_context():
        alembic.upgrade()
        db.engine.dispose()


def load_demo(address: str) -> None:
    """Fill the empty database with the demo school, whose certificates name the address that it is served at.

    Raises CalledProcessError when that fails; the command has said why.
    """
    print("Filling the empty database with the demo school …", file=sys.stderr, flush=True)
    flask = Path(sys.executable).with_name("flask")
    environment = {**os.environ, "DEMO": "1", "PUBLIC_URL": os.environ.get("PUBLIC_URL") or address}
    subprocess.run([flask, "demo", "load"], env=environment, stdout=sys.stderr, check=True)


def explain(error: Exception) -> str:
    """The sentence that says what went wrong and what to do."""
    text = str(getattr(error, "orig", None) or error)
    for pattern, advice in WHAT_TO_DO:
        if re.search(pattern, text):
            return f"{advice}\n({text.strip()})"
    return f"{type(error).__name__}: {text}"


def main(arguments: list[str]) -> int:
    """Migrate, and load the demo into an empty database when --demo ADDRESS is given; gives the exit status."""
    address = arguments[1] if arguments[:1] == ["--demo"] else None
    try:
        settings = Settings.from_environment()
        state = look(settings)
        if state is None:
            print("Bringing the database up to date …", file=sys.stderr, flush=True)
            migrate(settings)
            state = look(settings)
        if state is not None and not state["users"] and address is not None:
            load_demo(address)
            state = look(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1
    except Exception as error:
        print(explain(error), file=sys.stderr)
        return 1
    if state is None:
        print("The database could not be read after its migration.", file=sys.stderr)
        return 1
    print(json.dumps(state))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
