"""The file store."""

from pathlib import Path

import pytest

from core.files import FileStore


def test_what_is_stored_comes_back_by_its_digest(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"certificate")
    assert store.put(b"certificate") == digest
    assert store.get(digest) == b"certificate"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"certificate")
    store.path(digest).write_bytes(b"certificatf")
    with pytest.raises(OSError, match="damaged"):
        store.get(digest)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store = FileStore(tmp_path)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"certificate")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 63, "G" * 64])
def test_only_digests_are_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        FileStore(tmp_path).path(name)
