"""Prepare the second tenant, a provider abroad for the first one, and the operators.

Runs the operator's own commands in one process, because each start takes time.
"""

from __future__ import annotations

import io
import json
import os
import sys

import django
from django.core.management import call_command

PASSWORD = "a long password of the attacks"


def main(origin: str, key_file: str, first: str, *slugs: str) -> None:
    """Print what create_project printed for the second tenant."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()
    made = io.StringIO()
    call_command(
        "create_project", "Globex", origin=[origin], return_url=[f"{origin}/return"],
        signing_key_out=key_file, json=True, stdout=made,
    )  # fmt: skip
    project = json.loads(made.getvalue())
    for slug in slugs:
        call_command("enable_integration", project["project_id"], slug, stdout=io.StringIO())
    call_command("enable_integration", first, "outside", stdout=io.StringIO())
    _users()
    print(json.dumps(project))


def _users() -> None:
    from django.contrib.auth.models import User

    User.objects.create_superuser("owner", password=PASSWORD)
    User.objects.create_user("viewer", password=PASSWORD, is_staff=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
