"""Roles of the vendor's staff, and which projects a person is tied to."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import Group, Permission
from django.db.models import Model, Q, QuerySet

from integrations.models import (
    ClientVersion,
    Membership,
    OAuthClient,
    OrganizationPolicy,
    Project,
    WebhookDelivery,
)

Row = TypeVar("Row", bound=Model)
OWNER, ADMIN, VIEWER = "owner", "admin", "viewer"
# What lets somebody else in, as whoever they like.
KEYS_AND_PEOPLE = ("apikey", "signingkey", "keyset", "membership")
# How to get from a row to its project, where there is no field of that name.
PATHS: dict[type[Model], str] = {
    Project: "pk",
    OAuthClient: "integration__project",
    OrganizationPolicy: "integration__project",
    ClientVersion: "oauth_client__integration__project",
    WebhookDelivery: "endpoint__project",
}
OURS = Q(content_type__app_label="integrations")
VIEWING = Q(codename__startswith="view_")


def make_roles(**kwargs: Any) -> None:  # noqa: ARG001
    """Make the three groups, or give them back the rights they should have."""
    people = Q(content_type__app_label="auth", content_type__model="user")
    kept_back = Q(content_type__model__in=KEYS_AND_PEOPLE)
    rights = {
        OWNER: OURS | people & ~Q(codename__startswith="delete_"),
        ADMIN: OURS & (~kept_back | VIEWING),
        VIEWER: OURS & VIEWING,
    }
    for name, chosen in rights.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(chosen))


def is_tied(user: Any) -> bool:
    """Return whether this person's role holds in some projects only; a superuser's never does."""
    if user.is_superuser:
        return False
    if not hasattr(user, "_tied"):
        # The object lives as long as the request.
        user._tied = Membership.objects.filter(user=user.pk).exists()
    return bool(user._tied)


def project_path(model: type[Model]) -> str:
    """Return the lookup from a row to its project. Raises LookupError for a model without one."""
    if model in PATHS:
        return PATHS[model]
    if not any(field.name == "project" for field in model._meta.get_fields()):
        raise LookupError(model.__name__)
    return "project"


def visible(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """Return those of the rows that belong to projects this person may see."""
    if not is_tied(user):
        return rows
    mine = Membership.projects.through.objects.filter(membership__user=user.pk)
    return rows.filter(**{f"{project_path(rows.model)}__in": mine.values("project")})
