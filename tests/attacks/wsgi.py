"""The portal's own application; providers get less time, so that slow ones cost a test little."""

from __future__ import annotations

import os

from django.conf import settings

from portal.wsgi import application as application  # before all that follows: it sets Django up

# isort: split
from integrations.oauth import client
from integrations.oauth.http import Transport
from tests.attacks import names

DEADLINE = float(os.environ["ATTACKS_DEADLINE"])

client.use(Transport(allow=settings.OUTBOUND_ALLOW_CIDRS, deadline=DEADLINE))
if os.environ.get("ATTACKS_NAMES"):
    names.install(os.environ["ATTACKS_NAMES"])
