"""Attendance: a roll, a class at a glance, a large roster as a spreadsheet."""

import re
import time
import tracemalloc

from flask import Flask

from tests.benchmark.clients import Client
from tests.benchmark.server import Server
from tests.benchmark.world import World
from tests.helpers import statements

Line = tuple[str, str, str]
STATEMENTS = "at most 12 SQL statements, 15 ms CPU"


def measure_all(app: Flask, server: Server, world: World, cookie: str) -> list[Line]:
    """Every measurement, in the order of the table. ``cookie`` is that of the instructor, signed in.

    CPU is that of the server; statements and memory are counted in this process, on the same school.
    """
    client = Client(server.port, cookie)
    here = app.test_client()
    here.set_cookie("stillpoint", cookie)
    roll = f"/teaching/{world.roll_code}/meetings/1/roll"
    opened, saved = _roll(server, client, roll)
    with statements(app) as opening:
        page = here.get(roll).text
    with statements(app) as saving:
        here.post(roll, data=_marks(page, "excused"))
    grid = f"/teaching/{world.grid_code}/"
    with statements(app) as glance:
        here.get(grid)
    return [
        ("a roll of 40 opened", f"{len(opening)} SQL statements, {opened:.1f} ms CPU", STATEMENTS),
        (
            "a roll of 40 saved, every mark changed",
            f"{len(saving)} SQL statements, {saved:.1f} ms CPU",
            STATEMENTS,
        ),
        (
            "a class at a glance, 60 students, 40 meetings",
            f"{len(glance)} SQL statements, {_cpu(server, client, grid, 20):.1f} ms CPU",
            "at most 10 SQL statements, 60 ms CPU",
        ),
        _spreadsheet(app, server, client, f"/teaching/{world.large_code}/roster.xlsx", cookie),
    ]


def _roll(server: Server, client: Client, path: str) -> tuple[float, float]:
    """CPU milliseconds to open the roll, and to save it with every mark changed."""
    opened, saved = [], []
    for turn in range(20):
        before = server.cpu_seconds()
        for _ in range(5):
            status, text = client.get(path)
        opened.append((server.cpu_seconds() - before) / 5)
        fields = _marks(text, "present" if turn % 2 else "absent")
        before = server.cpu_seconds()
        status, _text, _where = client.post(path, fields)
        saved.append(server.cpu_seconds() - before)
        if status >= 400:
            raise SystemExit(f"the roll could not be saved: {status}")
    return 1000 * sum(opened) / len(opened), 1000 * sum(saved) / len(saved)


def _marks(page: str, wanted: str) -> dict[str, str]:
    """The roll's form with one mark for everybody."""
    ids = set(re.findall(r'name="status-(\d+)"', page))
    if len(ids) != 40:
        raise SystemExit(f"{len(ids)} students are on the roll")
    hidden = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
    fields = {_value(field, "name"): _value(field, "value") for field in hidden}
    return fields | {f"status-{number}": wanted for number in ids}


def _value(field: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', field)
    return found.group(1) if found else ""


def _cpu(server: Server, client: Client, path: str, count: int) -> float:
    client.get(path)
    before = server.cpu_seconds()
    for _ in range(count):
        status, _text = client.get(path)
        if status != 200:
            raise SystemExit(f"{path} answered {status}")
    return 1000 * (server.cpu_seconds() - before) / count


def _spreadsheet(app: Flask, server: Server, client: Client, path: str, cookie: str) -> Line:
    client.get(path)
    begun = time.perf_counter()
    status, _text = client.get(path)
    seconds = time.perf_counter() - begun
    here = app.test_client()
    here.set_cookie("stillpoint", cookie)
    here.get(path)  # the program itself is not counted
    tracemalloc.start()
    size = len(here.get(path).data)
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    if status != 200 or size < 50_000:
        raise SystemExit(f"the roster answered {status} with {size} bytes")
    measured = f"{seconds:.2f} s, {most:.1f} MB at most"
    return "a roster of 1,000 students and 20 meetings as XLSX", measured, "within 2 s, bounded memory"
