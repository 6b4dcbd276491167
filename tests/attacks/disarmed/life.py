"""Rows 17, 20 to 24, 35, 41 to 47, 53 and 54: tokens over time, keys, records and limits."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

RECORDS = "test_records.py"
LIFE = "test_life.py"
OPERATORS = "test_operators.py"

DEFENCES: tuple[Defence, ...] = (
    defence(
        6,
        "the cookie's name keeps siblings of our host out",
        f"{OPERATORS}::test_a_cookie_without_the_prefix_that_keeps_siblings_out_is_not_read",
        (
            "portal/pages/oauth.py",
            'COOKIE_PREFIX = "__Host-cp_f_" if settings.SECURE else "cp_f_"',
            'COOKIE_PREFIX = "cp_f_"',
        ),
    ),
    defence(
        20,
        "a renewal is leased in the database",
        f"{LIFE}::test_thirty_callers_at_once_make_one_renewal_and_the_family_lives",
        (
            "integrations/journal.py",
            "        if not _leased(credential, free):\n            return None\n",
            "        _leased(credential, models.Q())\n",
        ),
    ),
    defence(
        21,
        "a refusal counts only as JSON with the right status",
        f"{LIFE}::test_a_grant_that_is_gone_is_said_once_and_not_asked_for_again",
        (
            "integrations/outcomes.py",
            "            status=Connection.Status.INVALID,",
            "            status=connection.status,",
        ),
    ),
    defence(
        24,
        "a key set is read once a minute",
        f"{OPERATORS}::test_a_key_set_at_an_address_inside_is_not_read",
        (
            "integrations/keysets.py",
            "    return bool(KeySet.objects.filter(rested, pk=key_set.pk).update(tried_at=Now()))",
            "    return bool(rested)",
        ),
    ),
    defence(
        35,
        "an account is its id at the provider",
        f"{RECORDS}::test_another_account_with_the_same_email_does_not_take_a_connection_over",
        (
            "integrations/grants.py",
            '        if account and target.account_id not in ("", account.id):',
            "        if False:",
        ),
    ),
    defence(
        42,
        "opening is counted",
        f"{OPERATORS}::test_a_person_who_opens_too_often_is_asked_to_wait_and_nobody_else",
        (
            "integrations/limits.py",
            "    if text == OFF:\n        return None\n",
            "    if text:\n        return None\n",
        ),
    ),
    defence(
        43,
        "an address in a header counts only behind our own proxy",
        f"{OPERATORS}::test_guessing_passwords_is_paused_whatever_address_is_claimed",
        ("portal/middleware.py", "    count = settings.TRUSTED_PROXIES\n", "    count = 1\n"),
    ),
    defence(
        43,
        "cookies are for https and our host alone",
        f"{OPERATORS}::test_cookies_are_bound_to_our_host_and_hidden_from_scripts",
        (
            "portal/settings.py",
            'CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"',
            'CSRF_COOKIE_NAME = "csrf"',
        ),
    ),
    defence(
        44,
        "every event is sealed with what it says",
        f"{RECORDS}::test_every_way_to_edit_the_record_is_found_and_placed",
        (
            "integrations/audit.py",
            '    return "" if hmac.compare_digest(event.hash, _hash(event, key)) else "the event was changed"',
            '    return ""',
        ),
    ),
    defence(
        45,
        "disconnecting ends the grant at the provider",
        f"{LIFE}::test_a_disconnected_grant_ends_at_once_here_and_then_at_the_provider",
        (
            "integrations/grantends.py",
            '        oauth.revoke(provider=provider, client=client, token=refresh, hint="refresh")',
            "        pass",
        ),
    ),
    defence(
        47,
        "a key has rights of its own",
        f"{OPERATORS}::test_a_key_without_the_right_to_tokens_gets_none",
        (
            "integrations/apikeys.py",
            "    if not scope or scope not in key.scopes:",
            "    if False:",
        ),
    ),
    defence(
        53,
        "only the newest generation is written to",
        f"{LIFE}::test_a_renewal_under_way_does_not_bring_a_disconnected_token_back",
        ("integrations/revocation.py", "            _moved(connection, actor)\n", ""),
    ),
    defence(
        54,
        "a form has a size",
        f"{RECORDS}::test_a_form_too_large_or_with_too_many_fields_is_refused_unread[/portal/options]",
        (
            "portal/settings.py",
            "DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536",
            "DATA_UPLOAD_MAX_MEMORY_SIZE = None",
        ),
        (
            "portal/settings.py",
            "DATA_UPLOAD_MAX_NUMBER_FIELDS = 300",
            "DATA_UPLOAD_MAX_NUMBER_FIELDS = None",
        ),
    ),
)
