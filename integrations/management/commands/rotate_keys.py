"""Encrypt everything again with the first key, so that the others can be retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL

from integrations.management.base import JsonCommand
from integrations.models.fields import Sealed, SealedModel, SealedTextField


@dataclass
class Count:
    """What happened to the values of one column."""

    column: str
    rotated: int = 0
    current: int = 0
    changed_meanwhile: int = 0
    unreadable: int = 0


class Command(JsonCommand):
    """Go through every sealed column in batches. May be stopped, repeated and run while serving."""

    help = (
        "Encrypt every stored secret again with the first of FERNET_KEYS. Put the new key first, "
        "restart all processes, run this, then remove the old key."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the size of a batch, which is also how long one write lock lasts."""
        parser.add_argument("--batch-size", type=int, default=200, metavar="ROWS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate all columns, then fail if a value could not be read."""
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        fields = list(sealed_fields())
        counts = [rotated(field, batch_size=options["batch_size"]) for field in fields]
        self.report(options, [asdict(count) for count in counts], *map(_line, counts))
        if unreadable := sum(count.unreadable for count in counts):
            message = f"{unreadable} values cannot be read with any of FERNET_KEYS"
            raise CommandError(f"{message}: add the key that wrote them and run this again.")


def sealed_fields() -> Iterator[SealedTextField]:
    """Yield every encrypted column of the database."""
    for model in apps.get_models():
        if issubclass(model, SealedModel):
            yield from (f for f in model._meta.local_fields if isinstance(f, SealedTextField))


def rotated(field: SealedTextField, *, batch_size: int) -> Count:
    """Encrypt the column's values with the first key, one short transaction for each batch."""
    count = Count(f"{field.model._meta.db_table}.{field.column}")
    manager: models.Manager[Any] = field.model._default_manager
    rows = manager.filter(**{f"{field.attname}__isnull": False}).order_by("pk")
    last: Any = None
    while True:
        page = rows if last is None else rows.filter(pk__gt=last)
        batch = list(page.values_list("pk", field.attname)[:batch_size])
        if not batch:
            return count
        with transaction.atomic():
            for pk, sealed in batch:
                _rotate_one(field, pk, sealed, count)
        last = batch[-1][0]


def _rotate_one(field: SealedTextField, pk: Any, sealed: Sealed, count: Count) -> None:
    if is_current(field, sealed):
        count.current += 1
        return
    try:
        fresh = field.rotated(sealed)
    except InvalidToken:
        count.unreadable += 1
        return
    # A refresh may have stored new tokens since the batch was read; those must survive. Every
    # encryption has its own random vector, so equal bytes mean that nothing was written.
    database: Any = connection.Database  # type: ignore[attr-defined]
    column = connection.ops.quote_name(field.column)
    same = RawSQL(  # noqa: S611  the column is quoted and the value is a parameter
        f"{column} = %s",
        [database.Binary(sealed.ciphertext)],
        output_field=models.BooleanField(),
    )
    rows = field.model._default_manager.filter(same, pk=pk)
    if rows.update(**{field.attname: fresh}):
        count.rotated += 1
    else:
        count.changed_meanwhile += 1


def is_current(field: SealedTextField, sealed: Sealed) -> bool:
    """Return whether the first key encrypted this value."""
    try:
        Fernet(field.fernet_keys[0]).decrypt(sealed.ciphertext)
    except InvalidToken:
        return False
    return True


def _line(count: Count) -> str:
    parts = [f"{count.rotated} rotated", f"{count.current} current already"]
    if count.changed_meanwhile:
        parts.append(f"{count.changed_meanwhile} changed meanwhile")
    if count.unreadable:
        parts.append(f"{count.unreadable} UNREADABLE")
    return f"{count.column:<52}{', '.join(parts)}"
