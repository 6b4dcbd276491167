from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from portal import languages, texts
from portal.pages.rendering import context
from tests.gallery.screens import OPTIONS

pytestmark = pytest.mark.django_db
NOWHERE = "/hosted/no-such-ticket"


def test_a_page_speaks_the_language_that_the_browser_prefers() -> None:
    answer = Client().get(NOWHERE, headers={"Accept-Language": "ar-EG,ar;q=0.9,en;q=0.5"})
    assert answer.headers["Content-Language"] == "ar"
    assert b'<html lang="ar" dir="rtl"' in answer.content


@pytest.mark.parametrize("asked", ["", "tlh", "xx-YY", "*", "%s" % ("a" * 600)])
def test_a_page_falls_back_to_english(asked: str) -> None:
    answer = Client().get(NOWHERE, headers={"Accept-Language": asked})
    assert b'<html lang="en" dir="ltr"' in answer.content


@pytest.mark.parametrize("path", ["/api/v1/me", "/healthz", "/admin/login/"])
def test_what_is_no_page_of_the_portal_speaks_english(path: str) -> None:
    answer = Client().get(path, headers={"Accept-Language": "de"})
    assert "Content-Language" not in answer.headers
    assert b'lang="de"' not in answer.content


def test_no_language_is_left_behind_for_the_next_request() -> None:
    Client().get(NOWHERE, headers={"Accept-Language": "ja"})
    assert translation.get_language() == "en"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-AT", "de"), ("PT_br", "pt-br"), ("pt", "pt-br"), ("ja", "ja"), ("klingon", "en")],
)
def test_the_nearest_language_is_used(locale: str, language: str) -> None:
    with translation.override("en"):
        languages.use(locale)
        assert translation.get_language() == language


@pytest.mark.parametrize("locale", ["", "../../etc", "a" * 5_000, "de\x00", "{0.__class__}"])
def test_a_locale_that_is_none_changes_nothing(locale: str) -> None:
    with translation.override("fr"):
        languages.use(locale)
        assert translation.get_language() == "fr"


def test_names_with_braces_and_percent_signs_stay_as_they_are() -> None:
    said = texts.notice("access_denied", provider="{vendor} 100% %(x)s", vendor="{0}")
    assert said.text.startswith("{vendor} 100% %(x)s told us")


def test_english_texts_of_the_catalog_say_so_on_a_page_in_another_language():
    for language, marked in (("ar", True), ("en", False)):
        with translation.override(language):
            page = render_to_string("install/options.html", context(OPTIONS))
        (step,) = OPTIONS.guide.steps[0].parts
        english = f'<span lang="en" dir="ltr">{step[1]}</span>'
        assert (english in page) is marked
        assert step[1] in page
