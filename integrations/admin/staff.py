"""The vendor's own staff: who may sign in, in which role, for which projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import members
from integrations.models import Membership

if TYPE_CHECKING:
    StackedInline = admin.StackedInline[Any, Any]
    People = UserAdmin[User]
else:
    StackedInline, People = admin.StackedInline, UserAdmin

# The roles are made by the portal, and each migration gives them back their rights.
admin.site.unregister(Group)
admin.site.unregister(User)


class MembershipInline(StackedInline):
    """The projects somebody is tied to."""

    model = Membership
    filter_horizontal = ("projects",)
    verbose_name_plural = "only some projects (without this, the role holds in all of them)"


@admin.register(User)
class StaffAdmin(People):
    """People who sign in here. They are switched off, never deleted: the history names them."""

    actions = None
    list_display = ("username", "email", "roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "groups")
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "groups")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Keep superusers from those who are none: who edits one becomes one."""
        rows: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return rows if _is_superuser(request) else rows.filter(is_superuser=False)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Show no projects before there is a person."""
        return self.inlines if obj else ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Refuse those tied to projects: they could untie themselves."""
        return not members.is_tied(request.user) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse those tied to projects."""
        return not members.is_tied(request.user) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse those tied to projects."""
        return not members.is_tied(request.user) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse those tied to projects."""
        return not members.is_tied(request.user) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    @admin.display(description="roles")
    def roles(self, row: User) -> str:
        """The roles, by name."""
        return ", ".join(sorted(group.name for group in row.groups.all()))


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
