"""A project's own logo: a small PNG, and nothing that a browser could run."""

from __future__ import annotations

import struct
import zlib

from django.db import transaction

from integrations import audit
from integrations.errors import FieldError, InvalidInput
from integrations.models import Branding, Project

MAX_BYTES, MAX_PIXELS = 65_536, 512
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = 33


def set_logo(*, project: Project, image: bytes, actor: str) -> Branding:
    """Show this PNG on the project's pages, or none if it is empty. Raises InvalidInput."""
    if image:
        _require_png(image)
    with transaction.atomic():
        row, _ = Branding.objects.update_or_create(
            project=project, defaults={"logo": image or None}
        )
        audit.record(project=project, actor=actor, action="project.look_changed", subject=project)
    return row


def _require_png(image: bytes) -> None:
    """Read the header (PNG specification, third edition, sections 5.2 and 11.2.1)."""
    if len(image) > MAX_BYTES:
        _refuse("too_large", f"The logo must have at most {MAX_BYTES // 1024} kB.")
    header = image[:HEADER_END]
    if len(header) < HEADER_END or not header.startswith(SIGNATURE) or header[12:16] != b"IHDR":
        _refuse("not_png", "The logo must be a PNG file.")
    (checksum,) = struct.unpack(">I", header[29:33])
    if zlib.crc32(header[12:29]) != checksum:
        _refuse("not_png", "The logo is a damaged PNG file. Export it again.")
    width, height = struct.unpack(">II", header[16:24])
    if not 0 < width <= MAX_PIXELS or not 0 < height <= MAX_PIXELS:
        _refuse("too_large", f"The logo must be at most {MAX_PIXELS} pixels wide and high.")


def _refuse(code: str, message: str) -> None:
    raise InvalidInput(FieldError("logo", code, message))
