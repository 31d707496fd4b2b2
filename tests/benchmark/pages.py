"""Pages, enrollments, the rush and a roll, over HTTP against the running server."""

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
    lines.append(_enrollments(server, world, signed_in))
    lines.append(_rush(server, world, signed_in))
    lines += _roll(server, world, signed_in[world.instructor])
    lines.append(
        (
            "memory of a web worker after all this",
            f"{server.resident_mb():.0f} MB resident, {server.memory_mb():.0f} MB its share",
            "at most 130 MB",
        )
    )
    return lines


def _page(server: Server, what: str, path: str, cookie: str, goal: str) -> Line:
    clients = [Client(server.port, cookie) for _ in range(8)]
    tasks: list[Callable[[], int]] = [_get(clients[n % 8], path) for n in range(400)]
    run_together(tasks[:40], 8)
    before = server.cpu_seconds()
    timing = _separately(clients, path, 400)
    cpu = 1000 * (server.cpu_seconds() - before) / len(timing.each)
    _refuse_errors(what, timing)
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


def _enrollments(server: Server, world: World, signed_in: dict[str, str]) -> Line:
    people = world.students[100:400]
    tasks: list[Callable[[], int]] = []
    for number, email in enumerate(people):
        client = Client(server.port, signed_in[email])
        code = world.open_codes[number % len(world.open_codes)]
        tasks.append(lambda client=client, code=code, number=number: _enroll(client, code, number))  # type: ignore[misc]
    before = server.cpu_seconds()
    timing = run_together(tasks, 8)
    cpu = 1000 * (server.cpu_seconds() - before) / len(timing.each)
    _refuse_errors("enrollment", timing)
    measured = f"{timing.per_second:.0f} a second, p95 {timing.percentile(95):.0f} ms, {cpu:.1f} ms CPU each"
    return "a complete enrollment (form and post), 8 clients", measured, "at most 20 ms CPU"


def _rush(server: Server, world: World, signed_in: dict[str, str]) -> Line:
    people = world.students[400:600]
    ready = []
    for number, email in enumerate(people):
        client = Client(server.port, signed_in[email])
        _status, text = client.get(f"/classes/{world.rush_code}/enroll")
        client.close()  # each posts on a connection of its own, as 200 browsers would
        ready.append((client, client.form_token(text), number))

    def post(client: Client, token: str, number: int) -> Callable[[], int]:
        fields = FIELDS | {
            "csrf_token": token,
            "certificate_name": f"Student {number:04d}",
            "license_number": f"{90000 + number}",
        }
        return lambda: client.post(f"/classes/{world.rush_code}/enroll", fields)[0]

    timing = run_together([post(*one) for one in ready], 200)
    _refuse_errors("rush", timing)
    _status, text = Client(server.port).get(f"/classes/{world.rush_code}")
    waiting = re.search(r"(\d+) waiting", text)
    measured = (
        f"all answered in {timing.seconds:.1f} s, {len(timing.errors)} errors, "
        f"{waiting.group(1) if waiting else '?'} of 200 waiting"
    )
    return "the rush: 200 at once on 30 seats", measured, "within 3 s, 30 enrolled, 170 waiting"


def _roll(server: Server, world: World, cookie: str) -> list[Line]:
    client = Client(server.port, cookie)
    path = f"/teaching/{world.roll_code}/meetings/1/roll"
    opened, saved = [], []
    for turn in range(20):
        before = server.cpu_seconds()
        for _ in range(5):
            status, text = client.get(path)
        opened.append((server.cpu_seconds() - before) / 5)
        ids = re.findall(r'name="status-(\d+)"', text)
        wanted = "present" if turn % 2 else "absent"
        fields = {f"status-{number}": wanted for number in ids}
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text):
            fields.setdefault(name, value)
        fields["csrf_token"] = client.form_token(text)
        before = server.cpu_seconds()
        status, _text, _where = client.post(path, fields)
        saved.append(server.cpu_seconds() - before)
        if status >= 400 or not ids:
            raise SystemExit(f"the roll could not be saved: {status}, {len(set(ids))} students")
    return [
        ("a roll of 40 opened", f"{1000 * sum(opened) / len(opened):.1f} ms CPU", "at most 15 ms CPU"),
        (
            "a roll of 40 saved, every mark changed",
            f"{1000 * sum(saved) / len(saved):.1f} ms CPU",
            "at most 15 ms CPU",
        ),
    ]


def _refuse_errors(what: str, timing: Timing) -> None:
    if timing.errors:
        raise SystemExit(f"{what}: {len(timing.errors)} errors, the first: {timing.errors[0]}")
