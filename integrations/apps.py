"""Start-up: load the catalog, or refuse to start."""

import sys

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import register
from django.db.models.signals import post_migrate

from integrations.catalog import registry
from integrations.checks import check_deployment
from integrations.oauth import client
from integrations.oauth.http import Transport
from integrations.oauth.streaming import StreamingTransport


class IntegrationsConfig(AppConfig):
    """The domain's Django app."""

    name = "integrations"
    verbose_name = "Connect Portal"

    def ready(self) -> None:
        """Load the catalog here: system checks do not run under WSGI.

        Raises CatalogError for the first file that may not be served, ImproperlyConfigured for a
        rate limit that is none.
        """
        register(check_deployment, deploy=True)
        # Not at the top: it imports models, which need the apps to be known.
        from integrations import limits, members, proxying

        limits.check_settings(settings.LIMITS)
        post_migrate.connect(members.make_roles, sender=self)
        client.use(Transport(allow=settings.OUTBOUND_ALLOW_CIDRS))
        proxying.use(
            StreamingTransport(
                allow=settings.OUTBOUND_ALLOW_CIDRS,
                idle=settings.PROXY_IDLE_SECONDS,
                deadline=settings.PROXY_MAX_SECONDS,
            )
        )
        if sys.argv[1:2] == ["check_catalog"]:
            # It reads the files itself, to say what is wrong with all of them.
            return
        registry.install(
            registry.load(
                folders=settings.CONNECT_CATALOG_DIRS,
                loopback_http=settings.OUTBOUND_LOOPBACK_HTTP,
            )
        )
