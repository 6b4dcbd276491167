"""A normally started Chromium, driven by Playwright over the DevTools protocol.

Playwright's own launcher switches off third-party storage partitioning, which hides the bugs
that an embedded page meets in real browsers, so the browser is started without it.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

DEBIAN_CHROMIUM = Path("/usr/bin/chromium")
START_SECONDS = 30
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
PHONE = {
    "viewport": {"width": 390, "height": 664},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS]",
}
WITHOUT_FRAMES = "document.querySelectorAll('iframe').forEach((each) => each.remove())"

_started: list[Playwright] = []
_users: list[Playwright] = []


class ChromiumMissing(RuntimeError):
    """No Chromium was found, or it did not start."""


def chromium_binary(playwright: Playwright) -> Path:
    """Find Chromium: $CHROMIUM, then Debian's, then Playwright's own.

    Raises ChromiumMissing if none of the three exists.
    """
    named = os.environ.get("CHROMIUM")
    found = Path(named) if named else None
    if found and not found.is_file():
        found = Path(shutil.which(named or "") or named or "")
    for binary in (found,) if found else (DEBIAN_CHROMIUM, _own_binary(playwright)):
        if binary.is_file():
            return binary
    raise ChromiumMissing(
        "Chromium was not found. Install the chromium package, run `playwright install chromium`, "
        "or set CHROMIUM to the program's path."
    )


@dataclass
class Tab:
    """One tab of the browser's own profile for many tests: a new one costs two processes."""

    browser: Browser
    page: Page | None = None

    def fresh(self) -> Page:
        """Return the tab, or another if somebody closed it."""
        if self.page is None or self.page.is_closed():
            self.page = self.browser.contexts[0].new_page()
        return self.page

    def tidy(self) -> None:
        """Close all other pages of the profile, and this one if it cannot be as it was."""
        for page in self.browser.contexts[0].pages:
            if page is not self.page and page.url != "about:blank":
                page.close()
        if self.page and not self.page.is_closed():
            self.page.unroute_all()
            with suppress(Error):
                self.page.evaluate(WITHOUT_FRAMES)
            if self.page.viewport_size:
                self.page.close()


@contextmanager
def start_chromium(*, block_third_party_cookies: bool = False) -> Iterator[Browser]:
    """Start Chromium with a new profile and yield it, connected.

    `browser.contexts[0]` is the profile's own context; contexts made with `new_context()` behave
    like incognito windows, where third-party cookies are blocked.
    Raises ChromiumMissing if Chromium is absent or does not start.
    """
    with (
        _shared() as playwright,
        tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder,
    ):
        profile = Path(folder)
        _write_preferences(profile, block_third_party_cookies=block_third_party_cookies)
        with _running(chromium_binary(playwright), profile) as endpoint:
            browser = playwright.chromium.connect_over_cdp(endpoint)
            try:
                yield browser
            finally:
                browser.close()


@contextmanager
def _shared() -> Iterator[Playwright]:
    # The synchronous API runs once in a thread, so browsers that live at a time share it.
    if not _users:
        _started.append(sync_playwright().start())
    playwright = _started[-1]
    _users.append(playwright)
    try:
        yield playwright
    finally:
        _users.remove(playwright)
        if not _users:
            _started.pop().stop()


def _own_binary(playwright: Playwright) -> Path:
    return Path(playwright.chromium.executable_path)


def _write_preferences(profile: Path, *, block_third_party_cookies: bool) -> None:
    # cookie_controls_mode: 0 allows third-party cookies, 1 blocks them.
    mode = 1 if block_third_party_cookies else 0
    preferences = {
        "profile": {
            "cookie_controls_mode": mode,
            "block_third_party_cookies": block_third_party_cookies,
        }
    }
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))


@contextmanager
def _running(binary: Path, profile: Path) -> Iterator[str]:
    # Chromium refuses its sandbox to root, which is what containers run as.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    command = [str(binary), *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield _endpoint(process, profile)
    finally:
        _stop(process)


def _endpoint(process: subprocess.Popen[bytes], profile: Path) -> str:
    announced = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        lines = announced.read_text().splitlines() if announced.exists() else []
        if len(lines) > 1:
            return f"http://127.0.0.1:{lines[0]}"
        time.sleep(0.05)
    raise ChromiumMissing(f"Chromium did not start (exit code {process.poll()}).")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
