"""Whole web addresses, for the doors that take one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bad_inputs.doors import Door

BOTH = (Door.KEY_SET, Door.WEBHOOK)
ALL = (*BOTH, Door.CATALOG)


@dataclass(frozen=True)
class Url:
    """One address. `kept` is empty for one that is refused."""

    row: int
    text: str
    kept: str = ""
    doors: tuple[Door, ...] = BOTH


def refused(row: int, *texts: str, doors: tuple[Door, ...] = BOTH) -> Iterator[Url]:
    """Yield addresses that these doors refuse."""
    return (Url(row, text, "", doors) for text in texts)


PLAIN = "https://acme.example/in"
URLS: tuple[Url, ...] = (
    *refused(4, "https://acme.example/a\r\nX-Evil: 1", doors=ALL),
    *refused(6, "https://acme.example/a\x00b", doors=ALL),
    *refused(11, "https://\uff41cme.example/", "https://acme\u3002example/", doors=ALL),
    *refused(15, "javascript:alert(1)", "data:text/html,x", "vbscript:x", doors=ALL),
    *refused(44, "http://acme.example/", "ftp://acme.example/", "//acme.example/", doors=ALL),
    *refused(44, "https:/acme.example/", "https:\\\\acme.example/", doors=ALL),
    *refused(45, "https://a:b@acme.example/", "https://a@acme.example/", doors=ALL),
    Url(46, "https://acme.example:443/in", PLAIN),
    *refused(46, "https://acme.example:443/", doors=(Door.CATALOG,)),
    *refused(46, *(f"https://acme.example:{port}/" for port in (8443, 0, 99999, 22)), doors=ALL),
    *refused(46, "https://acme.example:0443/", doors=ALL),
    *refused(47, "https://127.0.0.1/", "https://0x7f000001/", "https://2130706433/"),
    *refused(47, "https://127.1/", "https://0177.0.0.1/", "https://[::1]/"),
    *refused(47, "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/"),
    *refused(49, "https://acme.example/a#b", f"https://acme.example/{'a' * 2049}", doors=ALL),
    *refused(49, "https://acme.example/a/../b", "https://acme.example//b"),
    *refused(49, "https://acme.example/a;jsessionid=1"),
)
RESERVED = (
    "https://acme.example/a?client_id=x",
    "https://acme.example/a?b=c&Redirect_URI=x",
    "https://acme.example/a?state=x",
)
URLS += tuple(refused(50, *RESERVED, doors=(Door.KEY_SET, Door.CATALOG)))


def urls_at(door: Door) -> dict[int, list[Url]]:
    """Return the addresses that are brought to a door, by row."""
    rows: dict[int, list[Url]] = {}
    for url in URLS:
        if door in url.doors:
            rows.setdefault(url.row, []).append(url)
    return rows
