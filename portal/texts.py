"""What people read when something goes wrong: what happened, why if known, the one next step."""

from __future__ import annotations

from dataclasses import dataclass

START_AGAIN = "Go back to the page you came from and press Connect again."
TRY_AGAIN = "Your details are saved. Try again."

# code: (title, text, action). {provider} and {vendor} are filled in.
TEXTS: dict[str, tuple[str, str, str]] = {
    "access_denied": (
        "Access was not approved",
        "{provider} told us that access was declined, so nothing was connected.",
        "Try again and approve, or cancel.",
    ),
    "account_mismatch": (
        "That was a different account",
        "You signed in to another {provider} account than the one this connection uses. "
        "The connection was left as it was.",
        "Try again with the account shown on the connection.",
    ),
    "account_type_not_allowed": (
        "This way of connecting is not offered",
        "{vendor} has not switched on this account type here.",
        "Ask {vendor} to offer it.",
    ),
    "account_type_unknown": (
        "This way of connecting does not exist",
        "The page asked for an account type that we do not know.",
        "Ask {vendor} to check the account type in its Connect call.",
    ),
    "bad_request": (
        "This request could not be read",
        "Its form or its parameters are not what this address takes.",
        "Compare it with the API's documentation.",
    ),
    "client_rejected": (
        "{provider} no longer accepts the app's ID and secret",
        "One of them was changed or has expired. The connection is kept.",
        "Correct them and reconnect.",
    ),
    "code_refused": (
        "{provider} did not accept the approval",
        "It may have taken too long to come back. Nothing was connected.",
        TRY_AGAIN,
    ),
    "connection_disconnected": (
        "This connection was disconnected",
        "Its tokens were erased, so there is none to hand out.",
        "Ask the person to connect again.",
    ),
    "connection_not_found": (
        "This connection is not here",
        "It was disconnected, or it belongs to somebody else.",
        START_AGAIN,
    ),
    "consent_timeout": (
        "This was left open too long",
        "The approval at {provider} did not come back in time.",
        TRY_AGAIN,
    ),
    "external_id_taken": (
        "This external id is in use",
        "{vendor} asked for a connection under an external id that another one already has.",
        "Ask {vendor} to use another external id.",
    ),
    "flow_closed": (
        "This step is finished",
        "The connection was completed or cancelled already.",
        START_AGAIN,
    ),
    "flow_not_found": ("This step is not here", "It belongs to another visit.", START_AGAIN),
    "forbidden": (
        "This is not permitted",
        "The project's settings or your rights do not allow it.",
        "Ask {vendor} to allow it.",
    ),
    "identity_unavailable": (
        "{provider} did not say whose account that was",
        "We renew a connection only for the account it belongs to. It was left as it was.",
        "Wait a minute and try again.",
    ),
    "integration_not_found": (
        "This integration is not offered",
        "{vendor} has not switched it on.",
        "Ask {vendor} to enable it.",
    ),
    "integrity_error": (
        "A stored secret cannot be trusted",
        "It was changed outside of this service, or the encryption keys do not fit.",
        "Tell the people who run this service, with the reference below.",
    ),
    "interrupted": (
        "Something interrupted the connection",
        "We stopped while {provider} was answering. Nothing was connected.",
        TRY_AGAIN,
    ),
    "invalid_client": (
        "{provider} did not accept the app's ID and secret",
        "Either one of them is wrong or they belong to two different apps.",
        "Check both, then enter the secret again.",
    ),
    "invalid_scope": (
        "{provider} did not accept a permission",
        "A permission is misspelled, or your app at {provider} does not have it.",
        "Add it to your app at {provider}, or remove it here.",
    ),
    "issuer_mismatch": (
        "The answer came from somewhere else",
        "It did not carry {provider}'s own name, so it was not used.",
        START_AGAIN,
    ),
    "issuer_missing": (
        "The answer was incomplete",
        "{provider} always names itself in its answer, and this one did not, so it was not used.",
        START_AGAIN,
    ),
    "method_not_allowed": (
        "This address does not take that method",
        "The header Allow names the ones it takes.",
        "Use one of them.",
    ),
    "mixup_blocked": (
        "This answer belongs to another app",
        "It arrived at an address of a different app, so it was not used.",
        START_AGAIN,
    ),
    "needs_reauth": (
        "{provider} no longer accepts this connection",
        "The permission was withdrawn or has expired.",
        "Choose Reconnect.",
    ),
    "not_found": (
        "There is nothing here",
        "The address is misspelled, or what it names belongs to somebody else.",
        "Check the address.",
    ),
    "options_missing": (
        "Some details are missing",
        "We need the details of your app before we can go to {provider}.",
        "Fill in the form.",
    ),
    "origin_not_allowed": (
        "This page may not open the portal",
        "Its address is not registered for this project.",
        "Ask the vendor's developers to add the origin to the project.",
    ),
    "project_not_found": (
        "This portal does not exist",
        "The address names no active project.",
        START_AGAIN,
    ),
    "provider_address_refused": (
        "We may not call this address",
        "{provider} leads to an address that is not on the public internet.",
        "Check the address in the form.",
    ),
    "provider_bad_response": (
        "{provider} sent an answer we cannot read",
        "Nothing was connected and nothing was lost.",
        "Try again. If it happens again, tell {vendor}.",
    ),
    "provider_busy": (
        "{provider} is busy",
        "Too many connections are being made there at this moment.",
        "Wait a minute and try again.",
    ),
    "provider_error": (
        "{provider} refused the request",
        "It did not say why in a way that we may show.",
        "Check your app's settings at {provider}, then try again.",
    ),
    "provider_redirect": (
        "{provider} pointed us to another address",
        "We never send a secret on to an address that is not in the catalog.",
        "Check the address in the form, then try again.",
    ),
    "provider_timeout": (
        "{provider} took too long to answer",
        "Nothing was connected and nothing was lost.",
        TRY_AGAIN,
    ),
    "provider_unreachable": (
        "{provider} is not answering",
        "Nothing was connected and nothing was lost.",
        "Wait a minute and try again.",
    ),
    "redirect_uri_mismatch": (
        "{provider} does not know our redirect URL",
        "The redirect URL is missing in your app, or differs in a character.",
        "Copy it into your app exactly as shown, then try again.",
    ),
    "refresh_in_progress": (
        "The token is being renewed",
        "Another request started that a moment ago and has not finished.",
        "Wait a second and try again.",
    ),
    "return_url_not_allowed": (
        "This return address is not registered",
        "The page asked to return to an address that the project does not list.",
        "Ask the vendor's developers to add the return URL to the project.",
    ),
    "rotation_lost": (
        "The connection to {provider} was lost",
        "A renewal was interrupted, and {provider} gives each of them only once.",
        "Choose Reconnect.",
    ),
    "scope_not_allowed": (
        "A permission is no longer offered",
        "{vendor} changed which permissions may be asked for.",
        "Go back, choose the permissions again and continue.",
    ),
    "session_binding_failed": (
        "This was opened in another browser",
        "The approval must come back to the browser it was started in. Nothing was connected.",
        START_AGAIN,
    ),
    "session_expired": (
        "This page was open too long",
        "For your safety it has ended. What you typed is kept, apart from the secret.",
        "Close it and press Connect again.",
    ),
    "session_invalid": (
        "This page is out of date",
        "It does not belong to a current visit.",
        "Close it and press Connect again.",
    ),
    "settings_changed": (
        "The app's details were changed meanwhile",
        "They are not the ones this approval was started with, so it was not used.",
        TRY_AGAIN,
    ),
    "state_unknown": (
        "This link has ended",
        "It is too old, was used already, or belongs to nobody.",
        START_AGAIN,
    ),
    "start_refused": (
        "This page may not be opened from there",
        "Connecting starts with a button of the portal, never with a link.",
        START_AGAIN,
    ),
    "unauthorized": (
        "This call carries no valid credentials",
        "They are missing, were revoked, or are of another kind.",
        "Send a live API key, or a fresh user token, in the header Authorization.",
    ),
    "user_token_expired": (
        "The sign-in from {vendor} has expired",
        "The page was given a token whose time is over.",
        "Reload the page and press Connect again.",
    ),
    "user_token_invalid": (
        "The sign-in from {vendor} was not accepted",
        "The page was given a token that this project's keys do not vouch for.",
        "Tell {vendor}: the token's key, issuer, audience or lifetime is wrong.",
    ),
    "user_token_not_yet_valid": (
        "The sign-in from {vendor} is not valid yet",
        "The clocks of the two servers differ.",
        "Tell {vendor} to check its server's clock.",
    ),
    "validation_failed": (
        "Something in the request is not right",
        "Each entry of errors names a field and what is wrong with it.",
        "Correct these fields and send it again.",
    ),
    "vendor_client_missing": (
        "{vendor}'s app is not set up yet",
        "{vendor} offers its own app for {provider} but has not entered it.",
        "Use your own app, or ask {vendor}.",
    ),
}
FALLBACK = (
    "Something failed on our side",
    "Nothing was connected and nothing was lost.",
    "Try again. If it happens again, give {vendor} the reference below.",
)


@dataclass(frozen=True)
class Notice:
    """Something that went wrong or happened: what, why, and the one next step."""

    code: str
    title: str
    text: str
    action: str = ""


def notice(code: str, *, provider: str = "The provider", vendor: str = "the vendor") -> Notice:
    """Return what to say about this code."""
    names = {"{provider}": provider, "{vendor}": vendor}
    title, text, action = (_filled(part, names) for part in TEXTS.get(code, FALLBACK))
    return Notice(code=code, title=title, text=text, action=action)


def _filled(text: str, names: dict[str, str]) -> str:
    for mark, name in names.items():
        text = text.replace(mark, name)
    return text[:1].upper() + text[1:]
