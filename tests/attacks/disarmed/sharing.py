"""Rows 56 and 57: an organization's app, and links with which somebody else enters one."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

ACCESS = "integrations/access.py"
AUTHORIZATION = "integrations/authorization.py"
CHOICES = "integrations/choices.py"
CONNECT = "integrations/connect.py"
HANDOFFS = "integrations/handoffs.py"
ORGANIZATIONS = "integrations/organizations.py"
STANDING = "integrations/standing.py"
SHARED, LINKS = "test_organizations.py", "test_handoffs.py"
POSTED = f"{SHARED}::test_a_policy_holds_for_whoever_posts_another_account_type"
SHOWN = f"{LINKS}::test_its_pages_show_nothing_that_the_person_typed"
CHANGE = "    organizations.require_change(who=flow.acting, client=client)\n    keep_draft"
OPEN = "        rows.filter(outcome=Outcome.OPEN, expires_at__gt=timezone.now())\n"

DEFENCES: tuple[Defence, ...] = (
    defence(
        56,
        "only an administrator saves an organization's app",
        f"{SHARED}::test_a_colleague_saves_nothing",
        (CHOICES, CHANGE, "    keep_draft"),
    ),
    defence(
        56,
        "only an administrator goes over to an organization's app",
        f"{SHARED}::test_a_colleague_saves_nothing",
        (
            CHOICES,
            "    if organization is None or not organizations.is_admin(flow.acting):",
            "    if organization is None:",
        ),
    ),
    defence(
        56,
        "only an administrator sees the form of an organization's app",
        f"{SHARED}::test_a_colleague_reads_nothing_of_it_on_pages",
        (
            "portal/pages/options.py",
            "    if flow.oauth_client and not stages.enters_client(flow):",
            "    if False:",
        ),
    ),
    defence(
        56,
        "pages name an organization's app to its administrators alone",
        f"{SHARED}::test_a_colleague_reads_nothing_of_it_on_pages",
        (
            "portal/pages/install.py",
            'client_id=version.client_id if version and changes else ""',
            'client_id=version.client_id if version and own else ""',
        ),
    ),
    defence(
        56,
        "the API asks nobody else for what the app holds",
        f"{SHARED}::test_a_colleague_reads_nothing_of_it_by_the_api",
        (
            "integrations/stages.py",
            "    again = flow.status == Flow.Status.FAILED and enters_client(flow)",
            "    again = flow.status == Flow.Status.FAILED",
        ),
        (
            "integrations/stages.py",
            'if at == "preOptions" and enters_client(flow) else ()',
            'if at == "preOptions" else ()',
        ),
    ),
    defence(
        56,
        "an administrator changes apps of one organization",
        f"{SHARED}::test_another_organization_s_app_is_out_of_reach",
        (
            ACCESS,
            "        mine |= Q(organization=organizations.organization_id(who))",
            "        mine |= Q(organization__isnull=False)",
        ),
    ),
    defence(
        56,
        "an app in use is that of the person's organization",
        f"{SHARED}::test_another_organization_s_app_is_out_of_reach",
        (
            ORGANIZATIONS,
            "    return rows.filter(organization=organization).select_related(",
            "    return rows.select_related(",
        ),
        (
            ORGANIZATIONS,
            "        return organization_id(who) is not None and client.organization_id == organization_id(who)",
            "        return True",
        ),
    ),
    defence(
        56,
        "sharing an app takes an administrator",
        f"{SHARED}::test_only_an_administrator_shares_an_app",
        (
            "portal/pages/sharing.py",
            "    if pk is None or not organizations.is_admin(session):",
            "    if pk is None:",
        ),
    ),
    defence(
        56,
        "a policy holds when an account type is chosen",
        POSTED,
        (
            CHOICES,
            "    organizations.require_offered(\n        kind=account_type,",
            "    organizations.is_member(\n        end_user=flow.end_user, client=OAuthClient()) or dict(\n        kind=account_type,",
        ),
    ),
    defence(
        56,
        "a policy holds when a trip starts",
        f"{SHARED}::test_a_start_after_a_policy_was_made_is_refused",
        (
            CONNECT,
            "    organizations.require_offered(\n        kind=flow.account_type,",
            "    dict(\n        kind=flow.account_type,",
        ),
    ),
    defence(
        56,
        "a policy holds when a flow begins",
        f"{SHARED}::test_a_call_for_an_account_type_that_a_policy_forbids_begins_nothing",
        (
            ORGANIZATIONS,
            "    return ALLOWED[choice] if choice else None",
            "    return None",
        ),
    ),
    defence(
        56,
        "a trip starts with an app that the person may use now",
        f"{SHARED}::test_who_moved_to_another_organization_does_not_start_with_the_old_app",
        (
            CONNECT,
            "    if not organizations.may_use(who=flow.acting, client=flow.oauth_client):",
            "    if False:",
        ),
    ),
    defence(
        56,
        "an approval is used by who is still in the organization",
        f"{SHARED}::test_who_moves_on_the_way_is_not_connected",
        (
            AUTHORIZATION,
            "    if not organizations.is_member(end_user=flow.end_user, client=request.oauth_client):",
            "    if False:",
        ),
    ),
    defence(
        56,
        "a visit is of one organization",
        f"{SHARED}::test_a_visit_brings_no_rights_into_another_organization",
        (
            ORGANIZATIONS,
            "    if isinstance(who, PortalSession) and who.organization_id != current:",
            "    if False:",
        ),
    ),
    defence(
        56,
        "rights are those of the visit that acts",
        f"{SHARED}::test_a_flow_brings_no_rights_into_another_visit",
        (ACCESS, "    flow.handled_by = who.handled_by if isinstance(who, Flow) else who\n", ""),
    ),
    defence(
        57,
        "a link works until it was used or withdrawn",
        f"{LINKS}::test_a_used_link_does_nothing",
        (STANDING, OPEN, "        rows.filter(expires_at__gt=timezone.now())\n"),
    ),
    defence(
        57,
        "a link that was withdrawn is ended",
        f"{LINKS}::test_a_withdrawn_link_does_nothing",
        (
            HANDOFFS,
            "        if row is None or not _end(HandOff.objects.filter(pk=row.pk), outcome):",
            "        if row is None:",
        ),
    ),
    defence(
        57,
        "a link works for seven days",
        f"{LINKS}::test_an_expired_link_does_nothing",
        (STANDING, OPEN, "        rows.filter(outcome=Outcome.OPEN)\n"),
    ),
    defence(
        57,
        "a new link ends the one before",
        f"{LINKS}::test_a_link_before_the_newest_does_nothing",
        (
            HANDOFFS,
            "        _end(HandOff.objects.filter(flow=flow), Outcome.REPLACED)\n",
            "        HandOff.objects.filter(flow=flow).update(flow=None, issuer=Issuer.VENDOR)\n",
        ),
    ),
    defence(
        57,
        "a link serves the flow that waits for it",
        f"{LINKS}::test_a_link_of_a_flow_that_ended_or_went_another_way_does_nothing",
        (
            STANDING,
            "    if flow and (flow.status not in Flow.EDITABLE or flow.oauth_client_id != client.pk):",
            "    if False:",
        ),
    ),
    defence(
        57,
        "the form begins with nothing that the person typed",
        SHOWN,
        (
            HANDOFFS,
            '        draft={"scopes": " ".join(client.scopes)} if client.scopes else {},',
            "        draft=row.flow.draft if row.flow else {},",
        ),
    ),
    defence(
        57,
        "whoever asked is known by name alone",
        SHOWN,
        (
            "portal/pages/handoff.py",
            '    return row.end_user.name if row.end_user else ""',
            '    return (row.end_user.name or row.end_user.email) if row.end_user else ""',
        ),
    ),
    defence(
        57,
        "the button and the form are our own",
        f"{LINKS}::test_another_site_posts_neither_the_button_nor_the_form",
        (
            "portal/pages/handoff.py",
            '        if request.method == "POST" and not from_our_pages(request):',
            "        if False:",
        ),
    ),
    defence(
        57,
        "only who may save a client has somebody else enter it",
        f"{LINKS}::test_a_colleague_hands_the_organization_s_app_to_nobody",
        (HANDOFFS, "    organizations.require_change(who=who, client=client)\n", ""),
    ),
    defence(
        57,
        "a link for an organization needs its maker there",
        f"{LINKS}::test_a_link_for_an_organization_ends_when_whoever_made_it_leaves",
        (
            STANDING,
            "    if not organizations.is_member(end_user=row.end_user, client=client):\n        return False\n",
            "",
        ),
    ),
    defence(
        57,
        "an organization's host is entered by its administrators",
        f"{LINKS}::test_the_vendor_s_link_enters_no_host_for_an_organization",
        (HANDOFFS, "    _refuse_open_host(client)\n    with", "    with"),
    ),
)
