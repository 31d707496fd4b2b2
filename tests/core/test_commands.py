"""What a command says when it cannot work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from core.database import db
from tests.serving import ROOT


@pytest.mark.both_databases
def test_a_command_on_a_database_behind_the_program_says_what_to_run(app: Flask) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE audit_events"))
    result = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert result.exit_code == 1
    assert "Run: flask db upgrade" in result.output
    assert "Traceback" not in result.output


def test_a_worker_without_its_database_says_what_to_run(tmp_path: Path) -> None:
    environment = os.environ | {"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": ""}
    command = [sys.executable, "-m", "flask", "worker"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Run: flask db upgrade" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_setting_that_cannot_be_used_is_named_without_a_traceback(tmp_path: Path) -> None:
    environment = os.environ | {"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": "mysql://x"}
    command = [sys.executable, "-m", "flask", "audit", "verify"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: DATABASE_URL:")
    assert "Traceback" not in result.stderr
