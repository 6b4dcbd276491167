"""What a developer copies to offer an integration: prefilled with the project and this portal."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import render_to_string

from integrations.models import Integration

# connect.js is imported by the element: an import map says what it must be (HTML Standard, import
# maps). A preload would not do: a browser fetches again, unchecked, what it refused there.
ELEMENT = """\
<script type="importmap">{"integrity": {"$sdk_url": "$sdk_digest"}}</script>
<script type="module" src="$element_url" integrity="$element_digest" crossorigin></script>

<connect-portal integration="$slug" project="$project" token-url="/user-token">
  Connect $name
</connect-portal>
"""

HTML = """\
<button id="connect-$slug" type="button">Connect $name</button>

<script type="module" src="$sdk_url" integrity="$sdk_digest" crossorigin></script>
<script type="module">
  async function fetchUserToken() {
    const response = await fetch("/user-token", { method: "POST" });
    return (await response.json()).user_token;
  }
  await ConnectPortal.authenticate("$project", { fetchUserToken });
  document.querySelector("#connect-$slug").onclick = () =>
    ConnectPortal.connect("$slug").catch((error) => console.log(error.code));
</script>
"""

REACT = """\
// use-connect-portal.ts is in docs/react.md.
import { useConnectPortal } from "./use-connect-portal";

const portal = { url: "$portal", project: "$project", fetchUserToken };

async function fetchUserToken() {
  const response = await fetch("/user-token", { method: "POST" });
  return (await response.json()).user_token;
}

export function Connect() {
  const { connect, ready, credential, error } = useConnectPortal("$slug", portal);
  if (error) return <p role="alert">{error.displayMessage}</p>;
  return (
    <button type="button" disabled={!ready} onClick={() => connect()}>
      {credential ? "Reconnect $name" : "Connect $name"}
    </button>
  );
}
"""

DJANGO = """\
# settings.py; connect_portal_tags.py is in clients/django, copy it into a templatetags folder
CONNECT_PORTAL = {
    "URL": "$portal",
    "PROJECT": "$project",
    "MODULES": {
        "$sdk_path": "$sdk_digest",
        "$element_path": "$element_digest",
    },
}

{# a template #}
{% load connect_portal_tags %}
{% connect_portal "$slug" token_url="/user-token" label="Connect $name" %}
"""

CURL = """\
# A link that the person with this id opens, once and within ten minutes. docs/headless.md
# says what your backend does when they come back.
curl -s $portal/api/v1/sessions \\
  -H "Authorization: Bearer $$CONNECT_PORTAL_API_KEY" -H "Content-Type: application/json" \\
  -d '{"kind": "hosted", "user": "your id of the person", "integration": "$slug",
       "return_url": "$return_url"}'
"""

KINDS = (
    ("element", "HTML element", ELEMENT),
    ("html", "HTML and JavaScript", HTML),
    ("react", "React", REACT),
    ("django", "Django template tag", DJANGO),
    ("curl", "Link in an e-mail (cURL)", CURL),
)


@dataclass(frozen=True)
class Snippet:
    """One way, as text to copy."""

    key: str
    title: str
    text: str

    @property
    def rows(self) -> int:
        """How many lines there are to see."""
        return self.text.count("\n")


@dataclass(frozen=True)
class Module:
    """A script of ours at an address that no later release gives other content."""

    path: str
    digest: str


def module(name: str) -> Module:
    """Return where a script is served, and its digest (Subresource Integrity, section 3.1)."""
    storage: Any = staticfiles_storage
    if hasattr(storage, "stored_name"):
        file = storage.path(storage.stored_name(name))
    else:
        file = finders.find(name)
    return Module(path=storage.url(name), digest=_digest(Path(str(file))))


def snippets(integration: Integration, *, name: str) -> list[Snippet]:
    """Return the ways to offer an integration, by the name that people know."""
    values = {**_modules(), **_words(integration, name)}
    return [Snippet(key, title, Template(text).substitute(values)) for key, title, text in KINDS]


def rendered(found: Iterable[Snippet]) -> str:
    """Return the snippets as sections that open one at a time, each with a button to copy it."""
    return render_to_string("admin/integrations/integration/snippets.html", {"snippets": found})


def _modules() -> dict[str, str]:
    values = {}
    for key, file in (("sdk", "connect.js"), ("element", "connect-element.js")):
        found = module(file)
        values[f"{key}_path"], values[f"{key}_digest"] = found.path, found.digest
        values[f"{key}_url"] = f"{settings.BASE_ORIGIN}{found.path}"
    return values


def _words(integration: Integration, name: str) -> dict[str, str]:
    address = integration.project.return_urls.order_by("pk").first()
    return {
        "slug": integration.slug,
        # It stands between tags, in strings and in a template: nothing of it may end one.
        "name": "".join(each for each in name if each.isalnum() or each in " .-"),
        "project": str(integration.project_id),
        "portal": settings.BASE_URL,
        "return_url": address.url if address else "a return URL of the project",
    }


def _digest(file: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()
