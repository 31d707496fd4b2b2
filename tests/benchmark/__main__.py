"""Measures and prints a table; ``--write`` also puts it into docs/benchmarks.md."""

import argparse
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app import create_app
from core import clock
from core.settings import Settings
from tests.benchmark import attendance, certificates, door, enrollment, pages
from tests.benchmark.server import ROOT, flask, serving
from tests.benchmark.world import STUDENTS, cookies, make_classes


@dataclass(frozen=True)
class Row:
    """One line of the table: what, how much, what is to be reached (empty: only told)."""

    what: str
    measured: str
    goal: str = ""


def main() -> None:
    """Make the school, start the server, measure, print."""
    parser = argparse.ArgumentParser(prog="script/benchmark", description=__doc__)
    parser.add_argument("--write", action="store_true", help="also write docs/benchmarks.md")
    parser.add_argument("--database", default="", help="a DATABASE_URL instead of SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), options.database)
    table = ["| what | measured | to reach |", "|---|---|---|"]
    table += [f"| {row.what} | {row.measured} | {row.goal} |" for row in rows]
    print("\n".join(table))
    if options.write:
        write("\n".join(table), options.database)


def measure(folder: Path, database: str) -> list[Row]:
    """All measurements, in a folder that is thrown away."""
    environment = os.environ | {
        "INSTANCE_PATH": str(folder),
        "PUBLIC_URL": "http://127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "DEMO": "0",
    }
    if database:
        environment["DATABASE_URL"] = database
    for command in (("db", "upgrade"), ("demo", "load"), ("demo", "students", str(STUDENTS))):
        flask(environment, *command)
    app = create_app(Settings.from_environment(environment))
    world = make_classes(app)
    signed_in = cookies(app, [*world.students, world.instructor, world.registrar])
    rows: list[Row] = []
    with serving(environment) as server:
        rows += [Row(*line) for line in pages.measure_all(server, world, signed_in)]
        cookie = signed_in[world.instructor]
        rows += [Row(*line) for line in attendance.measure_all(app, server, world, cookie)]
        rows.append(Row(*door.measure(server, app)))
        rows.append(Row(*pages.memory(server)))
    rows += [Row(*line) for line in enrollment.measure_all(app, world, signed_in[world.students[0]])]
    rows += [Row(*line) for line in certificates.measure_all(app)]
    return rows


def write(table: str, database: str) -> None:
    """Put the table, the date and the machine into docs/benchmarks.md."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    backend = "PostgreSQL" if database else "SQLite"
    machine = (
        f"{cores} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, {backend}"
    )
    text = (
        "# Benchmarks\n\n"
        "Made by `script/benchmark --write`. The demo school with 1,000 students and 200 classes more; gunicorn with two\n"
        "workers; the clients run on the same machine. CPU is that of the server's processes, per request.\n\n"
        f"{clock.now().date().isoformat()}, {machine}.\n\n{table}\n"
    )
    path = ROOT / "docs" / "benchmarks.md"
    _table, mark, by_hand = path.read_text(encoding="utf-8").partition(
        "\n## "
    )  # what is told below the table stays
    path.write_text(text + mark + by_hand, encoding="utf-8")


if __name__ == "__main__":
    main()
