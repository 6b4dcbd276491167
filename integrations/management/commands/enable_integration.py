"""Switch a provider on in a project."""

from __future__ import annotations

import difflib
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from integrations import audit, clients, inputs
from integrations.catalog import registry
from integrations.catalog.schema import Provider
from integrations.errors import NotFound
from integrations.management.base import JsonCommand, found_project, plain_errors
from integrations.models import Integration, OAuthClient, Project
from integrations.models.projects import ACCOUNT_TYPES
from integrations.secret import Secret

ACTOR = "command:enable_integration"


class Command(JsonCommand):
    """Create an integration, or change what the options name of one that exists."""

    help = "Offer a provider of the catalog in a project, with or without the vendor's own client."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the project, the provider and the policy."""
        parser.add_argument("project", help="id or exact name")
        parser.add_argument("slug", help="provider, as its file in the catalog is named")
        parser.add_argument("--account-type", action="append", choices=ACCOUNT_TYPES)
        parser.add_argument("--default-scope", action="append", metavar="SCOPE")
        parser.add_argument("--required-scope", action="append", metavar="SCOPE")
        parser.add_argument("--client-id", metavar="ID", help="of the vendor's own app")
        parser.add_argument(
            "--client-secret-stdin",
            action="store_true",
            help="read the vendor's client secret from standard input",
        )
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a value the provider needs for the vendor's client, such as its subdomain",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create or change the integration, or nothing at all."""
        project = found_project(options["project"])
        provider = _provider(options["slug"])
        config = _config(options, provider)
        with plain_errors(), transaction.atomic():
            integration = _enabled(project, provider, options)
            client = clients.vendor_client(integration)
            if config:
                clients.replace_config(client=client, config=config, actor=ACTOR)
                client.refresh_from_db()
        data = _described(integration, client)
        self.report(options, data, *(f"{name:<16}{_shown(value)}" for name, value in data.items()))


def _provider(slug: str) -> Provider:
    try:
        return registry.provider(slug)
    except NotFound:
        raise CommandError(
            f"The catalog has no provider {slug!r}. Nearest are: {', '.join(_nearest(slug))}."
        ) from None


def _nearest(slug: str) -> list[str]:
    """Return the slugs that look most like this one, or whose other names do."""
    names = {name: item.slug for item in registry.providers() for name in item.aliases}
    names |= {item.slug: item.slug for item in registry.providers()}
    found = difflib.get_close_matches(slug.casefold(), names, n=8, cutoff=0.0)
    return list(dict.fromkeys(names[name] for name in found))


def _config(options: dict[str, Any], provider: Provider) -> clients.ClientConfig | None:
    settings = dict(_setting(item, provider) for item in options["setting"])
    if options["client_id"] is None:
        if settings or options["client_secret_stdin"]:
            raise CommandError("A secret or a setting needs --client-id as well.")
        return None
    secret = Secret(sys.stdin.read().strip("\r\n")) if options["client_secret_stdin"] else None
    return clients.ClientConfig(
        client_id=options["client_id"], client_secret=secret, settings=settings
    )


def _setting(item: str, provider: Provider) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    known = [setting.name for setting in provider.settings]
    if not equals or name not in known:
        names = ", ".join(known) or "none"
        raise CommandError(f"--setting takes NAME=VALUE. Settings of {provider.name}: {names}.")
    return name, value


def _enabled(project: Project, provider: Provider, options: dict[str, Any]) -> Integration:
    integration, created = Integration.objects.get_or_create(
        project=project, slug=provider.slug, defaults={"provider_slug": provider.slug}
    )
    if integration.provider_slug != provider.slug:
        raise CommandError(f"The slug {provider.slug} is taken by another provider here.")
    integration.is_active = True
    if options["account_type"]:
        integration.account_types = list(dict.fromkeys(options["account_type"]))
    _set_scopes(integration, options)
    integration.save()
    audit.record(
        project=project,
        actor=ACTOR,
        action="integration.created" if created else "integration.changed",
        subject=integration,
        slug=integration.slug,
        account_types=integration.account_types,
        default_scopes=integration.default_scopes,
        required_scopes=integration.required_scopes,
    )
    return integration


def _set_scopes(integration: Integration, options: dict[str, Any]) -> None:
    if options["required_scope"] is not None:
        names = inputs.clean_scopes(options["required_scope"], field="required_scopes")
        integration.required_scopes = list(names)
    if options["default_scope"] is not None:
        names = inputs.clean_scopes(options["default_scope"], field="default_scopes")
        integration.default_scopes = list(dict.fromkeys([*integration.required_scopes, *names]))


def _described(integration: Integration, client: OAuthClient) -> dict[str, Any]:
    return {
        "integration_id": str(integration.pk),
        "slug": integration.slug,
        "account_types": integration.account_types,
        "default_scopes": integration.default_scopes,
        "required_scopes": integration.required_scopes,
        "client_set": client.current_version_id is not None,
        "redirect_url": client.redirect_uri(),
    }


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value) or "none"
    return {None: "as in the catalog", True: "yes", False: "no"}.get(value, str(value))
