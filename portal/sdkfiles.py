"""Where the browser SDK is served, and the tag that pins it (Subresource Integrity)."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage

NAME = "connect.js"


def address(storage: Any = staticfiles_storage) -> str:
    """Return the address of the SDK as it is now, which may be cached for good."""
    return f"{settings.BASE_ORIGIN}{storage.url(NAME)}"


def integrity(storage: Any = staticfiles_storage) -> str:
    """Return the hash of what that address answers (SRI, section 3.1)."""
    stored = storage.stored_name(NAME) if hasattr(storage, "stored_name") else NAME
    with storage.open(stored) as file:
        digest = hashlib.sha384(file.read()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


def snippet(storage: Any = staticfiles_storage) -> str:
    """Return the tag for a page that loads the SDK and nothing else under its name."""
    source, checked = escape(address(storage)), integrity(storage)
    return f'<script type="module" src="{source}" integrity="{checked}" crossorigin></script>'
