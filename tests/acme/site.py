"""Serve Acme CRM on a loopback port, on its own or inside a test."""

from functools import partial
from socketserver import ThreadingMixIn
from threading import Thread
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from tests.acme.links import Links
from tests.acme.pages import AcmeApplication, Policies
from tests.acme.users import TokenSigner

LOOPBACK = "127.0.0.1"


class _ThreadedServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep requests off the console."""


def strict_csp(portal: str) -> str:
    """Return the Content-Security-Policy of a page that embeds the portal and allows no more."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {portal}",
            "style-src 'self'",
            f"img-src 'self' {portal}",
            f"connect-src 'self' {portal}",
            f"frame-src {portal}",
            f"form-action 'self' {portal}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class AcmeSite:
    """Acme CRM as a context manager; `origin` is the address for browsers.

    `portal` is the portal's origin, `signing_key` an RS256 private key as PEM. Port 0 takes a free
    port. `coop` and `referrer_policy` set those headers; `csp` replaces the strict policy, and an
    empty `csp` sends none. With an `api_key` it makes links.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        portal: str,
        project: str,
        signing_key: str,
        kid: str,
        coop: str | None = None,
        referrer_policy: str | None = None,
        csp: str | None = None,
        api_key: str = "",
    ) -> None:
        """Bind the port; requests are answered once the context is entered."""
        self.signer = TokenSigner(
            portal=portal.rstrip("/"), project=project, signing_key=signing_key, kid=kid
        )
        self._server = _ThreadedServer((LOOPBACK, port), _QuietHandler)
        self.port: int = self._server.server_port
        self.origin = f"http://acme.localhost:{self.port}"
        policies = Policies(
            csp=strict_csp(self.signer.portal) if csp is None else csp,
            coop=coop,
            referrer=referrer_policy,
        )
        self._server.set_app(
            AcmeApplication(
                origin=self.origin,
                signer=self.signer,
                policies=policies,
                links=Links(self.signer.portal, api_key),
            )
        )
        # The pause between two looks for a request to stop, in seconds.
        serve = partial(self._server.serve_forever, 0.02)
        self._thread = Thread(target=serve, name="acme", daemon=True)

    def __enter__(self) -> Self:
        """Start answering requests."""
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Block until the site is stopped."""
        self._thread.join()
