"""Scope policy: what is asked for, what a person may choose, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrations import scopes
from integrations.errors import InvalidInput
from integrations.models import Integration, Project

KNOWN = ("openid", "profile", "mail.read", "mail.send", "contacts.read")
GRAPH = "https://graph.microsoft.com/"
GOOGLE = "https://www.googleapis.com/auth/userinfo."


@pytest.fixture
def policy(provider):
    """Return the policy of an integration with these fields; nothing is stored."""

    def of(**fields: object) -> scopes.ScopePolicy:
        return scopes.policy(Integration(project=Project(), provider_slug="demo-mail", **fields))

    return of


def refused(rules: scopes.ScopePolicy, *names: str) -> str:
    """Return the code with which a choice is refused."""
    with pytest.raises(InvalidInput) as error:
        scopes.checked(rules=rules, names=names)
    (problem,) = error.value.errors
    assert problem.field == "scopes"
    return problem.code


def test_the_catalogs_defaults_apply_unless_the_project_has_its_own(policy):
    assert policy().default == ("openid", "profile", "mail.read")
    assert policy(default_scopes=["mail.send"]).default == ("mail.send",)
    assert policy(default_scopes=[]).default == ()


def test_required_permissions_come_first_and_once(policy):
    rules = policy(required_scopes=["mail.send", "openid"])
    assert rules.default == ("mail.send", "openid", "profile", "mail.read")
    assert scopes.checked(rules=rules, names=("profile", "openid")) == (
        "mail.send",
        "openid",
        "profile",
    )


def test_a_required_permission_cannot_be_left_out(policy):
    rules = policy(required_scopes=["mail.read"])
    assert scopes.checked(rules=rules, names=("profile",)) == ("mail.read", "profile")
    assert scopes.checked(rules=rules, names=()) == ("mail.read",)


def test_a_choice_keeps_its_order_and_names_nothing_twice(policy):
    chosen = scopes.checked(rules=policy(), names=("mail.read", "openid", "mail.read"))
    assert chosen == ("mail.read", "openid")


def test_nothing_chosen_is_refused_where_something_is_usual(policy):
    assert refused(policy()) == "required"
    assert scopes.checked(rules=policy(default_scopes=[]), names=()) == ()


def test_a_permission_of_ones_own_needs_to_be_allowed(policy):
    assert scopes.checked(rules=policy(), names=("x.y",)) == ("x.y",)
    closed = policy(custom_scopes_allowed=False)
    assert refused(closed, "openid", "x.y") == "scope_not_allowed"
    assert scopes.checked(rules=closed, names=("mail.send",)) == ("mail.send",)


def test_a_project_can_narrow_what_is_offered(policy):
    rules = policy(
        default_scopes=["openid"],
        required_scopes=["mail.read"],
        allowed_scopes=["profile"],
        custom_scopes_allowed=False,
    )
    offered = [scope.name for scope in rules.selectable()]
    assert offered == ["openid", "profile", "mail.read"]
    assert refused(rules, "mail.send") == "scope_not_allowed"
    assert scopes.checked(rules=rules, names=("openid",)) == ("mail.read", "openid")


def test_a_described_permission_that_is_not_allowed_cannot_be_typed_either(policy):
    rules = policy(default_scopes=["openid"], allowed_scopes=["profile"])
    assert refused(rules, "openid", "mail.send") == "scope_not_allowed"
    assert scopes.checked(rules=rules, names=("openid", "x.y")) == ("openid", "x.y")


def test_everything_described_is_offered_otherwise(policy):
    assert sorted(scope.name for scope in policy().selectable()) == sorted(KNOWN)


@pytest.mark.parametrize(
    ("answered", "given"),
    [
        (None, ("a", "b")),
        ("", ("a", "b")),
        ("a b", ("a", "b")),
        ("a,b", ("a", "b")),
        ("a, b\tc\n", ("a", "b", "c")),
        ("b a b", ("b", "a")),
        ("c", ("c",)),
        (" , ", ()),
    ],
)
def test_granted_permissions_are_read_in_every_dress(answered, given):
    assert scopes.granted(requested=("a", "b"), scope=answered) == given


@pytest.mark.parametrize(
    ("required", "given", "lacking"),
    [
        (("mail.read",), ("mail.read", "openid"), ()),
        (("mail.read", "mail.send"), ("mail.read",), ("mail.send",)),
        (("mail.read",), (), ("mail.read",)),
        (("mail.read",), ("Mail.read",), ("mail.read",)),
        (("mail.read",), ("mail.read.all",), ("mail.read",)),
        (("openid", "offline_access"), (), ()),
        (("Mail.Read",), (f"{GRAPH}Mail.Read",), ()),
        ((f"{GRAPH}Mail.Read",), ("Mail.Read",), ()),
        (("email", "profile"), (f"{GOOGLE}email", f"{GOOGLE}profile"), ()),
        ((f"{GOOGLE}email",), ("email",), ()),
        (("email",), (f"{GOOGLE}profile",), ("email",)),
        (("Mail.Read",), ("https://evil.example/Mail.Read",), ("Mail.Read",)),
    ],
)
def test_what_is_missing_is_found_through_the_providers_spelling(policy, required, given, lacking):
    provider = Integration(provider_slug="demo-mail").provider
    assert scopes.missing(provider=provider, required=required, given=given) == lacking


def test_the_permission_that_only_asks_for_a_refresh_token_is_never_missing(provider):
    salesforce = Integration(provider_slug="salesforce").provider
    required = ("refresh_token", "api")
    assert scopes.missing(provider=salesforce, required=required, given=()) == ("api",)


def became(policy, requested, given, *, reported=True, **fields) -> dict[str, tuple[str, bool]]:
    """Return what became of each permission: given or not, and whether it was asked for."""
    found = scopes.outcomes(
        provider=Integration(provider_slug="demo-mail").provider,
        rules=policy(**fields),
        requested=requested,
        given=given,
        reported=reported,
    )
    return {each.name: (each.given, each.requested) for each in found}


def test_each_permission_has_an_outcome(policy):
    found = became(policy, ("mail.read", "mail.send"), ("mail.read", "profile"))
    assert found == {
        "mail.read": ("yes", True),
        "mail.send": ("no", True),
        "profile": ("yes", False),
    }


def test_what_is_required_but_was_never_asked_for_is_listed_as_not_given(policy):
    found = became(policy, ("mail.read",), ("mail.read",), required_scopes=["mail.send"])
    assert found["mail.send"] == ("no", False)


def test_without_a_report_nothing_counts_as_given(policy):
    found = became(policy, ("mail.read", "openid"), ("mail.read", "openid"), reported=False)
    assert found == {"mail.read": ("unknown", True), "openid": ("unknown", True)}


def test_a_permission_that_is_never_echoed_is_neither_given_nor_not(policy):
    found = became(policy, ("openid", "offline_access", "mail.read"), ("mail.read",))
    assert [state for state, _ in found.values()] == ["unknown", "unknown", "yes"]


def test_an_outcome_is_found_through_the_providers_spelling(policy):
    found = became(policy, ("email", "Mail.Read"), (f"{GOOGLE}email", f"{GRAPH}Mail.Read"))
    assert found == {"email": ("yes", True), "Mail.Read": ("yes", True)}


def test_only_what_neither_catalog_nor_vendor_names_is_strange(policy):
    rules = policy(default_scopes=["openid", "own.one"])
    names = ("openid", "own.one", "mail.send", "mail.raed")
    assert scopes.strangers(rules=rules, names=names) == ("mail.raed",)


def test_nothing_is_strange_where_the_catalog_describes_nothing(policy):
    rules = replace(policy(), known=())
    assert scopes.strangers(rules=rules, names=("a", "b")) == ()


def test_a_warning_names_what_is_strange_and_not_too_much_of_it(policy, provider):
    demo = Integration(provider_slug="demo-mail").provider
    names = tuple(f"{letter * 100}" for letter in "abcdefg")
    told = scopes.warnings(provider=demo, rules=policy(), names=("openid", *names))
    assert "a" * 60 in told["scopes"]
    assert "a" * 61 not in told["scopes"]
    assert "f" * 10 not in told["scopes"]
    assert scopes.warnings(provider=demo, rules=policy(), names=("mail.send",)) == {}
