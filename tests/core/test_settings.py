"""Settings from the environment."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import Settings


def read(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"INSTANCE_PATH": str(tmp_path), **environ})


def test_without_any_setting_everything_lies_in_the_instance_folder(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/stillpoint.db"
    assert settings.files_path == tmp_path / "files"


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = read(tmp_path).secret_key
    assert len(first) > 40
    assert read(tmp_path).secret_key == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    assert read(tmp_path, SMTP_PASSWORD_FILE=str(tmp_path / "password")).smtp_password == "hunter2"


def test_postgresql_addresses_name_the_driver(tmp_path: Path) -> None:
    assert read(tmp_path, DATABASE_URL="postgresql://u@h/d").database_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "postgres://u@h/d", "DATABASE_URL"),
        ("DATABASE_URL", "mysql://u@h/d", "DATABASE_URL"),
        ("SMTP_PORT", "abc", "SMTP_PORT"),
        ("DEMO", "perhaps", "DEMO"),
        ("SMTP_SECURITY", "ssl3", "SMTP_SECURITY"),
        ("SECRET_KEY_FILE", "/nowhere/at/all", "SECRET_KEY_FILE"),
        ("INSTANCE_PATH", "/dev/null/inside", "INSTANCE_PATH"),
        ("INSTANCE_PATH", "/proc/inside", "INSTANCE_PATH: nothing can be written in /proc/inside"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, **{name: value})
