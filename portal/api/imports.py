"""Connections of a former system, for the vendor's backend."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, NoReturn

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, Strict, ValidationError

from integrations import importing
from integrations.clients import ClientConfig
from integrations.errors import FieldError, InvalidInput
from integrations.importing import MAX_ROWS, ImportRow, RowResult
from integrations.secret import Secret
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.body import BodyRefused, StrictJson
from portal.api.idempotency import idempotent
from portal.api.schemas import FieldProblem, Problem

router = Router(tags=["import"])
MAX_BODY = 4_000_000
STRICT = ConfigDict(extra="forbid", strict=True)
Text = Annotated[str, Field(max_length=500)]
# Longer than the rules for all doors allow, so that those say what is wrong.
TypedText = Annotated[str, Field(max_length=8_192)]
TokenText = Annotated[str, Field(max_length=16_384, json_schema_extra={"writeOnly": True})]
SecretText = Annotated[str, Field(max_length=8_192, json_schema_extra={"writeOnly": True})]
MESSAGES = {
    "missing": ("required", "This field is needed."),
    "extra_forbidden": ("unknown", "There is no such field."),
    "string_too_long": ("too_long", "This is too long."),
    "too_long": ("too_many", "These are too many."),
}


class ImportClient(BaseModel):
    """The person's own OAuth client that the tokens were made with."""

    model_config = STRICT

    client_id: TypedText
    client_secret: SecretText
    settings: dict[Text, Text] = {}


class ImportRowIn(BaseModel):
    """One connection. Without an access token it is refreshed at its first use."""

    model_config = STRICT

    user: Text
    org: Text = ""
    integration: Text
    account_type: Text
    external_id: Text = ""
    account_id: Text = ""
    account_label: Text = ""
    access_token: TokenText | None = None
    refresh_token: TokenText | None = None
    expires_at: Annotated[AwareDatetime, Strict(False)] | None = None
    scopes: Annotated[list[TypedText], Field(max_length=100)]
    provider_data: dict[Text, Text] = {}
    client: ImportClient | None = None


class ImportIn(BaseModel):
    """Rows to import. With `dry_run` nothing is kept, and the report says what would happen."""

    model_config = STRICT

    dry_run: bool = False
    rows: Annotated[list[ImportRowIn], Field(min_length=1, max_length=MAX_ROWS)]


class ImportResult(Schema):
    """What became of a row: imported, exists (it was here and stays as it is) or refused."""

    row: int
    status: str
    connection_id: str | None
    errors: list[FieldProblem]


class ImportReport(Schema):
    """The rows in their order, and how many there are of each kind."""

    dry_run: bool
    imported: int
    exists: int
    refused: int
    rows: list[ImportResult]


@router.post(
    "/import",
    auth=VendorKey("import"),
    response={
        200: ImportReport,
        **dict.fromkeys((400, 401, 403, 409, 413, 415, 422), Problem),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImportIn"}}},
        }
    },
)
def import_connections(request: HttpRequest) -> ImportReport:
    """Import connections of a former system, each row for itself, and report what became of it.

    Send the same rows again as often as you like: what is here already is left as it is.
    """
    _read(request)
    result: ImportReport = _import(request)
    return result


@idempotent()
def _import(request: HttpRequest) -> ImportReport:
    vendor: Vendor = caller(request)
    dry_run, items = _outer(StrictJson().parse_body(request))
    rows = [_row(item) for item in items]
    twice = _twice(rows)
    results = [
        importing.import_row(project=vendor.project, row=row, actor=vendor.actor, dry_run=dry_run)
        if isinstance(row, ImportRow) and row.identity() not in twice
        else _not_taken(row)
        for row in rows
    ]
    return _report(results, dry_run)


def _read(request: HttpRequest) -> None:
    """Read the body up to this address's own limit, which is larger than that of others."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise BodyRefused(413, "body_too_large")
    request._body = request.read(MAX_BODY)


def _outer(body: Any) -> tuple[bool, list[Any]]:
    if not isinstance(body, dict):
        _refuse("rows", "invalid", "Send an object with rows.")
    if unknown := sorted(set(body) - {"dry_run", "rows"}):
        _refuse(unknown[0][:64], "unknown", "Send dry_run and rows only.")
    dry_run, rows = body.get("dry_run", False), body.get("rows")
    if not isinstance(dry_run, bool):
        _refuse("dry_run", "invalid", "Use true or false.")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        _refuse("rows", "invalid", f"Send a list of 1 to {MAX_ROWS} rows.")
    return dry_run, rows


def _row(item: Any) -> ImportRow | RowResult:
    try:
        given = ImportRowIn.model_validate(item)
    except ValidationError as error:
        return importing.refused(*(_worded(each) for each in error.errors(include_input=False)))
    client = given.client
    config = None
    if client:
        secret = Secret(client.client_secret)
        config = ClientConfig(client.client_id, secret, client.settings)
    return ImportRow(
        **given.model_dump(exclude={"access_token", "refresh_token", "scopes", "client"}),
        access_token=Secret(given.access_token) if given.access_token else None,
        refresh_token=Secret(given.refresh_token) if given.refresh_token else None,
        scopes=tuple(given.scopes),
        client=config,
    )


def _worded(error: Any) -> FieldError:
    # Never the library's own words: some of them repeat what was sent.
    code, message = MESSAGES.get(error["type"], ("invalid", "This is not of the right kind."))
    name = ".".join(str(part)[:64] for part in error["loc"]) or "row"
    return FieldError(name, code, message)


def _twice(rows: list[ImportRow | RowResult]) -> set[tuple[str, ...]]:
    counts = Counter(row.identity() for row in rows if isinstance(row, ImportRow))
    return {identity for identity, count in counts.items() if count > 1}


def _not_taken(row: ImportRow | RowResult) -> RowResult:
    if isinstance(row, RowResult):
        return row
    name = "external_id" if row.external_id else "account_id"
    message = "Another row has the same user, integration and id. Send only one of them."
    return importing.refused(FieldError(name, "duplicate", message))


def _report(results: list[RowResult], dry_run: bool) -> ImportReport:
    counts = Counter(result.status for result in results)
    return ImportReport(
        dry_run=dry_run,
        imported=counts["imported"],
        exists=counts["exists"],
        refused=counts["refused"],
        rows=[
            ImportResult(
                row=number,
                status=result.status,
                connection_id=str(result.connection_id) if result.connection_id else None,
                errors=[
                    FieldProblem(field=e.field, code=e.code, message=e.message)
                    for e in result.errors
                ],
            )
            for number, result in enumerate(results)
        ],
    )


def _refuse(name: str, code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError(name, code, message))
