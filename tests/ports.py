"""Ports of the loopback for the servers that tests start."""

import secrets
import socket


def free_port() -> int:
    """A port on which nothing listens.

    From below those that the system gives to clients (Linux: from 32768), so that no client of another test gets it before
    the server that asked is there.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
