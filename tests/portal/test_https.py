"""The portal as it runs in production: behind https, with prefixed cookies."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.browser.stack import free_port
from tests.fakeas import visitor as provider_visitor
from tests.fakeas.server import FakeAS
from tests.visitor import Page

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "https://app.acme.example"


@dataclass
class Portal:
    """A portal with a certificate of its own, and a browser that trusts it."""

    url: str
    folder: Path
    project: dict[str, str]

    def browser(self) -> requests.Session:
        session = requests.Session()
        session.verify = str(self.folder / "cert.pem")
        session.trust_env = False
        return session

    def token(self) -> str:
        now, project = int(time.time()), self.project["project_id"]
        claims = {"iss": project, "aud": f"{self.url}/p/{project}", "sub": "dana", "iat": now}
        key = (self.folder / "key-of-users.pem").read_text()
        headers = {"kid": self.project["kid"]}
        return jwt.encode({**claims, "exp": now + 300}, key, "RS256", headers=headers)

    def open(self, browser: requests.Session, **fields: str) -> requests.Response:
        form = {
            "user_token": self.token(),
            "integration": "demo-mail",
            "account_type": "user-configured-oauth",
            **fields,
        }
        return browser.post(
            f"{self.url}/embed/{self.project['project_id']}/open",
            form,
            headers={"Origin": ORIGIN},
            allow_redirects=False,
        )


def certificate(folder: Path) -> None:
    """Write a certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "tls-key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def portal(
    fakeas: FakeAS, catalog_dirs: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    """Start the portal as its README says, with TLS at gunicorn."""
    folder, port = tmp_path_factory.mktemp("https"), free_port()
    certificate(folder)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "SECRET_KEY": "a-secret-key-of-the-https-tests-that-is-long-enough",
        "FERNET_KEYS": "a-fernet-key-of-the-https-tests-that-is-long-enough",
        "BASE_URL": f"https://localhost:{port}",
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "OUTBOUND_ALLOW_CIDRS": "127.0.0.0/8",
        "CONNECT_CATALOG_DIRS": str(catalog_dirs[0]),
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
    }
    prepare = [sys.executable, "-m", "tests.browser.prepare", ORIGIN]
    prepare += [str(folder / "key-of-users.pem"), "demo-mail"]
    said = subprocess.run(
        prepare, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    serve = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi"]
    serve += ["--certfile", str(folder / "cert.pem"), "--keyfile", str(folder / "tls-key.pem")]
    with (folder / "portal.log").open("wb") as log:
        process = subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=log, stderr=log)
        running = Portal(environment["BASE_URL"], folder, json.loads(said.stdout.splitlines()[-1]))
        try:
            wait_until_ready(running, process)
            yield running
        finally:
            process.terminate()
            process.wait(timeout=40)


def wait_until_ready(portal: Portal, process: subprocess.Popen[bytes]) -> None:
    """Return once the portal answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if portal.browser().get(f"{portal.url}/readyz", timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
    raise AssertionError((portal.folder / "portal.log").read_text()[-2000:])


def cookie_of(answer: requests.Response) -> str:
    """Return the one Set-Cookie line of an answer."""
    lines = answer.raw.headers.getlist("Set-Cookie")
    assert len(lines) == 1, lines
    return str(lines[0])


def assert_host_cookie(line: str, prefix: str) -> None:
    """Check the attributes that the __Host- prefix and the flow need."""
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert line.startswith(prefix)
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


def test_it_connects_over_https_with_a_host_cookie(portal, fakeas):
    browser = portal.browser()
    ours = {"Origin": portal.url}
    page = Page(portal.open(browser, display="embed").text)
    shown = page.form("/portal/options").submitted
    form = {**shown, "client_id": "fake_ok", "client_secret": "fake-secret"}
    page = Page(browser.post(f"{portal.url}/portal/options", form, headers=ours).text)
    started = browser.post(
        f"{portal.url}/oauth/start", page.form("/oauth/start").submitted, headers=ours
    )
    assert_host_cookie(cookie_of(started), "__Host-cp_f_")
    back = urlsplit(provider_visitor.approve(Page(started.text).refresh))
    done = browser.get(f"{portal.url}{back.path}?{back.query}")
    assert done.history[0].status_code == 303
    assert "?" not in done.url
    assert "connected" in Page(done.text).text


def test_a_full_page_visit_keeps_its_session_in_a_host_cookie(portal):
    answer = portal.open(portal.browser(), display="page")
    assert answer.status_code == 303
    assert_host_cookie(cookie_of(answer), "__Host-cp_s=")


def test_a_cookie_without_the_prefix_opens_nothing(portal):
    browser = portal.browser()
    handle = cookie_of(portal.open(browser, display="page")).split(";")[0].partition("=")[2]
    plain = requests.get(
        f"{portal.url}/portal/", cookies={"cp_s": handle}, verify=browser.verify, timeout=10
    )
    assert plain.status_code == 401


def test_it_tells_browsers_to_come_by_https_only(portal):
    answer = portal.browser().get(f"{portal.url}/healthz")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_a_request_that_came_by_http_is_sent_to_https(portal):
    answer = portal.browser().get(
        f"{portal.url}/admin/login/", headers={"X-Forwarded-Proto": "http"}, allow_redirects=False
    )
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://localhost")


def test_the_admin_s_cookies_are_host_cookies(portal):
    answer = portal.browser().get(f"{portal.url}/admin/login/")
    attributes = {part.strip().lower() for part in cookie_of(answer).split(";")[1:]}
    assert cookie_of(answer).startswith("__Host-csrf=")
    assert {"secure", "samesite=strict", "path=/"} <= attributes


def vendor_call(portal: Portal, path: str, body: dict[str, object]) -> requests.Response:
    """Call the API as the vendor's backend does."""
    return portal.browser().post(
        f"{portal.url}/api/v1{path}",
        json=body,
        headers={"Authorization": f"Bearer {portal.project['api_key']}"},
    )


