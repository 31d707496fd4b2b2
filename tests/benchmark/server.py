"""Starts the real server on a school made for measuring, and reads what its processes cost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds for a server to start; a busy machine takes its time.
PATIENCE = 120


@dataclass
class Server:
    """A running server: where it answers, and its processes."""

    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """The process ids of the web workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def cpu_seconds(self) -> float:
        """CPU time, user and system, of all web workers since they started."""
        return sum(_cpu(pid) for pid in self.workers())

    def memory_mb(self) -> float:
        """The most memory that a worker uses (what it shares with the others counted once per sharer), in MB."""
        return max(_pss(pid) for pid in self.workers()) / 1000

    def resident_mb(self) -> float:
        """The most memory that a worker has resident, shared pages included, in MB."""
        return max(_status(pid, "VmRSS:") for pid in self.workers()) / 1000


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def flask(environment: dict[str, str], *arguments: str) -> None:
    """Run a flask command; its output is shown only when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"flask {' '.join(arguments)}: {done.stdout}{done.stderr}")


@contextmanager
def serving(environment: dict[str, str], workers: int = 2, port: int = 0) -> Iterator[Server]:
    """Gunicorn as in production, on loopback; ended at the end."""
    port = port or free_port()
    environment = environment | {"WEB_CONCURRENCY": str(workers), "WEB_BIND": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:create_app()"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    server = Server(port, environment, process)
    try:
        _wait_for(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(server: Server) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.process.poll() is None:
        try:
            with urlopen(server.address + "/healthz", timeout=10) as answer:
                if answer.status == 200 and len(server.workers()) >= 2:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the server did not start")
