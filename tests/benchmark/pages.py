"""Pages, enrollments and the rush, over HTTP against the running server."""

import re
from collections.abc import Callable

from tests.benchmark.clients import Client, Timing, run_together
from tests.benchmark.server import Server
from tests.benchmark.world import World

Line = tuple[str, str, str]
FIELDS = {
    "profession": "LMT",
    "license_state": "OR",
    "acknowledge_screening": "y",
    "accept_policy": "y",
}


def measure_all(server: Server, world: World, signed_in: dict[str, str]) -> list[Line]:
    """Every measurement of pages, in the order of the table."""
    lines = []
    staff = signed_in[world.registrar]
    student = signed_in[world.students[0]]
    for what, path, cookie, goal in (
        ("catalog page", "/courses/", "", "at most 6 ms CPU"),
        ("course page", "/courses/FAS1", "", ""),
        ("class page", f"/classes/{world.open_codes[0]}", "", ""),
        ("student's page", "/my/", student, ""),
        ("office's dashboard", "/office/", staff, ""),
    ):
        lines.append(_page(server, what, path, cookie, goal))
    people = world.students
    for codes, rush_code, others, how in (
        (world.open_codes, world.rush_code, people[100:600], ""),
        (
            world.demanding_codes,
            world.demanding_rush_code,
            people[500:1000],
            "prerequisites, policy and fees on",
        ),
    ):
        enrolling = {email: signed_in[email] for email in others[:300]}
        lines.append(_enrollments(server, codes, enrolling, how))
        lines.append(_rush(server, rush_code, {email: signed_in[email] for email in others[300:]}, how))
    return lines


def memory(server: Server) -> Line:
    """What the workers hold after everything that was asked of them."""
    measured = f"{server.resident_mb():.0f} MB resident, {server.memory_mb():.0f} MB its share"
    return "memory of a web worker after all this", measured, "at most 130 MB"


def _page(server: Server, what: str, path: str, cookie: str, goal: str) -> Line:
    clients = [Client(server.port, cookie) for _ in range(8)]
    tasks: list[Callable[[], int]] = [_get(clients[n % 8], path) for n in range(400)]
    run_together(tasks[:40], 8)
    before = server.cpu_seconds()
    timing = _separately(clients, path, 400)
    cpu = 1000 * (server.cpu_seconds() - before) / len(timing.each)
    refuse_errors(what, timing)
    measured = f"{timing.per_second:.0f} a second, p95 {timing.percentile(95):.0f} ms, {cpu:.1f} ms CPU"
    return f"{what}, 8 clients", measured, goal


def _get(client: Client, path: str) -> Callable[[], int]:
    return lambda: Client(client.port, client.cookie).get(path)[0]


def _separately(clients: list[Client], path: str, count: int) -> Timing:
    """Each client sends its share one after the other on its own connection."""
    each = count // len(clients)
    merged = Timing()

    def share(client: Client) -> Callable[[], int]:
        def work() -> int:
            import time

            for _ in range(each):
                begun = time.perf_counter()
                status, _text = client.get(path)
                merged.each.append(time.perf_counter() - begun)
                if status >= 400:
                    merged.errors.append((status, path))
            return 200

        return work

    whole = run_together([share(client) for client in clients], len(clients))
    merged.seconds = whole.seconds
    merged.errors += whole.errors
    return merged


def _enroll(client: Client, code: str, number: int) -> int:
    path = f"/classes/{code}/enroll"
    status, text = client.get(path)
    if status != 200:
        return status
    fields = FIELDS | {
        "csrf_token": client.form_token(text),
        "certificate_name": f"Student {number:04d}",
        "license_number": f"{90000 + number}",
    }
    return client.post(path, fields)[0]


def _enrollments(server: Server, codes: list[str], signed_in: dict[str, str], how: str) -> Line:
    tasks: list[Callable[[], int]] = []
    for number, cookie in enumerate(signed_in.values()):
        client = Client(server.port, cookie)
        code = codes[number % len(codes)]
        tasks.append(lambda client=client, code=code, number=number: _enroll(client, code, number))  # type: ignore[misc]
    before = server.cpu_seconds()
    timing = run_together(tasks, 8)
    cpu = 1000 * (server.cpu_seconds() - before) / len(timing.each)
    refuse_errors("enrollment", timing)
    what = f"a complete enrollment (form and post), {how or '8 clients'}"
    measured = f"{timing.per_second:.0f} a second, p95 {timing.percentile(95):.0f} ms, {cpu:.1f} ms CPU each"
    return what, measured, "at most 20 ms CPU"


def _rush(server: Server, rush_code: str, signed_in: dict[str, str], how: str) -> Line:
    ready = []
    for number, cookie in enumerate(signed_in.values()):
        client = Client(server.port, cookie)
        _status, text = client.get(f"/classes/{rush_code}/enroll")
        client.close()  # each posts on a connection of its own, as 200 browsers would
        ready.append((client, client.form_token(text), number))

    def post(client: Client, token: str, number: int) -> Callable[[], int]:
        fields = FIELDS | {
            "csrf_token": token,
            "certificate_name": f"Student {number:04d}",
            "license_number": f"{90000 + number}",
        }
        return lambda: client.post(f"/classes/{rush_code}/enroll", fields)[0]

    timing = run_together([post(*one) for one in ready], 200)
    refuse_errors("rush", timing)
    _status, text = Client(server.port).get(f"/classes/{rush_code}")
    waiting = re.search(r"(\d+) waiting", text)
    measured = (
        f"all answered in {timing.seconds:.1f} s, {len(timing.errors)} errors, "
        f"{waiting.group(1) if waiting else '?'} of 200 waiting"
    )
    what = f"the rush: 200 at once on 30 seats{', ' if how else ''}{how}"
    return what, measured, "within 3 s, 30 enrolled, 170 waiting"


def refuse_errors(what: str, timing: Timing) -> None:
    """End the benchmark when a request failed: what is fast and wrong is not measured."""
    if timing.errors:
        raise SystemExit(f"{what}: {len(timing.errors)} errors, the first: {timing.errors[0]}")
