"""Whose token it is, and what there is to choose: what a played provider tells a bearer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.fakeas.played.samples import ANSWERED, CALLBACK
from tests.fakeas.played.wire import JSON, WORD, Asked, filled, put, require

if TYPE_CHECKING:
    from tests.fakeas.played.provider import Played

Play = Callable[["Played", Asked], Any]
CHOICE = "11111111-2222-3333-4444-555555555555"


def endpoints(play: Played) -> Iterator[tuple[str, str, Play]]:
    """Return the endpoints that want an access token."""
    for option in play.table("post_options").values():
        yield "options", play.url(option["endpoint"]), _options
    yield "identity", _address(play), _identity


def bearer(play: Played, asked: Asked) -> str:
    """Return the access token of a call, carried as the provider wants it. Raises Refused."""
    use = play.table("token_use")
    scheme = use.get("scheme", "Bearer")
    given = asked.header(use.get("header", "Authorization").lower())
    lead = f"{scheme} " if scheme else ""
    require(given.startswith(lead), "another scheme", error="invalid_token", status=401)
    token = given.removeprefix(lead)
    require(token in play.access, "unknown token", error="invalid_token", status=401)
    return token


def choice(play: Played) -> int | str:
    """Return the id of the one thing to choose, in the shape that the provider has."""
    (name, option), *_ = play.table("post_options").items()
    return 1234567 if option["id_path"] == "id" and name != "cloud_id" else CHOICE


def _address(play: Played) -> str:
    template = play.table("identity").get("endpoint", "")
    if play.table("identity").get("source", "request") != "request":
        return ""
    return filled(template, {**play.settings, **_parts(play, template)})


def _parts(play: Played, template: str) -> dict[str, str]:
    """Return what of an address came with the callback or the token answer."""
    kept = {rule["name"]: rule["param"] for rule in play.data.get("callback_params", [])}
    found = {}
    for name in set(WORD.findall(template)) - set(play.settings):
        if name in kept:
            found[name] = CALLBACK[kept[name]]
            continue
        values = play.table("api").get("values", [])
        source = next(each["source"] for each in values if each["name"] == name)
        found[name] = ANSWERED[play.slug][source].removeprefix("https://").rstrip("/")
    return found


def _identity(play: Played, asked: Asked) -> dict[str, Any] | list[Any]:
    rules = play.table("identity")
    require(asked.method == rules.get("method", "GET"), "another method")
    bearer(play, asked)
    for name, value in {"Accept": JSON, **rules.get("headers", {})}.items():
        wanted = value.replace("{client_id}", play.client_id)
        require(asked.header(name.lower()) == wanted, f"the header {name} lacks or is another")
    if rules.get("body"):
        require(asked.fields(JSON) == json.loads(rules["body"]), "another query")
    else:
        require(asked.body == b"", "a body")
    return _told(play)


def _told(play: Played) -> Any:
    rules = play.table("identity")
    paths = [*rules["id_paths"], rules["label_path"]]
    whole: dict[str, Any] = {"answer": [] if paths[0][0].isdecimal() else {}}
    for number, path in enumerate(paths):
        put(whole, f"answer.{path.split('|')[0]}", f"{number}-of-the-account")
    for path in rules.get("capture", []):
        put(whole, f"answer.{path}", ANSWERED[play.slug][path])
    return whole["answer"]


def _options(play: Played, asked: Asked) -> Any:
    require(asked.method == "GET", "another method")
    bearer(play, asked)
    (option,) = play.table("post_options").values()
    item: dict[str, Any] = {}
    put(item, option["id_path"], choice(play))
    put(item, option["label_path"], "Acme")
    if option.get("hint_path"):
        put(item, option["hint_path"], "https://acme.example")
    whole: dict[str, Any] = {}
    if not option.get("list_path"):
        return [item]
    put(whole, option["list_path"], [item])
    return whole
