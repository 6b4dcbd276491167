"""A resolver that lies as a test tells it to, and a witness of every connection that is tried.

The portal's process reads a folder: `NAME.json` holds the answers for a host, one list for each
look-up, the last of them for all further ones. What was looked up and connected to is appended to
`seen.txt`. Only loopback addresses are really connected to.
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import Any

SUFFIX = ".names.test"


class Names:
    """The test's side: says what a name resolves to and reads what the portal did with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = folder / "seen.txt"
        self._seen.touch()
        self._number = 0

    def answer(self, label: str, *answers: list[str]) -> str:
        """Let a name resolve to these addresses at its first, second, ... look-up."""
        host = f"{label}{SUFFIX}"
        self._number += 1
        document = {"number": self._number, "answers": answers}
        (self.folder / f"{host}.json").write_text(json.dumps(document))
        return host

    def seen(self) -> list[str]:
        """Return what the portal did: `look-up NAME` and `connect ADDRESS`, oldest first."""
        return self._seen.read_text().splitlines()


def install(folder: str) -> None:
    """Put the resolver and the witness into this process."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect
    asked: Counter[int] = Counter()
    seen = Path(folder) / "seen.txt"

    def note(what: str) -> None:
        with seen.open("a") as log:
            log.write(f"{what}\n")

    def resolved(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        known = Path(folder) / f"{host}.json"
        if not str(host).endswith(SUFFIX) or not known.exists():
            return resolve(host, port, *args, **kwargs)
        note(f"look-up {host}")
        document = json.loads(known.read_text())
        answers, number = document["answers"], document["number"]
        asked[number] += 1
        addresses = answers[min(asked[number], len(answers)) - 1]
        return [_row(address, port) for address in addresses]

    def connected(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):
            note(f"connect {address[0]}")
            if not ip_address(address[0].partition("%")[0]).is_loopback:
                raise ConnectionRefusedError("tests stay on this machine")
        connect(self, address)

    socket.getaddrinfo = resolved
    socket.socket.connect = connected  # type: ignore[method-assign]


def _row(address: str, port: Any) -> tuple[Any, ...]:
    if ip_address(address).version == 6:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, int(port), 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port)))
