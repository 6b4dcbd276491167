"""Rows 5, 12 and 49: providers that a project describes itself."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

DEFINITIONS = "integrations/definitions.py"
LIE = "test_discovery.py::test_a_document_that_lies_becomes_no_provider"

DEFENCES: tuple[Defence, ...] = (
    defence(
        49,
        "the document is about the issuer that was asked for",
        f"{LIE}[issuer of another]",
        ("integrations/oauth/discovery.py", "    if claimed != issuer:\n", "    if not claimed:\n"),
    ),
    defence(
        49,
        "an endpoint of the document is public",
        f"{LIE}[metadata address]",
        (
            DEFINITIONS,
            "{name: _public(name, value) for name, value in found.endpoints.items()}",
            "dict(found.endpoints)",
        ),
    ),
    defence(
        49,
        "a client needs a secret, whatever the document offers",
        f"{LIE}[public client]",
        (
            DEFINITIONS,
            "    if method is None:\n",
            '    method = method or "client_secret_post"\n    if not method:\n',
        ),
    ),
    defence(
        49,
        "hosts that only the document names are confirmed",
        "test_discovery.py::test_a_host_that_nobody_confirmed_is_not_kept",
        (
            "integrations/admin/custom_pages.py",
            "        if set(found.hosts) - set(request.POST.getlist(CONFIRMED)):\n",
            "        if not found.data:\n",
        ),
    ),
    defence(
        12,
        "a grant stays with the provider it was made with",
        "test_discovery.py::test_a_grant_and_its_secret_do_not_follow_a_moved_provider",
        (
            "integrations/models/clients.py",
            "        if self.custom_provider is None:\n",
            "        if self.pk:\n",
        ),
    ),
    defence(
        12,
        "a provider that moved asks for the secret again",
        "test_discovery.py::test_a_kept_secret_does_not_follow_a_moved_provider",
        (
            "integrations/clients.py",
            "    if same_id and same_place and current.config_hash == versions.current_hash(current):\n",
            "    if same_id and same_place:\n",
        ),
    ),
)
