"""Templates of artefacts: a word stands only where its escaping holds."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from integrations.catalog.creation import Creation

LINK = "https://id.example/apps/new?redirect={redirect_url}&scopes={scopes}"
COMMAND = "idctl apps create --name {app_name} --redirect {redirect_url}"
MANIFEST = '{"name": "{app_name}", "redirects": ["{redirect_url}"], "scopes": {scope_list}}'


def made(**data: Any) -> Creation:
    return Creation.model_validate({"label": "Create the app", **data})


def manifest(template: str, **data: Any) -> Creation:
    return made(kind="manifest", template=template, file="app.json", **data)


def test_good_ones_pass() -> None:
    made(kind="link", template=LINK)
    made(kind="link", template="https://{host}/apps/new")
    made(kind="command", template=COMMAND)
    made(kind="command", template="curl -d {body} https://a.example/", body=MANIFEST)
    made(kind="command", template="idctl \\\n  --scope {scope_list}")
    made(kind="command", escaping="sql", template="CREATE APP URI = '{redirect_url}';")
    manifest(MANIFEST, link="https://id.example/apps?manifest={manifest}")
    made(kind="manifest", escaping="xml", template="<a>{redirect_url}</a>", file="a.b-meta.xml")


@pytest.mark.parametrize(
    "template",
    [
        "http://id.example/?u={redirect_url}",
        "javascript:{redirect_url}",
        "{redirect_url}",
        "https://{redirect_url}/",
        "https://{site}/apps",
        "https://user@id.example/?u={redirect_url}",
        "https://id.example\\@evil.example/{redirect_url}",
        "https://id.example/?s={scope_list}",
        "https://id.example/?m={manifest}",
    ],
)
def test_a_link_that_words_could_turn_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        made(kind="link", template=template)


@pytest.mark.parametrize(
    "template",
    [
        "idctl --name '{app_name}'",
        'idctl --name "{app_name}"',
        "idctl --name `{app_name}`",
        "idctl --name \\{app_name}",
        "idctl <<EOF\n{app_name}\nEOF",
        "idctl $(({app_name}))",
        'idctl --json \'{"name": "{app_name}"}\'',
        "idctl --json {body}",
        "idctl --json {manifest}",
    ],
)
def test_a_command_that_quotes_its_words_itself_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        made(kind="command", template=template)


@pytest.mark.parametrize(
    "template", ["URI = {redirect_url}", 'URI = "{redirect_url}"', "L = ('{scope_list}')"]
)
def test_sql_without_its_quotes_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        made(kind="command", escaping="sql", template=template)


@pytest.mark.parametrize(
    "template",
    [
        '{"name": {app_name}}',
        '{"scopes": "{scope_list}"',
        "{'name': '{app_name}'}",
        "name: {app_name}",
        '{"name": "{app_name}"} {redirect_url}',
    ],
)
def test_a_manifest_with_words_outside_of_texts_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        manifest(template)


@pytest.mark.parametrize(
    "template",
    [
        '<a name="{app_name}"/>',
        "<{app_name}/>",
        "<!-- {app_name} -->",
        "<![CDATA[{app_name}]]>",
        '<!DOCTYPE a [<!ENTITY x "{app_name}">]><a/>',
        "<a>{scope_list}</a>",
    ],
)
def test_xml_with_words_outside_of_elements_text_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        made(kind="manifest", escaping="xml", template=template, file="a.xml")


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "link", "template": LINK, "escaping": "shell"},
        {"kind": "link", "template": LINK, "file": "app.json"},
        {"kind": "link", "template": LINK, "link": "https://id.example/"},
        {"kind": "link", "template": LINK, "body": MANIFEST},
        {"kind": "command", "template": COMMAND, "body": MANIFEST},
        {"kind": "command", "template": "curl {body}", "body": '{"a": {app_name}}'},
        {"kind": "manifest", "template": MANIFEST},
        {"kind": "manifest", "template": MANIFEST, "file": "../app.json"},
        {"kind": "manifest", "template": MANIFEST, "file": "app"},
        {"kind": "manifest", "template": MANIFEST, "file": "app.json", "link": "//evil.example"},
        {"kind": "script", "template": COMMAND},
        {"kind": "command", "template": ""},
        {"kind": "command", "template": COMMAND, "secret": "x"},
    ],
)
def test_parts_that_do_not_go_together_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**data)


def test_there_is_no_word_for_a_secret() -> None:
    from integrations.catalog import creation

    assert not any("secret" in word or "token" in word for word in creation.WORDS)
