"""The portal's templates, style sheet and script: what they must never hold, and what they must."""

from __future__ import annotations

import gzip
import hashlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.utils.html import escape

from portal.pages import activity, choosing, handoff, screens, secret, sent
from portal.pages.rendering import context
from tests.gallery.markup import Page
from tests.gallery.parts import CANARY
from tests.gallery.samples import samples
from tests.gallery.screens import AUTHORIZE

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
OURS = sorted(
    path for path in TEMPLATES.rglob("*.html") if "admin" not in path.relative_to(TEMPLATES).parts
)
NAMES = [str(path.relative_to(TEMPLATES)) for path in OURS]
# These carry no handle: nobody is signed in there, or they are not part of the portal's frame.
OUTSIDE = ("oauth/", "errors/", "hosted/link", "handoff/link")
SAMPLES = [pytest.param(template, screen, id=name) for name, template, screen in samples()]
PAGES = [item for item in SAMPLES if not Path(str(item.values[0])).name.startswith("_")]
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
FORBIDDEN = {
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline style": re.compile(r"<style|\sstyle\s*=", re.IGNORECASE),
    "an event handler": re.compile(r"\son[a-z]+\s*=|hx-on|hx-vars|js:", re.IGNORECASE),
    "unescaped output": re.compile(r"\|\s*safe|autoescape\s+off|safeseq"),
    "a script address": re.compile(r"javascript:|data:text", re.IGNORECASE),
    "a foreign address": re.compile(r"(?:src|href|action)=\"(?:https?:)?//", re.IGNORECASE),
}
BAD = {
    "an inline script": "<script>x</script>",
    "an inline style": '<p style="color:red">',
    "an event handler": '<a onclick="x()">',
    "unescaped output": "{{ value | safe }}",
    "a script address": '<a href="javascript:x()">',
    "a foreign address": '<img src="https://cdn.example/x.png">',
}


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_template_holds(name: str, kind: str) -> None:
    assert not FORBIDDEN[kind].search(_text(name))


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_what_is_forbidden_would_be_found(kind: str) -> None:
    assert FORBIDDEN[kind].search(BAD[kind])


@pytest.mark.parametrize("name", NAMES)
def test_every_form_posts_and_carries_the_handle(name: str) -> None:
    source = _text(name)
    forms = FORM.findall(source)
    assert len(forms) == source.count("<form")
    for attributes, body in forms:
        assert 'method="post"' in attributes
        assert "action=" in attributes
        assert '{% include "_handle.html" %}' in body or name.startswith(OUTSIDE)


@pytest.mark.parametrize("name", NAMES)
def test_htmx_posts_where_the_form_posts(name: str) -> None:
    without_script = "{% block scripts %}{% endblock %}" in _text(name)
    for attributes, _ in [] if without_script else FORM.findall(_text(name)):
        action = re.search(r'(?<!hx-)action="([^"]+)"', attributes)
        hx_post = re.search(r'hx-post="([^"]+)"', attributes)
        assert action
        # One leaves for the provider, one's page has an address that is a ticket, and one leads to
        # a field, which only a page that is loaded as a whole gives the focus to.
        if re.search(r"oauth-start|handoff-form|#{{ field }}", attributes):
            assert hx_post is None
            continue
        assert hx_post
        assert hx_post[1] == action[1]


@pytest.mark.parametrize("name", NAMES)
def test_logic_stops_at_if_and_for(name: str) -> None:
    known = {"if", "elif", "else", "endif", "for", "endfor", "with", "endwith", "include", "url"}
    known |= {"block", "endblock", "extends", "load", "static", "firstof"}
    known |= {"translate", "blocktranslate", "plural", "endblocktranslate"}
    used = {tag.split()[1] for tag in TAG.findall(_text(name)) if tag.startswith("{%")}
    assert used <= known


def test_every_screen_has_its_template_and_every_page_its_screen() -> None:
    modules = (activity, screens, choosing, handoff, secret, sent)
    found = [item for module in modules for _, item in inspect.getmembers(module, inspect.isclass)]
    docs = " ".join(inspect.getdoc(item) or "" for item in found)
    named = set(re.findall(r"\b(?:install|manage|oauth|errors|hosted|handoff)/\w+\.html", docs))
    pages = {name for name in NAMES if "/" in name and not Path(name).name.startswith("_")}
    assert named == pages


def test_every_page_has_a_sample() -> None:
    assert {str(item.values[0]) for item in PAGES} == {
        name for name in NAMES if "/" in name and not Path(name).name.startswith("_")
    }


