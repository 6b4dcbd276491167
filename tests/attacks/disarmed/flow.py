"""Rows 1 to 12: the trip to the provider and back."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

AUTHORIZATION = "integrations/authorization.py"
CLIENTS = "integrations/clients.py"
OAUTH = "portal/pages/oauth.py"
VISIT = "portal/pages/visit.py"
FIXATION = "test_session_fixation.py"
BROWSER_CHECK = "    if not constant_time_compare(digest(browser), request.browser_hash):"
SLOT_CHECK = "    if not constant_time_compare(slot, request.oauth_client.slot):"
ELSEWHERE = f"{FIXATION}::test_a_form_that_sends_itself_from_elsewhere_starts_nothing"

DEFENCES: tuple[Defence, ...] = (
    defence(
        1,
        "the callback needs the cookie of the browser that started",
        f"{FIXATION}::test_an_authorization_link_sent_to_somebody_else_connects_nothing",
        (AUTHORIZATION, BROWSER_CHECK, "    if False:"),
    ),
    defence(
        1,
        "starting is a POST",
        f"{FIXATION}::test_a_link_cannot_start_a_flow",
        (
            OAUTH,
            "@portal_page()\n@limited(START)",
            '@portal_page(("GET", "POST"))\n@limited(START)',
        ),
    ),
    defence(
        1,
        "what a link began waits for the vendor's word",
        "test_links.py::"
        "test_a_link_that_was_passed_on_holds_the_code_until_the_vendor_says_who_came_back",
        (
            "integrations/connect.py",
            "        if flow.binding == Binding.WEAK:",
            "        if False:",
        ),
    ),
    defence(
        2,
        "a start ticket is for one page",
        "test_links.py::test_a_start_ticket_works_from_the_page_it_was_made_for_and_once",
        (OAUTH, "        if not _is_from(request, session):", "        if False:"),
    ),
    defence(
        2,
        "the start form comes from our own origin",
        f"{ELSEWHERE}[another site, old browser]",
        (
            VISIT,
            'return request.headers.get("Origin") == settings.BASE_ORIGIN and same_site',
            "return same_site",
        ),
    ),
    defence(
        2,
        "the browser's word on the site is heard",
        f"{ELSEWHERE}[ours, says the page, but not the browser]",
        (
            VISIT,
            'return request.headers.get("Origin") == settings.BASE_ORIGIN and same_site',
            'return request.headers.get("Origin") == settings.BASE_ORIGIN',
        ),
    ),
    defence(
        2,
        "starting is a navigation",
        f"{ELSEWHERE}[a script]",
        (
            OAUTH,
            '    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":',
            "    if False:",
        ),
    ),
    defence(
        2,
        "starting is a navigation of a whole window",
        f"{ELSEWHERE}[an iframe]",
        (
            OAUTH,
            '    if request.headers.get("Sec-Fetch-Dest", "document") != "document":',
            "    if False:",
        ),
    ),
    defence(
        3,
        "the slot of the address is compared with the slot of the flow",
        "test_mixup.py::test_a_hostile_server_that_sends_people_to_an_honest_one_gets_no_code",
        (AUTHORIZATION, SLOT_CHECK, "    if False:"),
    ),
    defence(
        3,
        "each person's client has a slot of its own",
        "test_mixup.py::test_an_own_app_of_one_person_at_two_instances_has_two_addresses",
        (
            "integrations/choices.py",
            "    client = clients.draft_client(integration=flow.integration, end_user=flow.end_user)",
            "    client = clients.own_client(integration=flow.integration, end_user=flow.end_user)",
        ),
    ),
    defence(
        4,
        "a code at another slot is not taken for the flow's own",
        "test_mixup.py::"
        "test_a_code_of_the_attacker_at_another_slot_is_not_taken_for_the_flow_under_way",
        (AUTHORIZATION, SLOT_CHECK, "    if False:"),
    ),
    defence(
        5,
        "the issuer is compared byte for byte",
        "test_mixup.py::test_an_issuer_is_compared_byte_for_byte[with a slash]",
        (
            AUTHORIZATION,
            "response.iss != expected:",
            'response.iss.rstrip("/") != expected:',
        ),
    ),
    defence(
        5,
        "an issuer that is always sent must be there",
        "test_mixup.py::test_a_missing_issuer_is_noticed_where_the_provider_always_sends_one",
        (
            AUTHORIZATION,
            "        if provider.authorization_response_iss_parameter_supported:",
            "        if False:",
        ),
    ),
    defence(
        5,
        "the issuer is checked before the error",
        "test_mixup.py::test_an_error_from_another_issuer_is_not_believed_either",
        (
            AUTHORIZATION,
            "    _check_issuer(request, response)\n",
            "    response.error or _check_issuer(request, response)\n",
        ),
    ),
    defence(
        5,
        "a client that was changed meanwhile gets no code",
        "test_mixup.py::test_an_answer_to_a_client_that_was_changed_meanwhile_is_not_used[client id]",
        ("integrations/connect.py", "        authorization.check_unchanged(request)\n", ""),
        (
            AUTHORIZATION,
            '        if not taken:\n            raise AuthorizationFailed("settings_changed")\n',
            "",
        ),
    ),
    defence(
        6,
        "an answer is claimed by one statement",
        "test_state.py::test_fifty_callbacks_at_once_make_one_token_request",
        (AUTHORIZATION, "        if claimed != 1:", "        if False:"),
        (AUTHORIZATION, "        if not taken:", "        if False:"),
    ),
    defence(
        6,
        "a used answer is not used again",
        "test_state.py::test_an_answer_that_was_used_changes_nothing_when_it_is_replayed",
        (
            AUTHORIZATION,
            "    if request.status != AuthorizationRequest.Status.PENDING:",
            "    if False:",
        ),
    ),
    defence(
        6,
        "an answer has ten minutes",
        "test_state.py::test_an_answer_after_its_time_is_refused",
        (AUTHORIZATION, "    if request.expires_at <= timezone.now():", "    if False:"),
        (AUTHORIZATION, "            expires_at__gt=now,\n", ""),
    ),
    defence(
        6,
        "the database knows only digests of cookie and state",
        "test_state.py::test_states_are_long_random_and_kept_only_as_digests",
        (
            "integrations/secret.py",
            '    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()',
            "    return token",
        ),
    ),
    defence(
        7,
        "every trip has a proof of its own (PKCE)",
        "test_state.py::test_a_stolen_code_is_worthless_in_the_thiefs_own_flow",
        (
            AUTHORIZATION,
            'oauth.new_code_verifier() if provider.code_challenge_method == "S256" else None',
            "None",
        ),
    ),
    defence(
        8,
        "the trip's pages keep the opener",
        "test_windows.py::test_no_page_of_the_trip_cuts_the_window_from_its_opener",
        (OAUTH, '        response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"\n', ""),
    ),
    defence(
        9,
        "the way out has a policy of its own",
        "test_windows.py::test_the_way_out_is_an_answer_that_forms_and_scripts_cannot_leave",
        (OAUTH, "    response._csp_replace = LEAVING_CSP  # type: ignore[attr-defined]\n", ""),
    ),
    defence(
        10,
        "a return address is one of the registered ones",
        "test_windows.py::test_a_return_address_that_is_not_registered_is_refused",
        (
            "portal/sessions.py",
            "    return ReturnUrl.objects.filter(project=project, url=url).exists()",
            "    return True",
        ),
    ),
    defence(
        11,
        "no parameter of an answer comes twice",
        "test_state.py::test_a_polluted_answer_is_refused_and_no_good_one_may_follow[two codes]",
        (OAUTH, "        if len(values) > 1 or any(", "        if any("),
    ),
    defence(
        11,
        "prefetching is no answer",
        "test_state.py::test_a_prefetch_uses_nothing_up[Purpose]",
        (
            OAUTH,
            '    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):',
            "    if False:",
        ),
    ),
    defence(
        11,
        "only a GET is an answer",
        "test_state.py::test_only_a_get_is_an_answer",
        (
            OAUTH,
            "@require_GET\n@sensitive_variables()\ndef callback",
            "@sensitive_variables()\ndef callback",
        ),
    ),
    defence(
        12,
        "a kept secret stays with its client id and host",
        "test_kept_secrets.py::test_a_changed_host_or_client_does_not_take_the_kept_secret_along",
        (
            CLIENTS,
            "    if same_id and same_place and current.config_hash == versions.current_hash(current):",
            "    if True:",
        ),
    ),
    defence(
        12,
        "a mask is no secret",
        "test_kept_secrets.py::test_the_mask_is_not_taken_for_a_secret",
        ("integrations/inputs.py", "    if MASK.match(cleaned.value):", "    if False:"),
    ),
    defence(
        12,
        "the seal of a secret names where it may be sent",
        "test_kept_secrets.py::"
        "test_a_writer_to_the_database_cannot_point_the_secret_at_another_host",
        (
            "integrations/models/clients.py",
            "        purpose = json.dumps([self.client_id, self.settings, *own], sort_keys=True)",
            '        purpose = ""',
        ),
    ),
)
