"""From a request to a response: routing, journal, faults and error pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakeas import (
    apps,
    authorization,
    consent,
    control_api,
    faults,
    pages,
    resources,
    revocation,
    tokens,
)
from tests.fakeas.errors import NotFound, ProviderPage
from tests.fakeas.journal import Recorded
from tests.fakeas.messages import Request, Response
from tests.fakeas.profiles import registry
from tests.fakeas.world import Context, World

_ENDPOINTS: dict[str, Callable[[Context], Response]] = {
    "authorization": authorization.authorize,
    "consent": consent.decide,
    "sso": authorization.sso,
    "token": tokens.token,
    "revocation": revocation.revoke,
    "identity": resources.identity,
    "api": resources.api,
    "metadata": resources.metadata,
    "keys": resources.keys,
}
_PAGES = ("authorization", "consent", "sso")
_STYLE = Path(__file__).parent / "static" / "fakeas.css"


def handle(world: World, request: Request) -> Response:
    """Answer one request."""
    if request.path.startswith("/_control/"):
        return control_api.handle(world, request)
    found = registry.match(request.method, request.path)
    if found is not None:
        return _endpoint(Context(world, request, *found))
    number = world.journal.open(_recorded(world, request, profile="", endpoint="other"))
    response = _own_page(world, request)
    world.journal.close(number, status=response.status, outcome=response.outcome)
    return response


def _endpoint(ctx: Context) -> Response:
    profile, endpoint = ctx.profile, ctx.route.endpoint
    entry = _recorded(ctx.world, ctx.request, profile=profile.slug, endpoint=endpoint)
    number = ctx.world.journal.open(entry)
    try:
        response = faults.apply(ctx, lambda: _ENDPOINTS[endpoint](ctx))
    except ProviderPage as problem:
        response = pages.error_page(profile, problem)
    except NotFound:
        response = pages.not_found()
    response = _with_coop(ctx, response)
    ctx.world.journal.close(number, status=response.status, outcome=response.outcome)
    return response


def _with_coop(ctx: Context, response: Response) -> Response:
    policy = ctx.mode("coop")
    if policy in (None, "none") or ctx.route.endpoint not in _PAGES:
        return response
    return response.having(("Cross-Origin-Opener-Policy", policy))


def _own_page(world: World, request: Request) -> Response:
    page = (request.method, request.path)
    if page == ("GET", "/"):
        return pages.home_page(registry.PROFILES)
    if page == ("GET", "/apps"):
        return apps.show(registry.PROFILES, world.store, request.query)
    if page == ("POST", "/apps"):
        return apps.register(registry.PROFILES, world.store, request)
    if page == ("GET", "/static/fakeas.css"):
        return Response(200, (("Content-Type", "text/css"),), _STYLE.read_bytes())
    allowed = registry.allowed_methods(request.path)
    if allowed:
        return Response(405, (("Allow", ", ".join(allowed)),), b"", "wrong_method")
    return pages.not_found()


def _recorded(world: World, request: Request, *, profile: str, endpoint: str) -> Recorded:
    is_form = request.content_type == "application/x-www-form-urlencoded"
    return Recorded(
        number=0,
        at=world.store.now(),
        profile=profile,
        endpoint=endpoint,
        method=request.method,
        path=request.path,
        raw_query=request.raw_query,
        query=request.query.as_lists(),
        form=request.form().as_lists() if is_form else {},
        json=_json(request) if request.content_type == "application/json" else None,
        headers=dict(request.headers),
        body=request.text,
    )


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return None
