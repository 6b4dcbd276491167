"""A project with two integrations, and people with and without rights."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from integrations.models import Integration, Project
from tests.factories import make_integration, make_project


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture
def gmail(project: Project) -> Integration:
    return make_integration(project, "gmail")


@pytest.fixture
def zendesk(project: Project) -> Integration:
    return make_integration(project, "zendesk")


@pytest.fixture
def viewer_client(db: None) -> Client:
    """Someone who may look at everything and change nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    views = Permission.objects.filter(
        content_type__app_label="integrations", codename__startswith="view_"
    )
    user.user_permissions.set(views)
    client = Client()
    client.force_login(user)
    return client
