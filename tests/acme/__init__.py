"""Acme CRM: a small host application that embeds the portal, for the demo and the tests."""

from tests.acme.site import AcmeSite

__all__ = ["AcmeSite"]
