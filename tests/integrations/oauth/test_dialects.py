"""Each named departure from the RFCs: what it does, and what it refuses or leaves alone."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.catalog import schema
from integrations.catalog.messages import TokenResponse
from integrations.errors import AuthorizationFailed, ProviderFailure
from integrations.oauth import answers, dialects
from integrations.oauth.http import Answer
from integrations.secret import Secret

SECRET = Secret("hush-hush")
CALLBACK = [("code", "c0de"), ("shop", "acme.myshopify.com"), ("timestamp", "1337178173")]


def signed(pairs: list[tuple[str, str]], message: str, secret: str = "hush-hush") -> Any:
    """Return the parameters with the signature of this message."""
    found = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return [*pairs, ("hmac", found)]


MESSAGE = "code=c0de&shop=acme.myshopify.com&timestamp=1337178173"
GOOD = signed(CALLBACK, MESSAGE)


def test_every_dialect_of_the_schema_is_a_function_here_or_names_its_request() -> None:
    named = set(schema.Dialect.__args__)
    requests = {"long_lived_token"}
    assert named - requests <= set(vars(dialects))


@pytest.mark.parametrize("order", [GOOD, GOOD[::-1]], ids=["as sent", "backwards"])
def test_shopify_signs_all_parameters_sorted(order: Any) -> None:
    dialects.shopify_callback_hmac(order, secret=SECRET)


def test_shopify_escapes_what_could_pass_for_another_parameter() -> None:
    pairs = [("a", "1&b=2"), ("c%d", "50%")]
    dialects.shopify_callback_hmac(signed(pairs, "a=1%26b=2&c%25d=50%25"), secret=SECRET)
    with pytest.raises(AuthorizationFailed):
        dialects.shopify_callback_hmac(signed(pairs, "a=1&b=2&c%d=50%"), secret=SECRET)


@pytest.mark.parametrize(
    "params",
    [
        CALLBACK,
        [*CALLBACK, ("hmac", "")],
        [*CALLBACK, ("hmac", "0" * 64)],
        signed(CALLBACK, MESSAGE, secret="another"),
        [*GOOD, ("shop", "evil.myshopify.com")],
        [("code", "c0de"), ("shop", "evil.myshopify.com"), *GOOD[2:]],
        GOOD[1:],
        [*GOOD, GOOD[-1]],
        [*GOOD[:-1], ("hmac", GOOD[-1][1].upper() + "\u00e9")],
    ],
)
def test_shopify_refuses_a_callback_that_it_did_not_sign(params: Any) -> None:
    with pytest.raises(AuthorizationFailed) as caught:
        dialects.shopify_callback_hmac(params, secret=SECRET)
    assert caught.value.code == "callback_forged"


@pytest.mark.parametrize("code", [1, 40002, "0", None, True, False, 0.5, "ok"])
def test_a_code_other_than_the_number_0_is_an_error(code: Any) -> None:
    data = {"code": code, "data": {"access_token": "a-token"}, "access_token": "another"}
    assert list(dialects.nonzero_code_is_error(data)) == ["error"]


def test_the_code_0_leaves_the_answer_as_it_is() -> None:
    data = {"code": 0, "data": {"access_token": "a-token"}}
    assert dialects.nonzero_code_is_error(data) == data


def test_an_error_by_code_is_raised_as_a_refusal() -> None:
    answer = Answer(status=200, headers={}, body=b"")
    data = dialects.rewritten(("nonzero_code_is_error",), {"code": 40110, "access_token": "x"})
    with pytest.raises(ProviderFailure) as caught:
        answers.token_answer(answer, data)
    assert caught.value.provider_error == "code 40110"


def test_an_access_token_renews_itself_only_where_there_is_nothing_else() -> None:
    renew = dialects.access_token_renews_itself
    assert renew({"access_token": "a"})["refresh_token"] == "a"
    assert renew({"access_token": "a", "refresh_token": "b"})["refresh_token"] == "b"
    assert "refresh_token" not in renew({"error": "invalid_grant"})


def test_the_scope_of_the_callback_never_replaces_that_of_the_answer() -> None:
    take = dialects.scope_in_callback
    assert take({"scope": "read"}, granted="read,write")["scope"] == "read"
    assert take({}, granted="read")["scope"] == "read"
    assert "scope" not in take({}, granted=None)
    assert "scope" not in take({}, granted="")


def test_parameters_behind_the_fragment_are_nowhere_else() -> None:
    url = dialects.authorization_in_fragment(
        "https://app.acme.example/", fragment="/oauth/authorize", query="state=s&client_id=c"
    )
    assert url == "https://app.acme.example/#/oauth/authorize?state=s&client_id=c"


def test_square_gets_the_secret_in_its_header_and_not_in_the_body() -> None:
    given = {"access_token": "a"}
    fields, headers = dialects.square_revocation(given, client_id="c", secret=SECRET)
    assert headers == {"Authorization": "Client hush-hush"}
    assert fields == {"access_token": "a", "client_id": "c"}


@pytest.mark.parametrize("data", [None, [], "ok", 7])
def test_an_answer_that_is_no_object_passes_untouched(data: Any) -> None:
    names: Any = tuple(dialects.ANSWERS)
    assert dialects.rewritten(names, data) == data
    assert answers.placed(TokenResponse(access_token="data.access_token"), data) == data


def test_tokens_are_taken_from_where_the_file_says() -> None:
    where = TokenResponse(access_token="data.0.token", scope="scopes")
    found = answers.placed(where, {"data": [{"token": "a"}], "scopes": ["read"]})
    assert (found["access_token"], found["scope"]) == ("a", ["read"])


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {"token": None}}, {"data": ["x"]}])
def test_a_token_that_is_not_there_is_a_bad_answer(data: Any) -> None:
    where = TokenResponse(access_token="data.token")
    answer = Answer(status=200, headers={}, body=b"")
    with pytest.raises(ProviderFailure):
        answers.token_answer(answer, answers.placed(where, data))


def test_a_moment_of_expiry_becomes_a_number_of_seconds() -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = answers.placed(TokenResponse(expires_at="ends"), {"access_token": "a", "ends": ends})
    assert 3590 <= found["expires_in"] <= 3600
    past = answers.placed(TokenResponse(expires_at="ends"), {"ends": "2020-01-01T00:00:00Z"})
    assert past["expires_in"] == 1


@pytest.mark.parametrize("moment", ["soon", 5, "2026-11-23T00:00:00", ["2026"], {}, True])
def test_a_moment_that_is_none_is_a_bad_answer(moment: Any) -> None:
    with pytest.raises(ProviderFailure):
        answers.placed(TokenResponse(expires_at="ends"), {"access_token": "a", "ends": moment})


def test_another_word_for_a_bearer_token_is_taken_only_where_the_file_says_so() -> None:
    answer = Answer(status=200, headers={}, body=b"")
    data = {"access_token": "a", "token_type": "User Access Token"}
    taken = answers.token_answer(answer, data, token_types=("User Access Token",))
    assert taken.token_type == "Bearer"
    with pytest.raises(ProviderFailure):
        answers.token_answer(answer, data)
    with pytest.raises(ProviderFailure):
        answers.token_answer(answer, {**data, "token_type": "mac"}, token_types=("User",))
