"""Clients that are already signed in: their cookies are made with the server's key, so that only pages are measured."""

import http.client
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Client:
    """One connection that is kept open, with the cookie of one user (or none)."""

    port: int
    cookie: str = ""
    connection: http.client.HTTPConnection | None = None

    def _send(self, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
        headers = {"Accept": "text/html", "Host": f"127.0.0.1:{self.port}"}
        if self.cookie:
            headers["Cookie"] = f"stillpoint={self.cookie}"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for attempt in range(2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if attempt or method == "POST":
                    raise
                continue
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                if cookie.startswith("stillpoint="):
                    self.cookie = cookie.split(";")[0].removeprefix("stillpoint=")
            return answer.status, text, answer.headers.get("Location", "")
        raise AssertionError("unreachable")

    def get(self, path: str) -> tuple[int, str]:
        """A page: status and text."""
        status, text, _ = self._send("GET", path)
        return status, text

    def post(self, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
        """A form: status, text, and where it redirects to."""
        return self._send("POST", path, urlencode(fields))

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def form_token(self, text: str) -> str:
        """The CSRF token of a page."""
        found = TOKEN.search(text)
        return found.group(1) if found else ""


@dataclass
class Timing:
    """What a load told: seconds in all, and of each request; errors as (status, text)."""

    seconds: float = 0.0
    each: list[float] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return len(self.each) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many per cent were answered."""
        ordered = sorted(self.each)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def run_together(tasks: Sequence[Callable[[], int]], clients: int) -> Timing:
    """Run tasks (each returns a status) from so many clients at once."""
    timing, lock, waiting = Timing(), threading.Lock(), iter(list(tasks))
    start = threading.Barrier(clients + 1)

    def work() -> None:
        start.wait()
        while True:
            with lock:
                task = next(waiting, None)
            if task is None:
                return
            begun = time.perf_counter()
            try:
                status = task()
            except Exception as error:
                status = -1
                with lock:
                    timing.errors.append((status, str(error)))
            took = time.perf_counter() - begun
            with lock:
                timing.each.append(took)
                if status >= 400:
                    timing.errors.append((status, ""))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    timing.seconds = time.perf_counter() - begun
    return timing
