"""Write the API's document into the tree: `python -m tests.openapi`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import django


def main() -> None:
    """Write portal/api/openapi.json anew."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from portal.api import api

    document = Path(__file__).parent.parent / "portal" / "api" / "openapi.json"
    document.write_text(json.dumps(api.get_openapi_schema(), indent=2) + "\n")


if __name__ == "__main__":
    main()
