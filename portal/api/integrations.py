"""Integrations, for the vendor's backend."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from integrations import access
from portal.api import views
from portal.api.auth import VendorKey, caller
from portal.api.schemas import IntegrationList, Problem

router = Router(tags=["integrations"])


@router.get(
    "",
    auth=VendorKey("connections:read"),
    response={200: IntegrationList, 401: Problem, 403: Problem},
)
def list_integrations(request: HttpRequest) -> IntegrationList:
    """List the project's active integrations."""
    rows = access.integrations_of(caller(request).project)
    return IntegrationList(integrations=[views.integration(row) for row in rows])
