"""The JSON API: one router for each resource, one OpenAPI document."""

from ninja import NinjaAPI

from portal.api import connections, integrations, me, problems
from portal.api.auth import VendorKey

api = NinjaAPI(
    title="Connect Portal",
    version="1",
    description="Connections and their access tokens, for the vendor's backend and its pages.",
    auth=VendorKey(),
    docs_url=None,
    openapi_url="openapi.json",
    urls_namespace="api",
)
problems.register(api)
api.add_router("v1/connections", connections.router)
api.add_router("v1/integrations", integrations.router)
api.add_router("v1/me", me.router)
api.add_router("v1/flows", me.flows)
