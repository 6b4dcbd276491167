"""A project's look: its style sheet, its logo, and the admin's page on which it is chosen."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from integrations import logos
from integrations.errors import InvalidInput
from integrations.models import AuditEvent, Branding, Project
from portal.pages.looks import PLAIN, look_of
from tests import factories

pytestmark = pytest.mark.django_db
CHOSEN = {"accent": "#00b2e3", "radius": "4", "font": "serif", "mode": "dark"}


def png(width: int = 32, height: int = 32) -> bytes:
    """Return the beginning of a PNG of this size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return logos.SIGNATURE + b"\x00\x00\x00\x0d" + header + struct.pack(">I", zlib.crc32(header))


@pytest.fixture
def project() -> Project:
    return factories.make_project()


@pytest.fixture
def branded(project: Project) -> Branding:
    return Branding.objects.create(project=project, accent="#00b2e3", logo=png())


def test_a_project_without_a_look_loads_nothing_more(project: Project) -> None:
    assert look_of(project) == PLAIN


def test_the_style_sheet_is_kept_for_good_at_an_address_of_its_own(branded: Branding) -> None:
    answer = Client().get(look_of(branded.project).style)
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert b"--accent: #0" in answer.content


def test_another_look_has_another_address(branded: Branding) -> None:
    before = look_of(branded.project).style
    Branding.objects.update(accent="#112233")
    after = look_of(Project.objects.get()).style
    assert before != after
    assert "immutable" not in Client().get(before).headers["Cache-Control"]


def test_the_logo_is_an_image_and_nothing_else(branded: Branding) -> None:
    answer = Client().get(look_of(branded.project).logo)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content == png()


@pytest.mark.parametrize("end", ["css", "png"])
def test_a_project_that_is_not_there_or_not_active_has_no_look(branded: Branding, end: str) -> None:
    address = f"/look/{branded.pk}/x.{end}"
    assert Client().get(address).status_code == 200
    assert Client().post(address).status_code == 405
    Project.objects.update(is_active=False)
    assert Client().get(address).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [{"font": "x; } body { display: none"}, {"radius": 3}, {"mode": "x"}],
)
def test_the_database_takes_no_token_that_is_none(
    branded: Branding, changed: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Branding.objects.update(**{name: str(value)[:9] for name, value in changed.items()})


@pytest.mark.parametrize(
    "image",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>" + b" " * 40,
        b"GIF89a" + b"\x00" * 60,
        logos.SIGNATURE,
        png()[:-1] + b"\x00",
        png(width=513),
        png(height=0),
        png() + b"\x00" * logos.MAX_BYTES,
    ],
)
def test_a_logo_that_is_no_small_png_is_refused(project: Project, image: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        logos.set_logo(project=project, image=image, actor="test")
    assert refused.value.errors[0].field == "logo"
    assert not Branding.objects.exists()


def test_the_command_sets_a_logo_and_removes_it(project: Project, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    call_command("set_logo", str(project.pk), str(tmp_path / "logo.png"))
    assert bytes(Branding.objects.get().logo or b"") == png()
    call_command("set_logo", str(project.pk))
    assert Branding.objects.get().logo is None
    assert AuditEvent.objects.filter(action="project.look_changed").count() == 2


def test_the_command_says_what_it_cannot_read(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("set_logo", str(project.pk), str(tmp_path / "nothing.png"))


def test_an_admin_chooses_a_look(admin_client: Client, project: Project) -> None:
    address = reverse("admin:look", args=[project.pk])
    assert admin_client.post(address, CHOSEN).status_code == 302
    row = Branding.objects.get()
    assert (row.accent, row.radius, row.font, row.mode) == ("#00b2e3", 4, "serif", "dark")
    assert AuditEvent.objects.get(action="project.look_changed").actor == "admin:admin"


@pytest.mark.parametrize(
    "changed", [{"accent": "red"}, {"accent": "#fff;}"}, {"font": "Comic"}, {"radius": "400"}]
)
def test_an_admin_is_told_what_is_no_look(
    admin_client: Client, project: Project, changed: dict[str, str]
) -> None:
    answer = admin_client.post(reverse("admin:look", args=[project.pk]), {**CHOSEN, **changed})
    assert "Please correct" in answer.content.decode()
    assert not Branding.objects.exists()


def test_the_preview_shows_what_is_being_chosen_and_keeps_nothing(
    admin_client: Client, project: Project
) -> None:
    asked = {**CHOSEN, "screen": "review", "theme": "light", "direction": "rtl"}
    answer = admin_client.get(reverse("admin:look-preview", args=[project.pk]), asked)
    text = answer.content.decode()
    assert 'lang="ar" dir="rtl" data-theme="light"' in text
    assert "%2300b2e3" in text
    assert "'self'" in answer.headers["Content-Security-Policy"].split("frame-ancestors")[1]
    assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not Branding.objects.exists()


def test_the_preview_takes_no_style_that_is_no_token(
    admin_client: Client, project: Project
) -> None:
    asked = {**CHOSEN, "accent": "#000;} body{background:url(//evil.example)"}
    answer = admin_client.get(reverse("admin:look-preview-css", args=[project.pk]), asked)
    assert answer.status_code == 404
    shown = admin_client.get(reverse("admin:look-preview", args=[project.pk]), asked)
    assert b"evil.example" not in shown.content


@pytest.mark.parametrize("name", ["look", "look-preview", "look-preview-css"])
def test_nobody_else_chooses_a_look(client: Client, project: Project, name: str) -> None:
    address = reverse(f"admin:{name}", args=[project.pk])
    assert client.get(address, CHOSEN).status_code == 302
    client.force_login(User.objects.create_user("viewer", is_staff=True))
    assert client.get(address, CHOSEN).status_code == 403
    assert client.post(address, CHOSEN).status_code == 403
    assert not Branding.objects.exists()
