"""Grants that a flow leaves behind: replaced by a newer one, or refused."""

from __future__ import annotations

from django.db import transaction

from integrations import grantends, revocation
from integrations.errors import SealBroken
from integrations.models import AuthorizationRequest, Connection, Credential, Flow
from integrations.oauth.answers import TokenAnswer
from integrations.oauth.client import Account


def give_up(
    *, request: AuthorizationRequest, answer: TokenAnswer, account: Account | None, reason: str
) -> None:
    """Leave a grant that was not stored to be ended, and remember whose it was.

    It is let be if the connection to renew has the very same grant.
    """
    flow = request.flow
    with transaction.atomic():
        AuthorizationRequest.objects.filter(pk=request.pk).update(code_verifier=None)
        if reason == "account_mismatch" and account:
            draft = {**flow.draft, "other_account": account.label}
            Flow.objects.filter(pk=flow.pk).update(draft=draft)
        old = Credential.objects.filter(pk=flow.connection_id).first()
        if old and _is_same(old, answer):
            return
        revocation.queue(
            project=flow.project,
            client_version=request.client_version,
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            connection=None,
            reason=reason,
            account_id=account.id if account else "",
        )


def queue_old(*, connection: Connection, answer: TokenAnswer) -> None:
    """Leave the connection's old grant to be ended. Runs inside the caller's transaction."""
    old = (
        Credential.objects.select_for_update(of=("self",))
        .select_related("client_version__oauth_client__integration")
        .filter(pk=connection.pk)
        .first()
    )
    if old is None or grantends.provider_of(old.client_version) is None or _is_same(old, answer):
        return
    revocation.queue(
        project=connection.project,
        client_version=old.client_version,
        access_token=old.open_required("access_token"),
        refresh_token=old.open("refresh_token"),
        connection=connection,
        reason=revocation.REPLACED,
    )


def _is_same(old: Credential, answer: TokenAnswer) -> bool:
    # Some providers give the same tokens again; and what cannot be read cannot be ended.
    try:
        access, refresh = old.open_required("access_token"), old.open("refresh_token")
    except SealBroken:
        return True
    return access == answer.access_token or (
        refresh is not None and refresh == answer.refresh_token
    )
