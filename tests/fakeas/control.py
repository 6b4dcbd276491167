"""One typed interface to the server, whether it runs in this process or in another."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakeas.journal import Recorded


@dataclass(frozen=True)
class RegisteredClient:
    """The credentials of a registered app."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]

    def __repr__(self) -> str:
        return f"RegisteredClient(client_id={self.client_id!r})"


class Control(ABC):
    """What a test can tell and ask the server; `url` has no trailing slash."""

    url: str

    @abstractmethod
    def command(self, name: str, payload: Mapping[str, Any]) -> Any:
        """Run one control command and return its JSON data; raise ValueError if refused."""

    def register_client(
        self,
        profile: str,
        *,
        redirect_uris: Sequence[str],
        client_id: str = "",
        client_secret: str = "",
        name: str = "Test app",
        scopes: Sequence[str] | None = None,
        pkce_required: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> RegisteredClient:
        """Register an app; credentials left out are made in the provider's shape.

        `settings`: tenant (outlook, sharepoint), token_rotation (slack), secret_expired.
        """
        payload = {
            "profile": profile,
            "redirect_uris": list(redirect_uris),
            "client_id": client_id,
            "client_secret": client_secret,
            "name": name,
            "scopes": None if scopes is None else list(scopes),
            "pkce_required": pkce_required,
            "settings": dict(settings or {}),
        }
        made = self.command("clients", payload)
        uris = tuple(made["redirect_uris"])
        return RegisteredClient(made["client_id"], made["client_secret"], uris)

    def configure(self, *, profile: str = "*", times: int | None = None, **modes: Any) -> None:
        """Switch modes on, for `times` uses where given; None switches one off."""
        self.command("modes", {"profile": profile, "times": times, "modes": modes})

    def requests(self, endpoint: str = "", *, profile: str = "") -> list[Recorded]:
        """Return the requests received so far, in order of arrival."""
        entries = self.command("requests", {"endpoint": endpoint, "profile": profile})
        return [Recorded(**entry) for entry in entries]

    def counters(self) -> dict[str, int]:
        """Return the number of requests for each `profile.endpoint`."""
        return dict(self.command("counters", {}))

    def count(self, endpoint: str, *, profile: str = "") -> int:
        """Return the number of requests at an endpoint, of one profile or of all."""
        return sum(
            number
            for name, number in self.counters().items()
            if name == f"{profile}.{endpoint}" or (not profile and name.endswith(f".{endpoint}"))
        )

    def reset(self, *, keep_tokens: bool = False, clients: bool = False) -> None:
        """Clear modes, journal, codes, tokens and clock; and registered clients if asked."""
        self.command("reset", {"keep_tokens": keep_tokens, "clients": clients})

    def advance_clock(self, seconds: float) -> None:
        """Move the server's time forward, so that codes and tokens expire."""
        self.command("clock", {"advance": seconds})

    def revoke_grants(self, *, profile: str | None = None, client_id: str | None = None) -> int:
        """End grants as if the person had removed the app at the provider; return how many."""
        return int(self.command("revoke", {"profile": profile, "client_id": client_id})["ended"])

    def grants(self, profile: str | None = None) -> list[dict[str, Any]]:
        """Return who granted what, and whether it still stands."""
        return list(self.command("grants", {"profile": profile}))


class RemoteControl(Control):
    """Control a server that runs as its own process."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def command(self, name: str, payload: Mapping[str, Any]) -> Any:
        """Post the command to the control API."""
        request = urllib.request.Request(
            f"{self.url}/_control/{name}",
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json", "X-Fakeas-Control": "1"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None