def test_djade_would_change_nothing() -> None:
    command = [str(Path(sys.executable).with_name("djade")), "--check", "--target-version", "5.2"]
    result = subprocess.run(
        [*command, *map(str, OURS)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("template", "screen"), SAMPLES)
def test_nothing_typed_becomes_markup(template: str, screen: object) -> None:
    page = Page.of(render_to_string(template, context(screen)))
    assert page.inline_scripts == []
    assert page.handlers == []
    assert [src for src in page.values("img", "src") if not src.startswith("/static/")] == []
    addresses = page.values("a", "href") + page.values("form", "action")
    # Bytes of no type are kept as a file and never shown.
    allowed = ("https://", "/", "#", "data:application/octet-stream;")
    assert [each for each in addresses if not each.startswith(allowed)] == []


@pytest.mark.parametrize(("template", "screen"), SAMPLES)
def test_a_secret_is_never_shown(template: str, screen: object) -> None:
    html = render_to_string(template, context(screen))
    assert CANARY not in html
    for field in Page.of(html).elements("input"):
        assert field.get("type") != "password" or "value" not in field
        assert field.get("name") != "client_secret" or field.get("type") == "password"


@pytest.mark.parametrize(("template", "screen"), SAMPLES)
def test_references_inside_a_page_lead_somewhere(template: str, screen: object) -> None:
    page = Page.of(render_to_string(template, context(screen)))
    assert len(page.ids) == len(set(page.ids))
    assert page.references() <= set(page.ids)
    assert not page.nested_forms


@pytest.mark.parametrize(("template", "screen"), PAGES)
def test_a_page_has_one_heading_a_title_and_a_main(template: str, screen: object) -> None:
    page = Page.of(render_to_string(template, context(screen)))
    assert len(page.elements("h1")) == 1
    assert len(page.elements("main")) == 1
    assert page.title.strip()
    assert page.elements("html")[0]["lang"] == "en"


@pytest.mark.parametrize(("template", "screen"), SAMPLES)
def test_the_handle_is_in_every_form_and_in_no_address(template: str, screen: object) -> None:
    html = render_to_string(template, context(screen))
    handle = getattr(getattr(screen, "frame", None), "handle", "")
    hidden = f'<input type="hidden" name="handle" value="{escape(handle)}">'
    assert html.count(hidden if handle else 'name="handle"') == (html.count("<form") * bool(handle))
    assert not handle or html.count(handle) == html.count("<form")


def test_the_leaving_page_goes_to_the_exact_address_and_loads_only_the_style() -> None:
    [screen] = [item for name, _, item in samples() if name == "leaving"]
    page = Page.of(render_to_string("oauth/leaving.html", context(screen)))
    [refresh] = [meta for meta in page.elements("meta") if meta.get("http-equiv") == "refresh"]
    assert refresh["content"] == f"0; url={AUTHORIZE}"
    assert AUTHORIZE in page.values("a", "href")
    assert page.elements("script") == []
    assert page.elements("img") == []


def test_the_done_page_loads_no_htmx() -> None:
    [screen] = [item for name, _, item in samples() if name == "done"]
    page = Page.of(render_to_string("oauth/done.html", context(screen)))
    assert page.values("script", "src") == ["/static/portal.js"]


def test_a_provider_window_opens_only_from_an_embedded_page() -> None:
    targets = {
        name: Page.of(render_to_string(template, context(screen))).values("form", "target")
        for name, template, screen in samples()
        if name in {"review", "review-full", "waiting", "waiting-full"}
    }
    window = "cp-5f0c1d2e3a4b5c6d"
    assert targets["review"] == [window, window, "_top"]
    assert targets["waiting"] == [window, "_top"]
    assert targets["review-full"] == targets["waiting-full"] == []


def test_required_permissions_are_sent_though_their_boxes_cannot_be_changed() -> None:
    [screen] = [item for name, _, item in samples() if name == "options"]
    page = Page.of(render_to_string("install/options.html", context(screen)))
    sent = [
        field["value"]
        for field in page.elements("input")
        if field.get("name") == "scope" and (field["type"] == "hidden" or "checked" in field)
    ]
    assert isinstance(screen, screens.OptionsScreen)
    assert sent == [row.name for row in screen.scopes if row.checked]
    assert screen.selected == len(sent)


def test_the_vendored_script_is_the_published_one() -> None:
    table = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    [(name, digest)] = re.findall(r"^\| `(\S+?\.js)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE)
    content = (STATIC / "vendor" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert f"vendor/{name}" in _text("base.html")


def test_a_first_visit_stays_small() -> None:
    [screen] = [item for name, _, item in samples() if name == "options"]
    html = render_to_string("install/options.html", context(screen)).encode()
    css, js = ((STATIC / name).read_bytes() for name in ("portal.css", "portal.js"))
    [htmx] = STATIC.glob("vendor/*.min.js")
    sizes = [len(gzip.compress(part)) for part in (css, js, htmx.read_bytes(), html)]
    assert sizes[0] <= 6_000
    assert sizes[1] <= 4_000
    assert sum(sizes) <= 35_000
    assert len(js.splitlines()) < 200


@pytest.mark.parametrize(
    "word",
    ["localStorage", "sessionStorage", "cookie", "innerHTML", "eval(", '"*"', "fetch("],
)
def test_the_script_does_without(word: str) -> None:
    assert word not in (STATIC / "portal.js").read_text(encoding="utf-8")


def test_the_style_sheet_loads_nothing() -> None:
    css = (STATIC / "portal.css").read_text(encoding="utf-8")
    assert "url(" not in css
    assert "@import" not in css
