"""Places for calls that are passed on: a share for each project, and never more than there are."""

from __future__ import annotations

from uuid import uuid4

import pytest

from integrations.errors import ProviderUnavailable, RateLimited
from integrations.proxyplaces import Places


def test_a_project_gets_its_share_and_no_more():
    places, project = Places(total=5, share=2), uuid4()
    held = [places.take(project), places.take(project)]
    with pytest.raises(RateLimited) as caught:
        places.take(project)
    assert caught.value.retry_after == 1
    held[0].leave()
    assert places.take(project)


def test_another_project_finds_a_place_meanwhile():
    places = Places(total=3, share=2)
    busy = uuid4()
    assert [places.take(busy), places.take(busy), places.take(uuid4())]


def test_nobody_gets_more_than_there_are():
    places = Places(total=2, share=2)
    held = [places.take(uuid4()), places.take(uuid4())]
    with pytest.raises(ProviderUnavailable) as caught:
        places.take(uuid4())
    assert caught.value.code == "proxy_busy"
    held[1].leave()
    assert places.take(uuid4())


def test_a_place_left_twice_is_left_once():
    places, project = Places(total=2, share=1), uuid4()
    first = places.take(project)
    first.leave()
    second = places.take(project)
    first.leave()
    with pytest.raises(RateLimited):
        places.take(project)
    second.leave()


def test_projects_that_are_quiet_take_no_memory():
    places = Places(total=1, share=1)
    for _ in range(3):
        places.take(uuid4()).leave()
    assert not places._taken
