"""The validators themselves: one table each, and what must hold for any text at all."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from integrations import inputs
from integrations.catalog import registry
from integrations.catalog.schema import Setting
from integrations.errors import InvalidInput
from integrations.text import storable

PROVIDERS = registry.load()
SETTINGS = [setting for provider in PROVIDERS.values() for setting in provider.settings]
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)

HARD = st.characters() | st.sampled_from("\x00\n\r\t\x1f\x7f\x85\u00a0\u200b\u202e\ud800\ufeff")
TEXT = st.text(HARD, max_size=80)


def code_of(check, *arguments, **named) -> str:
    """Return the code of the refusal, or "" if there is none."""
    try:
        check(*arguments, **named)
    except InvalidInput as refusal:
        [error] = refusal.errors
        return error.code
    return ""


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "required"),
        (" \u00a0\ufeff", "required"),
        ("a" * 512, ""),
        ("a" * 513, "too_long"),
        (" " + "a" * 512 + " ", ""),
        ("ab cd", "inner_space"),
        ("a\nb", "control_character"),
        ("a\x00b", "control_character"),
        ("a\u200bb", "hidden_character"),
        ("a\ud800b", "hidden_character"),
        ("ü", "not_ascii"),
        ('"a', "quotes"),
        ("a\u201d", "quotes"),
        ('{"web": 1}', "looks_like_json"),
        ('{\n "web": 1}' + " " * 600, "looks_like_json"),
        ("{{7*7}}", ""),
        ("a'b", ""),
        ("!~", ""),
    ],
)
def test_client_ids(value, code):
    assert code_of(inputs.clean_client_id, value) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "required"),
        ("\t\r\n", "required"),
        ("s" * 4096, ""),
        ("s" * 4097, "too_long"),
        ("two words", ""),
        ('"quoted"', ""),
        ("a\tb", "control_character"),
        ("a\u2028b", "hidden_character"),
        ("\u0430", "not_ascii"),
        ("***", "mask"),
        ("**", ""),
        ("…………", "mask"),
        ("•••••abcd", "mask"),
        ("****abcd", "mask"),
        ("****abcde", ""),
        ("***abcd", ""),
        ('{"client_secret": "x"}', "looks_like_json"),
    ],
)
def test_secrets(value, code):
    assert code_of(inputs.clean_client_secret, value) == code


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("a a b", ("a", "b")),
        ("b,a\n\tc", ("b", "a", "c")),
        (["x y", "z"], ("x", "y", "z")),
        ("\u200ba\ufeff", ("a",)),
        (" ".join(f"s{number}" for number in range(100)), None),
        ("a" * 512, ("a" * 512,)),
        ("a" * 510 + " " + " ".join(["b"] * 1792) + "c", None),
    ],
)
def test_scopes_are_read(value, names):
    cleaned = inputs.clean_scopes(value)
    assert cleaned == (names or tuple(dict.fromkeys(value.split())) if value else ())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (" ".join(f"s{number}" for number in range(101)), "too_many"),
        ("a" * 513, "too_long"),
        (" ".join(["b"] * 2049), "too_long"),
        ('a"b', "bad_scope"),
        ("a\\b", "bad_scope"),
        ("a\x1fb", "control_character"),
        ("a\u2003b", "not_ascii"),
        ("\ud800", "not_ascii"),
    ],
)
def test_scopes_are_refused(value, code):
    assert code_of(inputs.clean_scopes, value) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", ""),
        ("main", ""),
        (" ext:main ", ""),
        ("Büro 7 😀", ""),
        ("a" * 255, ""),
        ("a" * 256, "invalid"),
        ("  ", "required"),
        ("ext:", "required"),
        ("ext: ext:", "required"),
        ("a\x00", "invalid"),
        ("a\nb", "invalid"),
        ("a\u202eb", "invalid"),
        ("a\u061cb", "invalid"),
        ("a\ud800b", "invalid"),
    ],
)
def test_external_ids(value, code):
    assert code_of(inputs.clean_external_id, value) == code


def test_an_external_id_is_kept_without_its_mark():
    assert inputs.clean_external_id(" ext:main ") == "main"
    assert inputs.clean_external_id("ext:ext:main") == "main"


def test_a_long_token_is_named_in_short():
    with pytest.raises(InvalidInput) as refused:
        inputs.clean_scopes("a" * 600)
    assert len(refused.value.errors[0].message) < 160


def test_a_required_list_of_scopes_needs_one():
    setting = Setting(name="more", label="More", kind="scopes", param="more", max_length=9)
    assert code_of(inputs.clean_setting, setting, " , ") == "required"
    assert code_of(inputs.clean_setting, setting, "") == "required"
    assert code_of(inputs.clean_setting, setting, "a" * 10) == "too_long"
    assert inputs.clean_setting(setting, "b,a b").value == "b a"


def test_text_is_made_storable_and_nothing_else_is_altered():
    assert storable("a\x00b\ud800c\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert storable("\ufeffü\U0001f600\n\x01") == "\ufeffü\U0001f600\n\x01"


@given(TEXT)
@example("\ud800")
def test_any_text_is_storable(text):
    stored = storable(text).encode().decode()
    assert "\x00" not in stored
    assert len(stored) == len(text)


@given(TEXT | st.text(alphabet="\"'{}*•. a", max_size=12))
@example("ext:ext:a")
@example("****abcd")
def test_a_cleaned_value_is_clean(text):
    for check in (inputs.clean_client_id, inputs.clean_client_secret):
        if not code_of(check, text):
            cleaned = check(text)
            assert check(cleaned.value) == inputs.Cleaned(cleaned.value, "")
            assert cleaned.value in text
            assert re.fullmatch(r"[\x20-\x7e]+", cleaned.value)
    if not code_of(inputs.clean_external_id, text):
        label = inputs.clean_external_id(text)
        assert inputs.clean_external_id(label) == label


@given(TEXT | st.text(alphabet='ab, \t\n"\\', max_size=20))
def test_cleaned_scopes_are_clean(text):
    if not code_of(inputs.clean_scopes, text):
        names = inputs.clean_scopes(text)
        assert inputs.clean_scopes(names) == inputs.clean_scopes(" ".join(names)) == names
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]{1,512}", name) for name in names)


@every_setting
@run_with(max_examples=60, deadline=None)
@given(text=TEXT)
def test_a_setting_is_refused_by_name_or_clean(setting, text):
    try:
        cleaned = inputs.clean_setting(setting, text)
    except InvalidInput as refusal:
        [error] = refusal.errors
        assert error.field == setting.name
        assert setting.label in error.message
    else:
        assert inputs.clean_setting(setting, cleaned.value) == inputs.Cleaned(cleaned.value, "")


@given(st.text(HARD, min_size=9, max_size=60))
@example("********* ")
@example('"client_secret')
@example("a" * 4097)
def test_no_message_repeats_a_secret(text):
    messages = messages_of(inputs.clean_client_secret, text)
    assert not [message for message in messages if text in message or stripped(text) in message]


def messages_of(check, *arguments) -> list[str]:
    try:
        check(*arguments)
    except InvalidInput as refusal:
        return [str(refusal), *(error.message for error in refusal.errors)]
    return []


def stripped(text: str) -> str:
    return text.strip() or text
