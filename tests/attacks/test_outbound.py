"""Rows 13 to 16: what a provider's address and its answers can do to the portal."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.attacks.arena import DEADLINE, Arena
from tests.attacks.visit import Visit, prepared
from tests.fakeas import faults, visitor

PRIVATE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.5", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2001:0:7f00:1::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
)  # fmt: skip
PUBLIC = "93.184.215.14"


def tried(person: Visit) -> tuple[str, str]:
    """Go once more to the provider and back with a code; return how the flow stands."""
    person.start()
    person.come_back(person.answer(iss=None))
    return person.standing()


@pytest.mark.row(13)
def test_a_name_that_leads_inside_is_refused_before_anything_connects(abroad, names):
    person = prepared(abroad, subdomain="acme")
    before = len(names.seen())
    for address in PRIVATE:
        host = names.answer("acme", [address])
        with abroad.repelled("flow.failed provider_address_refused low"):
            assert tried(person) == ("FAILED", "provider_address_refused"), address
        shown = person.post("/portal/step", {"to": "review"})
        assert address not in shown.text
    assert names.seen()[before:] == [f"look-up {host}"] * len(PRIVATE)


@pytest.mark.row(13)
@pytest.mark.parametrize("answers", [[PUBLIC, "10.0.0.5"], ["10.0.0.5", PUBLIC], [PUBLIC, "::1"]])
def test_one_bad_address_among_good_ones_is_enough(abroad, names, answers):
    person = prepared(abroad, subdomain="acme")
    host = names.answer("acme", answers)
    before = len(names.seen())
    assert tried(person) == ("FAILED", "provider_address_refused")
    assert names.seen()[before:] == [f"look-up {host}"]


@pytest.mark.row(13)
def test_a_name_that_changes_its_mind_is_asked_only_once(abroad, names):
    """Rebinding: the address that was checked is the address that is connected to."""
    person = prepared(abroad, subdomain="acme")
    host = names.answer("acme", [PUBLIC], ["127.0.0.1"])
    before = len(names.seen())
    assert tried(person) == ("FAILED", "provider_unreachable")
    seen = names.seen()[before:]
    assert seen.count(f"look-up {host}") == seen.count(f"connect {PUBLIC}")
    assert set(seen) == {f"look-up {host}", f"connect {PUBLIC}"}


HOSTS = (
    "169.254.169.254#", "127.0.0.1:80#", "evil.example#", "evil.example/", "evil.example?",
    "evil.example\\", "a@evil.example", "a:b@c", "a\\@evil.example", "a%2f..", "%2e%2e", "..", ".",
    "a..b", "a.b", "acme.", "-a", "a-", "a_b", "a" * 64, "xn--80ak6aa92e",
    "\u0430\u0440\u0440\u04cf\u0435", "\u24d4vil", "a\u3002com", "\uff41\uff42",
    "0x7f000001.x",
    "http://evil.example", "//evil.example", "https://evil.example/acme.names.test",
    "https://acme.names.test@evil.example", "https://acme.names.test.evil.example",
    "https://evil.example\\.names.test", "https://acme.names.test:8443", "ac\nme", "ac\tme",
    "ac\x00me", "ac\u200bme", "ac\u202eme", "{subdomain}", "{settings.__class__}", "{0}", "%s",
    "${7*7}", "{{7*7}}", "www", "WWW", "",
)  # fmt: skip


@pytest.mark.row(13)
@pytest.mark.row(17)
def test_a_subdomain_is_one_label_and_nothing_else(abroad, names):
    person = prepared(abroad, subdomain="acme")
    before = names.seen()
    with abroad.repelled():
        for typed in HOSTS:
            person.post("/portal/step", {"to": "options"})
            assert person.enter(subdomain=typed).status == 422, typed
    assert names.seen() == before


@pytest.mark.row(14)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("endpoint", ["token", "identity"])
def test_a_redirect_takes_no_secret_along(arena, victim, endpoint, status):
    to = {"to": f"{arena.provider.url}/canary", "status": status}
    arena.provider.configure(**{f"{endpoint}_redirect": to})
    victim.come_back(visitor.approve(victim.start()))
    assert arena.provider.requests("other") == []
    ends = {"token": ("FAILED", "provider_redirect"), "identity": ("COMPLETED", "")}
    assert victim.standing() == ends[endpoint]


@pytest.mark.row(15)
def test_a_dripping_answer_is_cut_and_keeps_nobody_else_waiting(arena):
    people = [prepared(arena) for _ in range(4)]
    bystander = arena.browser()
    started = time.monotonic()
    with ThreadPoolExecutor(len(people)) as pool:
        running = []
        for where, person in zip(("status", "header", "body", ""), people, strict=True):
            slow = {"seconds": 0.4, "where": where}
            modes = {"drip": slow} if where else {"token_delay": 4 * DEADLINE}
            person.start()
            arena.provider.configure(profile="demo-mail", times=1, **modes)
            running.append(pool.submit(person.come_back, person.answer()))
            _wait(lambda: arena.provider.count("token") == len(running))
            time.sleep(0.05)
        for _ in range(20):
            assert bystander.get(f"{arena.url}/readyz").status == 200
        assert not any(each.done() for each in running), "bystanders had to wait for the slow ones"
        [each.result() for each in running]
    assert time.monotonic() - started < 3 * DEADLINE
    assert [person.standing() for person in people] == [("FAILED", "provider_timeout")] * 4


def _wait(condition) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def memory(arena: Arena) -> dict[int, int]:
    """Return the most megabytes that each of the portal's processes has had so far."""
    mark = f"BIND={arena.stack.environment['BIND']}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                status = (folder / "status").read_text().partition("VmHWM:")[2]
                found[int(folder.name)] = int(status.split()[0]) // 1_000
        except OSError:
            continue
    return found


# Good answers in an odd dress, which are taken.
READABLE = {"bom", "form", "extra_members", "spaces_around", "no_type", "upper_case_type"}


@pytest.mark.row(16)
def test_no_body_of_a_token_answer_harms_the_process_or_becomes_a_connection(arena, victim):
    bodies = [name for name in faults.BODY_NAMES if name not in READABLE]
    assert len(bodies) >= 40
    # Made once, which takes longer than the portal waits.
    faults.gzip_bomb()
    before = memory(arena)
    for name in bodies:
        arena.provider.configure(profile="demo-mail", token_body=name)
        victim.start()
        victim.come_back(victim.answer())
        status, code = victim.standing()
        assert status == "FAILED", name
        assert code in EXPECTED.get(name, ("provider_bad_response",)), name
    after = memory(arena)
    assert after.keys() == before.keys(), "a process died"
    assert max(after[pid] - before[pid] for pid in before) < 30
    assert victim.connections() == []
    arena.provider.reset()
    assert victim.connect()["status"] == "VALID"


EXPECTED = {
    "error_in_200": ("code_refused",),
    "error_is_object": ("provider_error",),
    "error_is_secret": ("provider_error",),
}
