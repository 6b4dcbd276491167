"""What is filled in cannot break out, whatever a permission, a name or an address is."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations import creating
from integrations.catalog import registry
from integrations.catalog.creation import Creation
from integrations.catalog.schema import Provider
from integrations.creating import Artefact, Registration

ANY = st.text(max_size=60) | st.sampled_from(
    [
        "'; rm -rf / #",
        "$(id)",
        "`id`",
        '"]}',
        "&x=1#y",
        "</a><b>",
        "'); DROP",
        "\\",
        "\\'",
        "\x1b[A",
    ]
)
SCOPE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
SCOPES = st.lists(SCOPE, max_size=5, unique=True).map(tuple)
QUICK = settings(deadline=None, max_examples=60)
NAMES = {"read": "Read It", "write": "it's"}


@cache
def catalog() -> Mapping[str, Provider]:
    return registry.load()


def provider(**create: Any) -> Provider:
    """Return a provider with one artefact."""
    entry = Creation.model_validate({"label": "Create the app", **create})
    return catalog()["zendesk"].model_copy(update={"create": (entry,)})


def filled(name: str, url: str, scopes: tuple[str, ...], **create: Any) -> Artefact:
    with_settings = Registration(url, name, scopes, {"subdomain": "acme"})
    return creating.artefacts(provider=provider(**create), registration=with_settings)[0]


def visible(text: str) -> str:
    return creating._plain(text)


def name_of(text: str) -> str:
    return visible(text)[:30].strip() or "Connect"


@QUICK
@given(ANY, ANY, SCOPES)
def test_a_link_keeps_each_value_in_its_parameter(name, url, scopes):
    template = "https://{subdomain}.a.example/new?n={app_name}&u={redirect_url}&s={scopes}"
    made = urlsplit(filled(name, url, scopes, kind="link", template=template).text)
    assert (made.scheme, made.netloc, made.path) == ("https", "acme.a.example", "/new")
    assert made.fragment == ""
    assert parse_qs(made.query, keep_blank_values=True) == {
        "n": [name_of(name)],
        "u": [visible(url)],
        "s": [" ".join(scopes)],
    }


@QUICK
@given(ANY, ANY, SCOPES)
def test_a_command_keeps_each_value_one_word(name, url, scopes):
    template = "idctl --name {app_name} --uri={redirect_url} https://{subdomain}.x/ {scope_list}"
    made = filled(name, url, scopes, kind="command", template=template).text
    words = shlex.split(made, posix=True)
    assert words == [
        "idctl", "--name", name_of(name), f"--uri={visible(url)}", "https://acme.x/", *scopes
    ]  # fmt: skip
    assert "\n" not in made
    assert not re.search(r"[\x00-\x1f\x7f]", made)


@QUICK
@given(ANY, ANY, SCOPES)
def test_a_body_is_one_word_of_json(name, url, scopes):
    body = '{"name": "{app_name}", "uris": ["{redirect_url}"], "scopes": {scope_list}}'
    made = filled(name, url, scopes, kind="command", template="curl -d {body} x", body=body)
    words = shlex.split(made.text, posix=True)
    assert (words[:2], words[3:]) == (["curl", "-d"], ["x"])
    sent = {"name": name_of(name), "uris": [visible(url)], "scopes": list(scopes)}
    assert json.loads(words[2]) == sent


@QUICK
@given(ANY, ANY, SCOPES)
def test_a_manifest_keeps_its_shape_and_its_link_carries_it_whole(name, url, scopes):
    template = '{"name": "{app_name}", "uri": "{redirect_url}", "scopes": {scope_list}}'
    link = "https://a.example/new?m={manifest}"
    create = {"kind": "manifest", "template": template, "file": "app.json", "link": link}
    made = filled(name, url, scopes, **create)
    content = {"name": name_of(name), "uri": visible(url), "scopes": list(scopes)}
    assert json.loads(made.text) == content
    query = parse_qs(urlsplit(made.link).query)
    assert json.loads(query["m"][0]) == content


@QUICK
@given(ANY, ANY, SCOPES)
def test_xml_keeps_each_value_in_its_element(name, url, scopes):
    template = "<a><n>{app_name}</n><u>{redirect_url}</u><s>{scopes}</s></a>"
    create = {"kind": "manifest", "escaping": "xml", "template": template, "file": "app.xml"}
    root = ElementTree.fromstring(filled(name, url, scopes, **create).text)
    assert [each.tag for each in root] == ["n", "u", "s"]
    assert [each.text or "" for each in root] == [name_of(name), visible(url), " ".join(scopes)]


@QUICK
@given(ANY, ANY, SCOPES)
def test_sql_keeps_each_value_in_its_quotes(name, url, scopes):
    template = "CREATE X COMMENT = '{app_name}' URI = '{redirect_url}' S = ({scope_list});"
    made = filled(name, url, scopes, kind="command", escaping="sql", template=template).text
    outside = re.sub(r"'(?:[^'\\]|''|\\.)*'", "?", made)
    shape = r"CREATE X COMMENT = \? URI = \? S = \((?:\?(?:, \?)*)?\);"
    assert re.fullmatch(shape, outside), outside


def test_permissions_go_by_their_other_names():
    template = "idctl {scope_list}"
    made = filled(
        "a", "b", ("read", "odd", "write"), kind="command", template=template, names=NAMES
    )
    assert shlex.split(made.text) == ["idctl", "Read It", "it's"]
    assert made.left_out == ("odd",)


def test_a_template_without_permissions_leaves_none_out():
    made = filled("a", "b", ("odd",), kind="command", template="idctl {app_name}", names=NAMES)
    assert made.left_out == ()


@pytest.mark.parametrize("subdomain", ["", "evil.example/", "a b", "acme.evil.example", "www"])
def test_without_a_usable_setting_nothing_is_made(subdomain):
    create = {"kind": "link", "template": "https://{subdomain}.zendesk.com/new"}
    registration = Registration("https://a.example/cb", "Acme", (), {"subdomain": subdomain})
    made = creating.artefacts(provider=provider(**create), registration=registration)[0]
    assert (made.text, made.link, made.missing) == ("", "", ("Zendesk subdomain",))


def test_a_word_that_nothing_fills_in_is_refused_when_the_catalog_is_loaded(tmp_path):
    for word in ("client_secret", "secret", "client_id", "no_such"):
        file = tmp_path / "zendesk.toml"
        line = f'[[create]]\nkind = "command"\nlabel = "x"\ntemplate = "idctl {{{word}}}"\n'
        file.write_text(f'base = "zendesk"\n{line}', encoding="utf-8")
        with pytest.raises(Exception, match="filled in by nothing"):
            registry.load(folders=(tmp_path,))


REAL = [
    (slug, number)
    for path in sorted(registry.BUILT_IN.glob("*.toml"))
    for slug in [path.stem]
    for number in range(len(tomllib.loads(path.read_text(encoding="utf-8")).get("create", ())))
]
REDIRECT = "https://connect.acme.example/oauth/callback/abcdefghijklmnopqrstuvwxyz"


def settings_of(entry: Provider) -> dict[str, str]:
    return {item.name: item.default or item.placeholder for item in entry.settings}


@pytest.mark.parametrize(("slug", "number"), REAL)
def test_the_artefacts_of_the_catalog_can_be_made(slug: str, number: int) -> None:
    entry = catalog()[slug]
    scopes = entry.default_scopes
    registration = Registration(REDIRECT, "Acme's CRM", scopes, settings_of(entry))
    made = creating.artefacts(provider=entry, registration=registration)[number]
    assert (made.missing, made.left_out) == ((), ()), made
    everything = f"{made.text} {made.link}"
    assert not re.search(r"\{[a-z_]+\}", everything)
    if made.kind == "link":
        assert urlsplit(made.text).scheme == "https"
    if made.file.endswith(".json"):
        json.loads(made.text)
    if made.file.endswith(".xml"):
        ElementTree.fromstring(made.text)
    if made.kind == "command" and entry.create[number].escapes == "shell":
        assert shlex.split(made.text)
