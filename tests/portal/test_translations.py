"""Every sentence of the pages in every language, with the same names to fill in."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from integrations.wording import said
from tests import messages

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
MARKS = re.compile(r"%\(\w+\)s|\{\w+\}|<[^>]+>|KEYS|ADDED|REMOVED")


@pytest.fixture(scope="module")
def sentences() -> set[str | tuple[str, ...]]:
    return {text for text, _ in messages.messages()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_and_none_is_left_over(
    language: str, sentences: set[str | tuple[str, ...]]
) -> None:
    catalog = messages.catalog_of(language)
    assert {each.id for each in catalog if each.id} == sentences
    assert [each.id for each in catalog if each.id and not messages.is_whole(each.string)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_sentence_does(language: str) -> None:
    for each in messages.catalog_of(language):
        # The first one is the head of the file.
        if isinstance(each.id, str):
            if not each.id:
                continue
            assert Counter(MARKS.findall(each.id)) == Counter(MARKS.findall(str(each.string)))
            continue
        for form in each.string or ():
            assert set(MARKS.findall(form)) <= set(MARKS.findall(each.id[1]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_served_is_what_translators_wrote(language: str) -> None:
    catalog = messages.catalog_of(language)
    assert messages.path_of(language).with_suffix(".mo").read_bytes() == messages.compiled(catalog)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_and_the_errors_of_a_form_are_in_the_language(language: str) -> None:
    answer = Client().get("/nowhere-in-the-portal", headers={"Accept-Language": language})
    assert answer.status_code == 404
    with translation.override(language):
        assert said("Save and continue") != "Save and continue"
        assert "Client ID" in said("Enter the {label}.", label="Client ID")


def test_a_secret_in_a_label_is_never_a_format() -> None:
    assert said("Enter the {label}.", label="{0.__class__} %s") == "Enter the {0.__class__} %s."
