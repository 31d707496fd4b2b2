"""Runs Stillpoint on this machine: makes the database ready, then the web server and the job worker.

script/server starts this once everything is installed. It needs nothing but Python's own library, so that
`--help` answers on a bare machine.
"""

import argparse
import contextlib
import ctypes
import ipaddress
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 30.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CannotServeError(Exception):
    """The server can't be started; the text says why and what to do."""


@dataclass
class Child:
    """One of the two processes of the server, with the signal that asks it to stop in good order."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals


Event = (
    Child | signal.Signals
)  # what can happen to a running server: a child ends, or somebody asks it to stop


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program with status 2 and a sentence when it can't be understood."""
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Sets everything up, then serves Stillpoint on this machine. An empty database is filled"
        " with the demo school. Ctrl-C stops it.",
        epilog="Ends with status 0 when it was asked to stop, 1 when the web server or the worker failed,"
        " 2 when the command line can't be understood.",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="the port (default: 8000; 0 takes any free one)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1); the demo school takes only addresses of this"
        " machine itself, because everybody knows its passwords",
    )
    parser.add_argument(
        "--empty",
        action="store_true",
        help="start with an empty school instead of the demo; flask users create-admin makes its first user",
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        parser.error(f"{options.port} is no port: ports go from 0 to 65535")
    return options


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can reach the address: 127.0.0.0/8, ::1 or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def demo_refusal(host: str) -> str:
    """Why the demo school is not served on a host that others can reach, and what to do."""
    return (
        f"This is the demo school: everybody knows its passwords, so it is served only on this machine itself, not on"
        f" {host}. Listen on 127.0.0.1, or start an empty school in another INSTANCE_PATH: script/server --empty"
    )


def listen(host: str, port: int) -> socket.socket:
    """Take the port now, before anything else starts; raises CannotServeError when that can't be done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if isinstance(error, PermissionError):
            reason = f"Only root may listen on port {port}. Take one from 1024 up: script/server --port 8000"
        elif isinstance(error, socket.gaierror):
            reason = f"There is no address {host!r} on this machine."
        elif error.errno == 98 or "in use" in str(error):
            reason = (
                f"Port {port} is in use: another program, maybe another Stillpoint, listens there."
                f" Stop it, or take another port: script/server --port {port + 1 if port < 65535 else 8000}"
            )
        else:
            reason = f"Can't listen on {host} port {port}: {error.strerror}."
        raise CannotServeError(reason) from error
    listener.set_inheritable(True)
    return listener


def prepare(address: str | None, environment: Mapping[str, str]) -> dict[str, object]:
    """Make the database ready, in a process of its own; says what it holds.

    With an address, the demo school is loaded into an empty database, to be served there.
    The answer's `demo` tells whether it is the demo school, `users` how many people it knows, `logins` and
    `password` who can sign in there and with what.
    """
    command = [sys.executable, "-m", "script._prepare"]
    if address is not None:
        command += ["--demo", address]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise CannotServeError("The database is not ready, so nothing was started; the reason stands above.")
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def start(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stop_signal: signal.Signals,
    niceness: int = 0,
    fds: Sequence[int] = (),
) -> Child:
    """Start a child in a session of its own: a Ctrl-C reaches only this program, which then stops both."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def before_it_runs() -> None:
        os.nice(niceness)
        if libc is not None:  # should this program be killed, its children stop too
            libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))

    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=fds,
        preexec_fn=before_it_runs,  # no thread runs yet
    )
    return Child(name, process, stop_signal)


def report_requests_to_stop(events: "queue.SimpleQueue[Event]") -> None:
    """From now on a Ctrl-C, a SIGTERM or a closed terminal is an event, and ends nothing by itself."""

    def report(number: int, frame: FrameType | None) -> None:
        events.put(signal.Signals(number))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, report)


def report_ends(children: Sequence[Child], events: "queue.SimpleQueue[Event]") -> None:
    """Make the end of each child an event."""

    def report(child: Child) -> None:
        child.process.wait()
        events.put(child)

    for child in children:
        threading.Thread(target=report, args=(child,), daemon=True).start()


