"""The admin with a site of our own."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Django's admin, on our site."""

    default_site = "portal.admin_site.AdminSite"
