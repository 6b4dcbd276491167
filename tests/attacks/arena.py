"""The running portal with two tenants, and the means to say that an attack was repelled."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.acme import users
from tests.attacks.browser import Browser, Reply
from tests.attacks.names import Names
from tests.browser import stack as stacks
from tests.browser.stack import ROOT, Stack
from tests.fakeas.server import FakeAS

DEADLINE = 2.5
SLUGS = ("demo-mail", "demo-desk")
BACK_CHANNEL = ("token", "revocation", "identity", "api", "metadata", "keys")
VALUABLES = (
    "project", "allowedorigin", "returnurl", "apikey", "signingkey", "integration", "organization",
    "enduser", "oauthclient", "clientversion", "connection", "credential",
)  # fmt: skip
# Attacks of one kind would else be stopped by the limits, which are row 42's.
UNLIMITED = ",".join(
    f"{name}=off"
    for name in (
        "open", "open_address", "failed_credentials", "page", "poll", "save_options", "start",
        "hosted", "hand_off", "user_api", "vendor_api", "access_tokens", "admin_login",
        "admin_name",
    )
)  # fmt: skip
LIMITED = UNLIMITED.replace(",admin_login=off", "").replace("open=off", "open=5/60", 1)
# Noted at each use or failure, so no sign of harm.
MOMENTS = {"last_used_at", "last_seen_at", "refresh_after", "lease_until"}


@dataclass(frozen=True)
class Tenant:
    """A vendor: what its backend holds."""

    base_url: str
    project: str
    api_key: str
    kid: str
    key_file: Path

    def claims(self, sub: Any = "dana", **changed: Any) -> dict[str, Any]:
        """Return the claims of a good user token; a changed claim of None is left out."""
        now = int(time.time())
        good = {
            "iss": self.project,
            "aud": f"{self.base_url}/p/{self.project}",
            "sub": sub,
            "iat": now,
            "exp": now + 300,
            "name": f"{str(sub).title()} Reyes",
        }
        return {name: value for name, value in {**good, **changed}.items() if value is not None}

    def token(self, sub: str = "dana", **changed: Any) -> str:
        """Sign a user token."""
        claims = self.claims(sub, **changed)
        return jwt.encode(claims, self.private_key, "RS256", headers={"kid": self.kid})

    @cached_property
    def private_key(self) -> RSAPrivateKey:
        """The signing key."""
        return users.private_key(self.key_file.read_text(encoding="ascii"))


@dataclass
class Arena:
    """Two tenants of one portal, a provider, and everything that was answered."""

    stack: Stack
    mine: Tenant
    theirs: Tenant
    answers: list[Reply] = field(default_factory=list)
    via: str = ""

    @property
    def url(self) -> str:
        """The portal's address."""
        return self.stack.base_url

    @property
    def provider(self) -> FakeAS:
        """The provider."""
        return self.stack.provider

    @property
    def origin(self) -> str:
        """The registered origin of both tenants' host pages."""
        return f"http://acme.localhost:{self.stack.environment['ACME_PORT']}"

    def browser(self) -> Browser:
        """Return a new cookie jar."""
        always = {"X_Forwarded_Proto": "https"} if self.via else {}
        return Browser(self.answers, via=self.via, always=always)

    def api(
        self, method: str, path: str, authorization: str, body: Any = None, **headers: str
    ) -> Reply:
        """Call the API."""
        sent = {"Authorization": authorization, **headers}
        if body is not None:
            sent["Content_Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.url}/api/v1/{path}"
        return self.browser().send(method, address, body=data, headers=sent)

    def vendor(self, method: str, path: str, *, key: str | None = None) -> Reply:
        """Call the API as a vendor's backend; it is meant to see tokens, so it is not on record."""
        reply = self.api(method, path, f"Bearer {key or self.mine.api_key}")
        self.answers.remove(reply)
        return reply

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the database behind the portal's back."""
        with closing(sqlite3.connect(self.stack.database, timeout=20)) as database:
            return database.execute(statement, values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        """Write to the database behind the portal's back; returns how many rows were changed."""
        with closing(sqlite3.connect(self.stack.database, timeout=20)) as database, database:
            return database.execute(statement, values).rowcount

    def digest(self, tables: Sequence[str] = VALUABLES) -> str:
        """Return a digest over whole tables."""
        content = hashlib.sha256()
        with closing(sqlite3.connect(self.stack.database, timeout=20)) as database:
            known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            for name in (f"integrations_{table}" for table in tables):
                if name in known:
                    content.update(_table(database, name))
        return content.hexdigest()

    def alarms(self, after: int = 0) -> list[str]:
        """Return the audit events after a row as `action code severity`, oldest first."""
        found = self.rows(
            "SELECT action, data FROM integrations_auditevent WHERE rowid > ? ORDER BY rowid", after
        )
        return [_worded(action, json.loads(data)) for action, data in found]

    def newest_alarm(self) -> int:
        """Return the row of the newest audit event."""
        return int(self.rows("SELECT max(rowid) FROM integrations_auditevent")[0][0] or 0)

    def called(self) -> Counter[str]:
        """Count what the provider was asked by servers, and at its canaries."""
        counters = self.provider.counters()
        return Counter(
            {
                name: number
                for name, number in counters.items()
                if name.rpartition(".")[2] in (*BACK_CHANNEL, "other")
            }
        )

    def secrets(self) -> dict[str, str]:
        """Return what nobody may be shown, by what it is."""
        store, environment = self.provider.world.store, self.stack.environment
        found = {"client secret": "fake-secret", "database key": environment["FERNET_KEYS"]}
        found["framework key"] = environment["SECRET_KEY"]
        for tenant in (self.mine, self.theirs):
            found[f"API key of {tenant.project}"] = tenant.api_key
        kinds = {
            "code": store.codes,
            "access": store.access_tokens,
            "refresh": store.refresh_tokens,
        }
        for kind, values in kinds.items():
            found |= {f"{kind} {number}": value for number, value in enumerate(list(values))}
        return found

    def shown(self, text: str) -> list[str]:
        """Name the secrets that a text holds."""
        return [name for name, value in self.secrets().items() if value in text]

    @contextmanager
    def repelled(
        self, *alarms: str, calls: Mapping[str, int] | None = None, but: Sequence[str] = ()
    ) -> Iterator[None]:
        """Assert that what happens inside does no harm.

        No valuable row changes (`but` names tables that may), the provider is asked nothing by the
        portal but `calls`, the audit log says exactly `alarms` and no answer and no line of the
        log shows a secret.
        """
        tables = [name for name in VALUABLES if name not in but]
        before, called, newest = self.digest(tables), self.called(), self.newest_alarm()
        answered, logged = len(self.answers), self.stack.log.stat().st_size
        yield
        assert self.digest(tables) == before, "something of value was changed"
        assert dict(self.called() - called) == dict(calls or {}), "the provider was asked"
        assert self.alarms(newest) == list(alarms)
        for reply in self.answers[answered:]:
            seen = self.shown(reply.everything.removeprefix(reply.url))
            assert seen == [], f"{reply.status} {reply.url.partition('?')[0]} shows secrets"
        assert self.shown(self.stack.log.read_text(errors="replace")[logged:]) == []


def _table(database: sqlite3.Connection, name: str) -> bytes:
    found = database.execute(f"SELECT * FROM {name} ORDER BY 1")
    kept = [at for at, column in enumerate(found.description) if column[0] not in MOMENTS]
    return "\n".join(repr([row[at] for at in kept]) for row in found).encode()


def _worded(action: str, data: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (action, data.get("code", ""), data.get("severity", ""))))


@contextmanager
def running(folder: Path) -> Iterator[Arena]:
    """Start the portal in two processes, and register both tenants."""
    catalogs = f"{folder / 'catalog'}:{ROOT / 'tests' / 'attacks' / 'catalog'}"
    environment = {
        "ATTACKS_DEADLINE": str(DEADLINE),
        "WEB_CONCURRENCY": "2",
        "CONNECT_CATALOG_DIRS": catalogs,
        "LIMITS": UNLIMITED,
    }
    with stacks.running(folder, application="tests.attacks.wsgi", **environment) as stack:
        key_file, other_file = folder / "signing-key.pem", folder / "other-signing-key.pem"
        mine = Tenant(stack.base_url, stack.project_id, stack.api_key, stack.kid, key_file)
        origin = f"http://acme.localhost:{stack.environment['ACME_PORT']}"
        made = stack.run(
            "-m", "tests.attacks.prepare", origin, str(other_file), mine.project, *SLUGS
        )
        other = json.loads(made.splitlines()[-1])
        ids = (other["project_id"], other["api_key"], other["kid"])
        yield Arena(stack, mine, Tenant(stack.base_url, *ids, other_file))


@contextmanager
def abroad(arena: Arena) -> Iterator[tuple[Arena, Names]]:
    """Start a process as in production: https behind a proxy, and no private address allowed.

    It shares the database. Its resolver is the test's own.
    """
    folder, port = arena.stack.folder, stacks.free_port()
    (folder / "names").mkdir()
    public = "https://connect.names.test"
    environment = {
        **arena.stack.environment,
        "BASE_URL": public,
        "BIND": f"127.0.0.1:{port}",
        "ATTACKS_NAMES": str(folder / "names"),
        "CONNECT_CATALOG_DIRS": str(ROOT / "tests" / "attacks" / "catalog"),
        "OUTBOUND_ALLOW_CIDRS": "",
        "LIMITS": LIMITED,
    }
    stack = replace(arena.stack, base_url=public, environment=environment)
    tenants = (replace(each, base_url=public) for each in (arena.mine, arena.theirs))
    found = Arena(stack, *tenants, via=f"127.0.0.1:{port}")
    with stack.log.open("ab") as log:
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
        process = subprocess.Popen(
            [*command, "tests.attacks.wsgi"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_ready(found)
            yield found, Names(folder / "names")
        finally:
            process.terminate()
            process.wait(timeout=40)


def _wait_until_ready(arena: Arena) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError):
            if arena.browser().get(f"{arena.url}/readyz").status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(arena.stack.log.read_text()[-2000:])
