"""The JSON API: one router for each resource, one OpenAPI document."""

from portal.api import (
    clients,
    connections,
    events,
    flows,
    imports,
    integrations,
    me,
    problems,
    proxy,
    sessions,
)
from portal.api.auth import VendorKey
from portal.api.body import StrictJson
from portal.api.document import DocumentedApi

api = DocumentedApi(
    title="Connect Portal",
    version="1",
    description="Connections and their access tokens, for the vendor's backend and its pages.",
    auth=VendorKey(),
    parser=StrictJson(),
    docs_url=None,
    openapi_url="openapi.json",
    urls_namespace="api",
)
problems.register(api)
api.add_router("v1/connections", connections.router)
api.add_router("v1/connections", imports.router)
api.add_router("v1/connections", proxy.router)
api.add_router("v1/clients", clients.router)
api.add_router("v1/events", events.router)
api.add_router("v1/integrations", integrations.router)
api.add_router("v1/me", me.router)
api.add_router("v1/me/flows", flows.steps)
api.add_router("v1/flows", flows.router)
api.add_router("v1/sessions", sessions.router)
