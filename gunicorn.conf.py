"""How gunicorn serves Stillpoint: `gunicorn -c gunicorn.conf.py "app:create_app()"`.

Most values can be set by environment variables, described in docs/operating.md; the command line wins.
"""

import ctypes
import gc
import os
from pathlib import Path
from typing import Any

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")

# Processes use the cores; threads let a process answer others while one waits for the database.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))

# The application is built once and the processes share it, which saves start-up time and memory. It holds no connection
# to the database yet when they part.
preload_app = True

# Seconds that a process may take before it counts as hung, and that requests have to end in when it stops.
timeout = int(os.environ.get("WEB_TIMEOUT", "60"))
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_TIMEOUT", "20"))
keepalive = 5

# Requests after which a process is replaced by a fresh one; 0: never.
max_requests = int(os.environ.get("WEB_MAX_REQUESTS", "0"))
max_requests_jitter = max_requests // 10

# Addresses hold tokens and names, so requests are logged only when asked for, and without the query.
accesslog = "-" if os.environ.get("WEB_ACCESS_LOG", "") == "1" else None
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(M)s ms"
loglevel = os.environ.get("WEB_LOG_LEVEL", "warning")

# The heartbeat file lies in memory, where a slow disk can't make a process look hung.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (a private file of gunicorn's)

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # of glibc's malloc.h

# Nobody steers a running server through a socket here: signals do.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Before the processes part: keep their memory shared, and small.

    The garbage collector would walk through all that was loaded, and by that make each process a copy of its own. And glibc
    gives each thread a pool of memory, of which it gives little back: two pools serve as well, and what is large (the
    memory that a password is hashed in) stays out of them.
    """
    gc.collect()
    gc.freeze()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)


def on_starting(server: Any) -> None:
    """Refuse to serve the demo school, whose passwords everybody knows, to other machines.

    A socket that was handed over (``fd://``) is for whoever opened it to answer for: script/server asks the same.
    """
    from core.settings import Settings
    from script import _prepare, _serve

    school = _prepare.look(Settings.from_environment())
    hosts = [address[0] for address in server.cfg.address if isinstance(address, tuple)]
    if school and school["demo"] and not all(_serve.is_loopback(host) for host in hosts):
        raise RuntimeError(_serve.demo_refusal(", ".join(hosts)))
