"""The state of one running server, and the view of it that one request gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakeas.idtokens import SigningKey
from tests.fakeas.journal import Journal
from tests.fakeas.messages import Request
from tests.fakeas.modes import ModeSettings
from tests.fakeas.store import Client, Store

if TYPE_CHECKING:
    from tests.fakeas.profiles.base import Profile, Route


@dataclass
class World:
    """Hold what all requests share; `base_url` has no trailing slash."""

    base_url: str = ""
    store: Store = field(default_factory=Store)
    modes: ModeSettings = field(default_factory=ModeSettings)
    journal: Journal = field(default_factory=Journal)
    signing_key: SigningKey = field(default_factory=SigningKey)


@dataclass(frozen=True)
class Context:
    """One request at one endpoint of one profile; `path_values` are the path's settings."""

    world: World
    request: Request
    profile: Profile
    route: Route
    path_values: Mapping[str, str]

    @property
    def store(self) -> Store:
        """Return the records."""
        return self.world.store

    @property
    def realm(self) -> tuple[tuple[str, str], ...]:
        """Return the settings that codes and tokens are bound to."""
        names = self.profile.realm_names
        return tuple((name, self.path_values[name]) for name in names if name in self.path_values)

    @property
    def root(self) -> str:
        """Return the address of the profile, with its settings filled in."""
        return self.world.base_url + self.profile.root.format_map(dict(self.path_values))

    @property
    def issuer(self) -> str:
        """Return the issuer of the profile."""
        return f"{self.world.base_url}/{self.profile.slug}"

    def mode(self, name: str, client: Client | None = None) -> Any:
        """Return the value of a mode: the client's own, else the profile's, else None."""
        if client is not None and name in client.modes:
            return client.modes[name]
        return self.world.modes.get(self.profile.slug, name)
