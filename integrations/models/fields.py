"""Encrypted columns whose values know the row they belong to."""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import models
from fernet_fields import EncryptedTextField

from integrations.errors import SealBroken
from integrations.secret import Secret


class Sealed:
    """A ciphertext as read from the database: opened only through `SealedTextField.open`."""

    __slots__ = ("ciphertext",)

    def __init__(self, ciphertext: bytes) -> None:
        self.ciphertext = ciphertext

    def __repr__(self) -> str:
        return "Sealed(***)"


class _Envelope(str):
    """Plaintext JSON that `pre_save` built and that may be encrypted."""

    def __repr__(self) -> str:
        return "Envelope(***)"


class SealedTextField(EncryptedTextField):  # type: ignore[misc]
    """Keep a Secret encrypted, inside an envelope naming table, column, row, project, generation.

    Fernet has no associated data, so a ciphertext copied to another row or column would decrypt
    there; the envelope is what makes it refuse. The model provides `seal_context()`. A value gets
    its envelope in `pre_save`, which sees the row, so `bulk_update` and `update` with a plain
    value or an expression are refused: they would store a value no row vouches for.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Wrap a newly assigned Secret in its envelope; pass on what was read unchanged."""
        value = getattr(model_instance, self.attname)
        if isinstance(value, Secret):
            return _Envelope(json.dumps({**self._context(model_instance), "v": value.reveal()}))
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Encrypt an envelope. Raises TypeError for anything that did not come by `pre_save`."""
        if value is None:
            return None
        if isinstance(value, Sealed):
            return connection.Database.Binary(value.ciphertext)
        if not isinstance(value, _Envelope):
            raise TypeError(f"{self.attname} is only written through save()")
        return super().get_db_prep_save(value, connection)

    def get_prep_value(self, value: Any) -> Any:
        """Leave envelopes alone: their type is what `get_db_prep_save` checks."""
        return value

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        """Keep the ciphertext closed, so that one broken row does not break a list of rows."""
        # SQLite keeps text where text was put, whatever the column's type.
        raw = value.encode() if isinstance(value, str) else value
        return None if raw is None else Sealed(bytes(raw))

    def to_python(self, value: Any) -> Any:
        """Return the value as it is: it is either a Secret or Sealed."""
        return value

    def open(self, model_instance: models.Model) -> Secret | None:
        """Return the secret of this row and column, or None.

        Raises SealBroken if the key is wrong or the value was made for another row or column.
        """
        value = getattr(model_instance, self.attname)
        if value is None or isinstance(value, Secret):
            return value
        try:
            envelope = json.loads(self.fernet.decrypt(value.ciphertext))
        except (InvalidToken, ValueError):
            raise SealBroken(self._where(model_instance)) from None
        secret = envelope.pop("v", None)
        if envelope != self._context(model_instance) or not isinstance(secret, str):
            raise SealBroken(self._where(model_instance))
        return Secret(secret)

    def rotated(self, value: Sealed) -> Sealed:
        """Return the same envelope encrypted with the first key."""
        plaintext = _Envelope(self.fernet.decrypt(value.ciphertext).decode())
        return Sealed(self.fernet.encrypt(plaintext.encode()))

    def _context(self, model_instance: Any) -> dict[str, Any]:
        context: dict[str, Any] = model_instance.seal_context()
        return {"t": self.model._meta.db_table, "c": self.column, **context}

    def _where(self, model_instance: models.Model) -> str:
        return f"{self.model._meta.db_table}.{self.column} of row {model_instance.pk}"


class SealedModel(models.Model):
    """A row with sealed columns."""

    class Meta:
        abstract = True

    def seal_context(self) -> dict[str, Any]:
        """Return what an envelope of this row names: row, project and generation."""
        raise TypeError(f"{type(self).__name__} does not say what its envelopes name")

    def open(self, column: str) -> Secret | None:
        """Return the secret kept in `column`. Raises SealBroken."""
        return self._sealed_field(column).open(self)

    def seal(self, **secrets: Secret) -> None:
        """Set new secrets, by column; `save()` or `sealed()` will wrap them for this row."""
        for column, secret in secrets.items():
            setattr(self, self._sealed_field(column).attname, secret)

    def sealed(self, column: str) -> Any:
        """Return what `column` stores for this row, for an `update()` that compares and swaps."""
        return self._sealed_field(column).pre_save(self, add=False)

    def encrypted(self, column: str) -> Sealed:
        """Return what `column` will hold, for a place that is not the database."""
        field = self._sealed_field(column)
        return Sealed(field.fernet.encrypt(str(self.sealed(column)).encode()))

    def open_required(self, column: str) -> Secret:
        """Return the secret kept in `column`. Raises SealBroken, also if there is none."""
        secret = self.open(column)
        if secret is None:
            raise SealBroken(f"{self._meta.db_table}.{column} of row {self.pk} is empty")
        return secret

    def _sealed_field(self, column: str) -> SealedTextField:
        field = self._meta.get_field(column)
        if not isinstance(field, SealedTextField):
            raise TypeError(f"{column} is not a sealed column")
        return field