def answers(address: str) -> bool:
    """Whether the web server says that it is alive."""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_until_ready(address: str, events: "queue.SimpleQueue[Event]") -> Event | None:
    """Wait for the first answer; gives what came between instead, or None when the server is ready."""
    deadline = time.monotonic() + SECONDS_TO_START
    while not answers(address):
        if time.monotonic() > deadline:
            raise CannotServeError(f"The web server did not answer within {SECONDS_TO_START:.0f} seconds.")
        try:
            return events.get(timeout=0.05)
        except queue.Empty:
            continue
    return None


def next_event(events: "queue.SimpleQueue[Event]") -> Event:
    """Wait until something happens. Looks up each second, lest a signal just before it be lost."""
    while True:
        with contextlib.suppress(queue.Empty):
            return events.get(timeout=1)


def stop(children: Sequence[Child], events: "queue.SimpleQueue[Event]") -> None:
    """Ask every child to stop and wait for it; a second Ctrl-C, or too long a wait, ends what is left."""
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(child.stop_signal)
    deadline = time.monotonic() + SECONDS_TO_STOP
    while any(child.process.poll() is None for child in children):
        try:
            event: Event | None = events.get(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            event = None
        if event is None or isinstance(event, signal.Signals):
            for child in children:
                if child.process.poll() is None:
                    print(f"Ending the {child.name} at once.", file=sys.stderr)
                    os.killpg(child.process.pid, signal.SIGKILL)
                    child.process.wait()
    for child in children:  # a web server that was killed leaves its processes behind
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGTERM)


def welcome(address: str, school: Mapping[str, object]) -> str:
    """What the person at the terminal reads when the server is ready."""
    lines = ["", f"  Stillpoint is ready: {address}", ""]
    logins = school.get("logins")
    if school.get("demo") and isinstance(logins, list):
        lines.append(f"  The demo school's people sign in with the password {school['password']}:")
        lines += [f"    {login['email']:<24} {login['who']}" for login in logins]
    elif not school.get("users"):
        lines.append("  Nobody can sign in yet. Make the first user: .venv/bin/flask users create-admin")
    if not school.get("demo") and not os.environ.get("PUBLIC_URL"):
        lines.append(
            "  PUBLIC_URL is not set, so no mail is sent and no certificate is issued: docs/operating.md"
        )
    return "\n".join([*lines, "", "  Ctrl-C stops it.", ""])


def serve(options: argparse.Namespace) -> int:
    """Serve until asked to stop or until a child ends; gives the exit status."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    listener = listen(options.host, options.port)
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # Handlers are not inherited, as ignored signals are: so the children can always be interrupted.
    report_requests_to_stop(events)
    school = prepare(None if options.empty else address, environment)
    if school.get("demo") and not is_loopback(options.host):
        raise CannotServeError(demo_refusal(options.host))
    if school.get("demo"):
        environment |= {"DEMO": "1", "PUBLIC_URL": environment.get("PUBLIC_URL") or address}
    if not events.empty():
        return 0
    bin_folder = Path(sys.executable).parent
    fd = listener.fileno()
    web = [str(bin_folder / "gunicorn"), "-c", "gunicorn.conf.py", "--bind", f"fd://{fd}", "app:create_app()"]
    worker = [str(bin_folder / "flask"), "worker"]
    children = [
        start("web server", web, environment, stop_signal=signal.SIGTERM, fds=[fd]),
        # Papers and mail can wait a moment; whoever looks at a page should not.
        start("worker", worker, environment, stop_signal=signal.SIGINT, niceness=5),
    ]
    listener.close()
    report_ends(children, events)
    try:
        event = wait_until_ready(address, events)
        if event is None:
            print(welcome(address, school), flush=True)
            event = next_event(events)
    finally:
        stop(children, events)
    if isinstance(event, signal.Signals):
        print("Stillpoint has stopped.", flush=True)
        return 0
    code = event.process.returncode
    ending = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    print(f"The {event.name} {ending}, so everything was stopped.", file=sys.stderr)
    return 1


def main() -> int:
    """Run script/server's command line; gives the exit status."""
    options = parse(sys.argv[1:])
    os.chdir(ROOT)
    try:
        return serve(options)
    except CannotServeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
