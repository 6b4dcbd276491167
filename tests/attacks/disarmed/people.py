"""Rows 22 to 27, 37 and 51: who calls, and what is theirs."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

VISITORS = "portal/visitors.py"
FORGED = "test_user_tokens.py::test_every_forged_token_is_refused_with_one_and_the_same_answer"
STRANGER = "test_tenants.py::test_no_operation_with_an_id_in_it_answers_a_stranger"

API = "test_user_tokens.py::test_the_api_refuses_them_too_and_names_nothing"

DEFENCES: tuple[Defence, ...] = (
    defence(
        22,
        "the algorithm is the registered key's",
        FORGED,
        (
            VISITORS,
            "            algorithms=[key.alg],",
            '            algorithms=["RS256", "RS512", "PS256", "ES256"],',
        ),
    ),
    defence(
        22,
        "a token is verified at all",
        FORGED,
        (VISITORS, '"strict_aud": True}', '"strict_aud": True, "verify_signature": False}'),
    ),
    defence(
        22,
        "headers that name another key are refused",
        FORGED,
        (VISITORS, "    strange = FORBIDDEN_HEADERS & set(header) or", "    strange ="),
    ),
    defence(
        22,
        "an audience is one string",
        FORGED,
        (VISITORS, ', "strict_aud": True', ""),
    ),
    defence(
        22,
        "an issuer is the project",
        FORGED,
        (VISITORS, "            issuer=str(project.pk),\n", ""),
    ),
    defence(
        22,
        "a life has an hour at most",
        FORGED,
        (VISITORS, "    if too_long or not usable:", "    if not usable:"),
    ),
    defence(
        22,
        "a subject is a name",
        FORGED,
        (VISITORS, "    if too_long or not usable:", "    if too_long:"),
    ),
    defence(
        22,
        "keys belong to a project",
        FORGED,
        (
            "integrations/keysets.py",
            "    key = _live(project, kid)\n    if key and not key.from_key_set:",
            "    key = SigningKey.objects.filter(kid=kid, revoked_at=None).first()\n    if key:",
        ),
        (VISITORS, "            issuer=str(project.pk),\n", ""),
        (VISITORS, '            audience=f"{settings.BASE_URL}/p/{project.pk}",\n', ""),
        (VISITORS, '"strict_aud": True}', '"verify_aud": False}'),
    ),
    defence(
        23,
        "a visit ends with its key",
        "test_user_tokens.py::test_a_revoked_key_ends_every_visit_it_opened_at_the_next_click",
        (
            "integrations/models/projects.py",
            '        """Whether it still vouches for anybody."""\n        return self.revoked_at is None',
            '        """Whether it still vouches for anybody."""\n        return True',
        ),
    ),
    defence(
        23,
        "a token that opens one visit opens no second one",
        "test_user_tokens.py::test_a_token_that_may_open_one_visit_opens_one",
        (
            "portal/sessions.py",
            "            UsedToken.objects.create(",
            "            UsedToken.objects.get_or_create(",
        ),
    ),
    defence(
        51,
        "all refusals have the same words",
        FORGED,
        (
            VISITORS,
            '    except (jwt.InvalidTokenError, ValueError, TypeError):\n        raise SessionInvalid("user_token_invalid")',
            '    except (jwt.InvalidTokenError, ValueError, TypeError):\n        raise SessionInvalid("session_invalid")',
        ),
    ),
    defence(
        26,
        "a connection is looked up in the caller's project",
        STRANGER,
        (
            "portal/api/connections.py",
            "    return Connection.objects.filter(project=vendor.project).select_related(",
            "    return Connection.objects.select_related(",
        ),
    ),
    defence(
        26,
        "a flow is looked up by person and project",
        "test_tenants.py::test_no_page_shows_or_changes_what_is_anothers[the same vendor]",
        (
            "integrations/access.py",
            "        ).get(pk=UUID(str(pk)), project=who.project, end_user=who.end_user, **binding)",
            "        ).get(pk=UUID(str(pk)))",
        ),
    ),
    defence(
        30,
        "a cookie stands for no handle",
        "test_framing.py::test_the_cookie_of_a_full_page_stands_for_no_handle_and_the_other_way_round",
        ("portal/pages/visit.py", "    if session.display not in shown:", "    if False:"),
    ),
)
