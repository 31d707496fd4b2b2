"""Stored files: named by the SHA-256 of their bytes, written once, never changed."""

import hashlib
import os
import re
from pathlib import Path
from uuid import uuid4

from flask import current_app

_NAME = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """A folder of files named by their content. Several processes and hosts may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where a file with that digest lies. Raises ValueError when it is not a digest."""
        if not _NAME.fullmatch(sha256):
            raise ValueError("not a SHA-256 digest")
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def put(self, content: bytes) -> str:
        """Store bytes safely (on disk before this returns) and return their SHA-256. Raises OSError on a full disk.

        What is there already is left alone, unless it was damaged: then it is whole again.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if self.is_whole(digest):
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{uuid4().hex}.part")
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest

    def get(self, sha256: str) -> bytes:
        """The stored bytes. Raises FileNotFoundError when they are gone, OSError when they were damaged."""
        content = self.path(sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OSError(f"stored file {sha256} is damaged")
        return content

    def is_whole(self, sha256: str) -> bool:
        """Whether a file with that digest is stored and undamaged; it is read for that."""
        try:
            self.get(sha256)
        except OSError:
            return False
        return True

    def exists(self, sha256: str) -> bool:
        """Whether a file with that digest is stored."""
        return self.path(sha256).is_file()


def store() -> FileStore:
    """The file store of this application."""
    return FileStore(current_app.extensions["settings"].files_path)