def test_a_link_connects_once_the_vendor_has_confirmed(portal, fakeas):
    kinds = ["user-configured-oauth"]
    asked = {"user": "dana", "integration": "demo-mail", "account_type": kinds, "kind": "hosted"}
    url = vendor_call(portal, "/sessions", asked).json()["url"]
    browser, ours = portal.browser(), {"Origin": portal.url}
    assert "dana" in Page(browser.get(url).text).text
    # A refusal that Django logs by its address, while the ticket is still good.
    assert browser.post(url, headers={"Origin": "https://evil.example"}).status_code == 403
    opened = browser.post(url, headers=ours, allow_redirects=False)
    assert_host_cookie(cookie_of(opened), "__Host-cp_s=")
    page = Page(browser.get(f"{portal.url}/portal/").text)
    shown = page.form("/portal/options").submitted
    form = {**shown, "client_id": "fake_ok", "client_secret": "fake-secret"}
    page = Page(browser.post(f"{portal.url}/portal/options", form, headers=ours).text)
    start = page.form("/oauth/start").submitted
    started = browser.post(f"{portal.url}/oauth/start", start, headers=ours)
    back = urlsplit(provider_visitor.approve(Page(started.text).refresh))
    done = Page(browser.get(f"{portal.url}{back.path}?{back.query}").text)
    assert done.refresh.startswith(f"{ORIGIN}/return?cp_flow=")
    flow = done.refresh.partition("cp_flow=")[2]
    confirmed = vendor_call(portal, f"/flows/{flow}/confirm", {"end_user": "dana"}).json()
    assert (confirmed["status"], confirmed["connection"]["status"]) == ("COMPLETED", "VALID")
    ticket = url.rsplit("/", 1)[1]
    log = (portal.folder / "portal.log").read_text()
    assert "/hosted/***" in log
    assert ticket not in log


def test_a_page_connects_by_the_api_alone(portal, fakeas):
    browser, calling = portal.browser(), {"Origin": ORIGIN}
    token = {**calling, "Authorization": f"Bearer {portal.token()}"}
    flows = f"{portal.url}/api/v1/me/flows"
    kinds = ["user-configured-oauth"]
    body = {"integration": "demo-mail", "account_type": kinds, "external_id": "headless"}
    begun = browser.post(flows, json=body, headers=token)
    assert begun.headers["Access-Control-Allow-Origin"] == ORIGIN
    step = f"{flows}/{begun.json()['id']}/pre-options"
    entered = {"client_id": "fake_ok", "client_secret": "fake-secret"}
    ticket = browser.post(step, json=entered, headers=token).json()["start_ticket"]
    form = {"start_ticket": ticket}
    started = browser.post(f"{portal.url}/oauth/start", form, headers=calling)
    back = urlsplit(provider_visitor.approve(Page(started.text).refresh))
    done = browser.get(f"{portal.url}{back.path}?{back.query}")
    assert "is connected" in Page(done.text).text
    flow = browser.get(f"{portal.url}/api/v1/flows/{begun.json()['id']}", headers=token).json()
    assert (flow["status"], flow["connection"]["external_id"]) == ("COMPLETED", "headless")
