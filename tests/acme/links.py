"""Links to the portal that Acme CRM's backend makes, and what it says when people come back."""

from __future__ import annotations

from dataclasses import dataclass, field

from clients.python.connect_portal import ConnectPortal, ConnectPortalError
from tests.acme.users import AcmeUser

WITHOUT_KEY = "Acme CRM was started without an API key: name its file by --api-key-file."


@dataclass(frozen=True)
class Links:
    """What the backend does with its API key; without one it only says so."""

    portal: str
    api_key: str = field(default="", repr=False)

    def make(self, user: AcmeUser, integration: str, return_url: str) -> dict[str, str]:
        """Make a link for a person, such as for an e-mail. Returns `url` or `error`."""
        if not self.api_key:
            return {"error": WITHOUT_KEY}
        try:
            made = self._client().session(
                user.subject,
                integration=integration,
                org=user.organization,
                return_url=return_url,
            )
        except (ConnectPortalError, OSError) as error:
            return {"error": str(error)}
        return {"url": str(made["url"])}

    def confirmed(self, user: AcmeUser, flow: str) -> str:
        """Say who came back, if the portal waits for that; returns what to show, if anything."""
        if not self.api_key:
            return ""
        try:
            ended = self._client().confirm(flow, user.subject)
        except ConnectPortalError as error:
            expected = error.code in {"confirmation_not_expected", "flow_not_found", "not_found"}
            return "" if expected else f"Not connected: {error.display_message or error.code}"
        except OSError:
            return "Not connected: the portal does not answer."
        return (
            f"The account is connected for {user.name}." if ended["status"] == "COMPLETED" else ""
        )

    def _client(self) -> ConnectPortal:
        return ConnectPortal(self.portal, self.api_key, timeout=15)
