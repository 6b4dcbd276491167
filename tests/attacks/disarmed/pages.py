"""Rows 28 to 34, 36, 39, 40 and 48: pages, their headers and what they show."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

VISIT = "portal/pages/visit.py"
MIDDLEWARE = "portal/middleware.py"
FORMS = "test_framing.py::test_no_form_of_ours_is_taken_from_elsewhere"

DEFENCES: tuple[Defence, ...] = (
    defence(
        28,
        "a page names the one origin that may frame it",
        "test_framing.py::test_every_page_of_a_visit_may_be_framed_by_its_own_origin_only",
        (MIDDLEWARE, '{"frame-ancestors": [origin]}', '{"frame-ancestors": ["*"]}'),
    ),
    defence(
        28,
        "everything else may be framed by nobody",
        "test_framing.py::test_everything_else_may_be_framed_by_nobody",
        ("portal/settings.py", '        "frame-ancestors": [NONE],\n', ""),
    ),
    defence(
        28,
        "a visit is opened from a registered origin",
        "test_framing.py::test_a_stranger_with_a_real_token_cannot_open_a_visit",
        (
            "portal/sessions.py",
            "    return AllowedOrigin.objects.filter(project=project, origin=origin).exists()",
            "    return True",
        ),
    ),
    defence(
        29,
        "messages name whom they are for",
        "test_framing.py::test_no_script_of_ours_sends_a_message_to_just_anybody",
        ("static/portal.js", "type, ...more }, host);", 'type, ...more }, "*");'),
    ),
    defence(
        30,
        "our forms come from our pages",
        f"{FORMS}[another site]",
        (
            VISIT,
            '    if request.method == "POST" and not from_our_pages(request):',
            "    if False:",
        ),
    ),
    defence(
        31,
        "the log has paths without queries",
        "test_leaks.py::test_codes_states_tokens_and_handles_are_in_no_log",
        ("deploy/gunicorn.conf.py", "%(U)s", "%(r)s"),
        (
            "portal/pages/oauth.py",
            '    request.META |= {"QUERY_STRING": "", "RAW_URI": request.path}\n',
            "",
        ),
    ),
    defence(
        31,
        "a trip ends at a clean address",
        "test_leaks.py::test_the_end_of_a_trip_is_a_clean_address_that_tells_nobody_where_it_came_from",
        (
            "portal/pages/oauth.py",
            '    answer.headers["Referrer-Policy"] = "no-referrer"\n    return answer',
            "    return answer",
        ),
    ),
    defence(
        32,
        "a failure is told in our words",
        "test_leaks.py::test_a_failure_says_nothing_secret_to_anybody[callback error]",
        (
            "integrations/connect.py",
            'CALLBACK_ERRORS.get(response.error, "provider_error")',
            "response.error",
        ),
    ),
    defence(
        33,
        "a secret that was typed is not put into the form again",
        "test_leaks.py::test_a_saved_secret_is_shown_to_nobody_again",
        (
            "integrations/choices.py",
            '"client_id": _draft(config.client_id),',
            '"client_id": _draft(config.client_secret.reveal() if config.client_secret else ""),',
        ),
    ),
    defence(
        34,
        "what others wrote is escaped",
        "test_leaks.py::test_what_others_name_themselves_is_text_everywhere",
        (
            "portal/settings.py",
            '        "OPTIONS": {\n            "builtins"',
            '        "OPTIONS": {\n            "autoescape": False,\n            "builtins"',
        ),
    ),
    defence(
        36,
        "the redirect URL is built from the settings",
        "test_leaks.py::test_the_redirect_url_comes_from_the_settings_and_not_from_the_request",
        (
            "portal/settings.py",
            "ALLOWED_HOSTS = [*ALLOWED_HOSTS,",
            'ALLOWED_HOSTS = ["*", *ALLOWED_HOSTS,',
        ),
        (
            "integrations/models/clients.py",
            '        return f"{settings.BASE_URL}{CALLBACK_PATH}{self.slot}"',
            '        import inspect\n        asked = [f.frame.f_locals["request"] for f in inspect.stack() if "request" in f.frame.f_locals]\n        base = f"http://{asked[0].get_host()}" if asked else settings.BASE_URL\n        return f"{base}{CALLBACK_PATH}{self.slot}"',
        ),
    ),
    defence(
        37,
        "only registered origins read answers",
        "test_tenants.py::test_a_page_of_an_unregistered_origin_reads_nothing",
        (
            "portal/api/cors.py",
            "        if AllowedOrigin.objects.filter(origin=origin).exists():",
            "        if True:",
        ),
    ),
    defence(
        39,
        "every window has a name of its own",
        "test_leaks.py::test_links_out_and_windows_give_nobody_a_hold_on_our_pages",
        (
            "portal/pages/install.py",
            '    return f"cp-{secrets.token_hex(8)}"',
            '    return "cp-window-of-the-portal"',
        ),
    ),
    defence(
        48,
        "no answer is kept",
        "test_framing.py::test_every_answer_with_something_in_it_forbids_keeping_it",
        (
            MIDDLEWARE,
            '            response.headers.setdefault("Cache-Control", "no-store")',
            "            pass",
        ),
    ),
)
