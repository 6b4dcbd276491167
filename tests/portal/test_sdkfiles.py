"""The tag that pins the SDK: its address is good for ever, and its hash is that of the file."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from portal import sdkfiles

SOURCE = Path(settings.BASE_DIR) / "static" / "connect.js"


@pytest.fixture
def collected(tmp_path, settings) -> Any:
    """The SDK as collectstatic leaves it."""
    settings.DEBUG = False
    storage = CompressedManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    storage.save("connect.js", ContentFile(SOURCE.read_bytes()))
    list(storage.post_process({"connect.js": (storage, "connect.js")}))
    return storage


def test_the_tag_names_a_file_that_never_changes_and_its_hash(collected):
    tag = sdkfiles.snippet(collected)
    match = re.fullmatch(
        r'<script type="module" src="([^"]+)" integrity="sha384-([^"]+)" crossorigin></script>', tag
    )
    assert match
    assert re.fullmatch(r"http://localhost:8000/static/connect\.[0-9a-f]{12}\.js", match[1])
    assert base64.b64decode(match[2]) == hashlib.sha384(SOURCE.read_bytes()).digest()


def test_another_file_has_another_address_and_hash(collected, tmp_path):
    before = sdkfiles.snippet(collected)
    (tmp_path / "connect.js").write_bytes(SOURCE.read_bytes() + b"\n// changed\n")
    list(collected.post_process({"connect.js": (collected, "connect.js")}))
    after = sdkfiles.snippet(collected)
    assert {sdkfiles.address(collected) in each for each in (before, after)} == {False, True}
    assert before.split("integrity")[1] != after.split("integrity")[1]
