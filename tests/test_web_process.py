"""What a web process holds in memory from its start."""

import os
import subprocess
import sys
from pathlib import Path

RARE = (
    "weasyprint",
    "pyhanko",
    "pikepdf",
    "uharfbuzz",
    "joserfc",
    "icalendar",
    "yaml",
    "alembic",
    "redis",
    "psycopg",
    "cryptography.hazmat.primitives",
)


def test_the_application_starts_without_what_the_worker_or_a_rare_page_needs(tmp_path: Path) -> None:
    code = f"import sys, app; app.create_app(); print([name for name in {RARE} if name in sys.modules])"
    environment = os.environ | {"INSTANCE_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
