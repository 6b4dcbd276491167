"""The API with a document that says more than its types do: scopes, problem codes, examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation

from portal import texts
from portal.api.auth import VendorKey
from portal.api.imports import ImportIn

EVERYWHERE = 429
REF = "#/components/schemas/{model}"
KEY_CODES = ("insufficient_scope", "address_not_allowed", "key_frozen")
CODES: dict[int, tuple[str, ...]] = {
    400: ("validation_failed", "bad_request"),
    401: ("unauthorized", "user_token_invalid", "user_token_expired", "session_expired"),
    403: ("forbidden", "origin_not_allowed", "account_type_not_allowed"),
    404: ("connection_not_found", "flow_not_found", "integration_not_found", "client_not_found"),
    409: ("needs_reauth", "client_rejected", "flow_closed", "idempotency_key_in_use"),
    411: ("proxy_length_required",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: ("validation_failed", "idempotency_key_reused"),
    429: ("rate_limited",),
    502: ("provider_error", "provider_bad_response", "provider_address_refused"),
    503: ("provider_unreachable", "provider_timeout", "provider_busy", "proxy_busy"),
}
PROXY_CODES: dict[int, tuple[str, ...]] = {
    403: (*KEY_CODES, "tokens_stopped", "proxy_off", "proxy_not_allowed", "proxy_unsupported"),
    404: ("connection_not_found", "connection_disconnected"),
    422: ("proxy_path_invalid", "proxy_request_invalid", "proxy_body_incomplete"),
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 257},
    "description": "Makes it safe to send the same request again for 24 hours.",
    "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
}


class DocumentedApi(NinjaAPI):
    """The API, with its document completed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made: dict[str, Any] = {}

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Return the OpenAPI 3.1 document, made once: anybody may ask for it."""
        asked = repr((args, sorted(kwargs.items())))
        if asked not in self._made:
            self._made[asked] = self._completed(*args, **kwargs)
        return self._made[asked]

    def _completed(self, *args: Any, **kwargs: Any) -> Any:
        document = super().get_openapi_schema(*args, **kwargs)
        _lift_definitions(document)
        operations = dict(self._by_id())
        for path in document["paths"].values():
            for method, described in list(path.items()):
                # One description may stand for several methods, and each is completed once.
                path[method] = json.loads(json.dumps(described, default=str))
                _complete(path[method], operations[described["operationId"]])
        return document

    def _by_id(self) -> Iterator[tuple[str, Operation]]:
        for bound in self._get_bound_routers():
            for view in bound.path_operations.values():
                for operation in view.operations:
                    name = operation.operation_id or self.get_openapi_operation_id(operation)
                    yield name, operation


@cache
def examples() -> dict[str, Any]:
    """Return a request and an answer of each operation, by its id."""
    text = Path(__file__).with_name("examples.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _lift_definitions(document: dict[str, Any]) -> None:
    schema = ImportIn.model_json_schema(ref_template=REF)
    document["components"]["schemas"] |= schema.pop("$defs")
    document["components"]["schemas"]["ImportIn"] = schema


def _complete(described: dict[str, Any], operation: Operation) -> None:
    vendor = next((each for each in operation.auth_callbacks if isinstance(each, VendorKey)), None)
    if vendor:
        described["security"] = [{"VendorKey": [vendor.scope]}]
        described["description"] = f"{described['description']}\n\nScope: `{vendor.scope}`."
    if getattr(operation.view_func, "honours_idempotency_key", False):
        described["parameters"].append(IDEMPOTENCY_KEY)
    shown = examples().get(described["operationId"], {})
    for content in described.get("requestBody", {}).get("content", {}).values():
        content["example"] = shown.get("request")
    proxied = vendor is not None and vendor.scope == "proxy"
    described["responses"].setdefault(str(EVERYWHERE), {})
    for status, response in described["responses"].items():
        if int(status) >= 400:
            described["responses"][status] = _problem(int(status), vendor, proxied=proxied)
        elif "content" in response:
            response["content"]["application/json"]["example"] = shown.get("answer")


def _problem(status: int, vendor: VendorKey | None, *, proxied: bool) -> dict[str, Any]:
    """Describe a refusal by its codes, the first of them as the example."""
    codes = CODES[status]
    if vendor and status == 401:
        codes = codes[:1]
    if vendor and status == 403:
        codes = KEY_CODES
    if proxied:
        codes = PROXY_CODES.get(status, codes)
    words = texts.notice(codes[0])
    example = {
        "type": f"https://connect.acme.example/errors/{codes[0]}",
        "title": words.title,
        "status": status,
        "code": codes[0],
        "display_message": words.text,
        "suggested_action": words.action,
        "request_id": "req_0123456789abcdef0123",
        "errors": [],
    }
    schema = {"$ref": REF.format(model="Problem")}
    return {
        "description": "Problem codes: " + ", ".join(f"`{code}`" for code in codes) + ".",
        "content": {"application/problem+json": {"schema": schema, "example": example}},
    }
