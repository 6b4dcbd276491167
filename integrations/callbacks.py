"""What a callback carries besides code and state: taken under the provider's names, and checked.

Nothing of it decides where a secret goes. It can only contradict what a person entered before, or
name a part of the API's address that the provider's file anchors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from integrations.catalog.messages import CallbackParam
from integrations.catalog.schema import PLACEHOLDER, Provider
from integrations.errors import AuthorizationFailed
from integrations.oauth import dialects
from integrations.secret import Secret

Pairs = Sequence[tuple[str, str]]


def code_in(*, provider: Provider, code: Secret | None, params: Pairs) -> Secret | None:
    """Return the authorization code, which some providers send under another name."""
    name = provider.parameters.response_code
    if name == "code":
        return code
    given = [value for key, value in params if key == name]
    return Secret(given[0]) if len(given) == 1 and given[0] else None


def checked(
    *, provider: Provider, settings: Mapping[str, str], secret: Secret, params: Pairs
) -> dict[str, str]:
    """Return what of a callback is kept, by the names of the provider's file.

    Raises AuthorizationFailed: "callback_forged" for a wrong signature, "answer_malformed" for a
    value that lacks or that the provider does not send, "account_host_mismatch" for one that
    contradicts what was entered.
    """
    if "shopify_callback_hmac" in provider.dialects:
        dialects.shopify_callback_hmac(params, secret=secret)
    found = {each.name: _value(each, settings, params) for each in provider.callback_params}
    return {name: value for name, value in found.items() if value}


def _value(rule: CallbackParam, settings: Mapping[str, str], params: Pairs) -> str:
    given = [value for name, value in params if name == rule.param]
    whole = given[0] if len(given) == 1 else ""
    if rule.equals and whole and whole.casefold() != _expected(rule, settings).casefold():
        raise AuthorizationFailed("account_host_mismatch")
    match = re.fullmatch(rule.pattern, whole)
    if match is None and (rule.required or len(given) > 1):
        raise AuthorizationFailed("answer_malformed")
    if match is None:
        return ""
    return str(match[1]) if match.re.groups else str(match[0])


def _expected(rule: CallbackParam, settings: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: settings.get(found[1], ""), rule.equals)
