"""What the person decided, and the grant that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakeas import accounts, callback
from tests.fakeas.accounts import Account
from tests.fakeas.errors import ProviderPage, Reason, Refused
from tests.fakeas.messages import Response
from tests.fakeas.store import Authorization
from tests.fakeas.world import Context


@dataclass(frozen=True)
class Decision:
    """What was chosen on the consent page."""

    email: str
    scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]

    @classmethod
    def everything(cls, authorization: Authorization, email: str = "") -> Decision:
        """Allow all that was asked for, as alice unless told otherwise."""
        return cls(
            email or accounts.ACCOUNTS[0].email, authorization.scopes, authorization.user_scopes
        )


def decide(ctx: Context) -> Response:
    """Take the form of the consent page, once."""
    form = ctx.request.form()
    authorization = ctx.store.take_authorization(form.get("ticket"))
    if authorization is None or authorization.profile != ctx.profile.slug:
        text = "This page was answered already or waited too long. Start again from the app."
        raise ProviderPage(Reason.BAD_REQUEST, title="This page is out of date", text=text)
    if form.get("decision") != "allow":
        return _deny(ctx, authorization)
    chosen = Decision(form.get("account"), form.all("scope"), form.all("user_scope"))
    return allow(ctx, authorization, chosen)


def allow(ctx: Context, authorization: Authorization, decision: Decision) -> Response:
    """Record the grant and send the person back with a code (RFC 6749 section 4.1.2)."""
    account = accounts.find(decision.email)
    if account is None:
        raise ProviderPage(Reason.BAD_REQUEST, title="Choose an account", text="Go back.")
    scopes = _granted(ctx, authorization, decision.scopes)
    user_scopes = tuple(each for each in authorization.user_scopes if each in decision.user_scopes)
    nothing = not scopes and not user_scopes
    if ctx.mode("deny", authorization.client) or nothing:
        return _deny(ctx, authorization)
    grant = ctx.store.add_grant(
        authorization,
        _account(ctx, authorization, account),
        scopes=scopes,
        user_scopes=user_scopes,
        offline=ctx.profile.offline(authorization.params, authorization.client, scopes),
    )
    prefix = ctx.mode("code_prefix", authorization.client) or ""
    return callback.success(ctx, grant, ctx.store.add_code(grant, prefix=prefix))


def _deny(ctx: Context, asked: Authorization) -> Response:
    target = callback.Target(asked.client, asked.redirect_uri, asked.params)
    return callback.refusal(ctx, target, Refused(Reason.DENIED), status=303)


def _granted(
    ctx: Context, authorization: Authorization, ticked: tuple[str, ...]
) -> tuple[str, ...]:
    asked = authorization.scopes
    granted = tuple(scope for scope in asked if scope in ticked)
    partial = ctx.mode("partial_scopes", authorization.client)
    if isinstance(partial, list):
        granted = tuple(scope for scope in asked if scope in partial)
    elif partial is not None:
        granted = asked[: int(partial)]
    return granted + tuple(ctx.mode("extra_scopes", authorization.client) or ())


def _account(ctx: Context, authorization: Authorization, account: Account) -> Account:
    if ctx.mode("other_account", authorization.client):
        return account.twin(ctx.store.number())
    return account
