"""One account approved twice at the same moment is one connection."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import Client

from integrations.models import Connection, Flow
from tests import factories, trips
from tests.fakeas import visitor as provider_visitor
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def second_flow(first):
    """Return the same person in another tab, with a flow of its own."""
    flow = Flow.objects.get(pk=first.flow)
    flow.pk, flow.connection = None, None
    flow._state.adding = True
    flow.id = Flow._meta.pk.get_default()
    flow.save(force_insert=True)
    return trips.returning(flow)


def test_two_first_approvals_of_one_account_make_one_connection(provider):
    project = factories.make_project()
    factories.make_integration(project)
    first = trips.prepared(project)
    tabs = [first, second_flow(first)]
    answers = [(tab.client, provider_visitor.approve(tab.start())) for tab in tabs]

    def come_back():
        client, url = answers.pop()
        parts = urlsplit(url)
        return client.get(f"{parts.path}?{parts.query}").status_code

    assert isinstance(tabs[0].client, Client)
    assert at_once(2, come_back) == [303, 303]
    assert Connection.objects.count() == 1
    assert Flow.objects.filter(status=Flow.Status.COMPLETED).count() == 2
