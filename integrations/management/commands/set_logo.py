"""Give a project a logo on its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from integrations import logos
from integrations.management.base import JsonCommand, found_project, plain_errors

ACTOR = "command:set_logo"
MAX_READ = logos.MAX_BYTES + 1


class Command(JsonCommand):
    """Store a PNG, or remove the one there is."""

    help = "Show a PNG (at most 64 kB and 512 pixels) on a project's pages; without one, none."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the project and the file."""
        parser.add_argument("project", help="id or exact name")
        parser.add_argument("file", nargs="?", type=Path, help="a PNG file; none removes the logo")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the file and keep it."""
        project = found_project(options["project"])
        image = _read(options["file"]) if options["file"] else b""
        with plain_errors():
            logos.set_logo(project=project, image=image, actor=ACTOR)
        said = f"The pages of {project.name} show {'the new logo' if image else 'no logo'}."
        self.report(options, {"project_id": str(project.pk), "logo": bool(image)}, said)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
