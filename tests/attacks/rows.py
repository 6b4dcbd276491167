"""The threats, and what it means that a test proves a defence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threat:
    """One row. `elsewhere` are tests outside of this package, most of them in a real browser.

    `missing` says what has no attack yet, and why.
    """

    row: int
    words: str
    elsewhere: tuple[str, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Edit:
    """One replacement in a file; `old` must be there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Defence:
    """One protection of a row, how it is taken away, and the test that then fails."""

    row: int
    words: str
    test: str
    edits: tuple[Edit, ...]


def defence(row: int, words: str, test: str, *edits: tuple[str, str, str]) -> Defence:
    """Return a defence. `test` is a module of this package, two colons and the test's name."""
    return Defence(row, words, f"tests/attacks/{test}", tuple(Edit(*edit) for edit in edits))


BROWSER = "tests/browser"
THREATS = (
    Threat(
        1,
        "Somebody sends the link of a flow they began to another person, who approves: the "
        "attacker's connection then holds the victim's account (session fixation by link).",
        (f"{BROWSER}/test_attacks.py",),
    ),
    Threat(
        2,
        "A hostile page submits the start form by itself in the victim's browser, with the "
        "attacker's handle (session fixation by drive-by).",
        (f"{BROWSER}/test_attacks.py",),
    ),
    Threat(
        3,
        "A hostile provider sends the victim on to an honest one with the flow's state, and waits "
        "for the honest code at its own token endpoint (cross-app account takeover).",
    ),
    Threat(
        4,
        "The provider is taken from the redirect URL alone, so that the attacker's code for one "
        "provider lands in the victim's flow for another (cross-app request forgery).",
    ),
    Threat(
        5,
        "A server at a host that a person chose plays the authorization server of a shared "
        "credential, or the client is changed while an answer is under way.",
    ),
    Threat(
        6,
        "A state is guessed, replayed, raced or carried to another browser; a callback is forged.",
    ),
    Threat(
        7, "A stolen code is put into the thief's own flow, where nothing proves who asked for it."
    ),
    Threat(
        8,
        "A provider or host page that isolates itself cuts the opener, and the result is lost.",
        (f"{BROWSER}/test_embedding.py",),
    ),
    Threat(
        9,
        "A redirect after the start form falls under form-action, so that the policy is dropped.",
        (f"{BROWSER}/test_embedding.py",),
    ),
    Threat(10, "A return address or `next` parameter sends people to a hostile site."),
    Threat(
        11, "Repeated, conflicting and oversized callback parameters, odd methods, prefetching."
    ),
    Threat(
        12, "The host around a stored secret is changed, and the secret is sent to the new one."
    ),
    Threat(
        13,
        "A provider's host is or resolves to an address inside: loopback, metadata, private, "
        "wrapped in IPv6, mixed with good ones, or another at the second look-up.",
    ),
    Threat(14, "A provider answers with a redirect that would take code and secret elsewhere."),
    Threat(15, "A provider answers one byte at a time and holds the workers."),
    Threat(16, "A provider's answer is huge, compressed, deep, endless or malformed."),
    Threat(17, "Format strings in settings or provider files are evaluated."),
    Threat(18, "A writer to the database copies a ciphertext to another row, column or time."),
    Threat(19, "Keys are lost, wrong, or derived from one another; plain text is in the database."),
    Threat(20, "Many workers renew one rotating token at once, and the provider ends all of them."),
    Threat(
        21, "An error of the provider is misread, and good tokens are dropped or renewed forever."
    ),
    Threat(22, "Forged, confused and loose user tokens."),
    Threat(23, "A user token or handle is stolen from an address or a log, or lives too long."),
    Threat(24, "A key set's address leads inside, is slow, huge, or asked for without end."),
    Threat(
        25,
        "The handle of an embedded page is copied to another browser.",
        missing="Not built: a second binding by a partitioned cookie. Row 23: what a handle opens.",
    ),
    Threat(26, "Ids of other people and other vendors, in every operation and page."),
    Threat(27, "Fields that nobody offered are set by sending them."),
    Threat(28, "Another site frames our pages.", (f"{BROWSER}/test_attacks.py",)),
    Threat(
        29,
        "Forged messages between windows, or messages to just anybody.",
        (f"{BROWSER}/test_sdk_hostile.py",),
    ),
    Threat(30, "Forms of ours are posted by other sites."),
    Threat(
        31,
        "Codes, states and tokens are in logs, the history or the Referer.",
        (f"{BROWSER}/test_leaks.py",),
    ),
    Threat(32, "Secrets are in exceptions, error pages and records of failures."),
    Threat(33, "A saved secret is shown again by some page, answer or form."),
    Threat(34, "Scripts in names, errors and accounts.", (f"{BROWSER}/test_attacks.py",)),
    Threat(35, "Another account with the same email address takes a connection over."),
    Threat(36, "A Host header decides which redirect URL people paste into their app."),
    Threat(37, "Pages of other origins read the API's answers."),
    Threat(
        38,
        "The SDK is replaced on its way to the page.",
        missing="Not built: publishing on npm with provenance. The portal serves the SDK itself.",
    ),
    Threat(39, "Windows are reused or steered by others.", (f"{BROWSER}/test_sdk_hostile.py",)),
    Threat(40, "A person does not see for whom they connect."),
    Threat(41, "The provider grants less or more than was asked for."),
    Threat(42, "Flooding and guessing; a forged X-Forwarded-For makes everybody somebody new."),
    Threat(43, "The admin is taken over: guessed passwords, stolen or forged sessions."),
    Threat(44, "The audit log is edited, cut or reordered, or has gaps."),
    Threat(45, "A grant stays alive at the provider after the person disconnected."),
    Threat(46, "Revoking one connection ends another that shares the grant."),
    Threat(47, "A stolen API key reads every token."),
    Threat(48, "Caches keep what only one person may see."),
    Threat(49, "A discovery document lies about its issuer or endpoints."),
    Threat(
        50,
        "A hostile server has a client assertion made out to an honest one.",
        missing="Not built: clients prove themselves by secret only, so nothing is signed.",
    ),
    Threat(51, "Answers tell unknown projects, keys and signatures apart."),
    Threat(
        52,
        "Webhook events are forged, replayed or sent inside.",
        ("tests/integrations/test_webhooks.py",),
        "No attack on the running server yet: they are attacked in the process of the tests.",
    ),
    Threat(53, "A disconnection or edit races with a renewal, and tokens come back to life."),
    Threat(54, "Bodies and forms that are too large, too many or never end."),
    Threat(
        55,
        "Dependencies with known holes.",
        missing="No attack: requirements.lock pins versions and hashes, and a build reports holes.",
    ),
    Threat(
        56,
        "A member changes, reads or takes along the app of a whole organization, or gets around "
        "what the vendor settled for it.",
    ),
    Threat(
        57,
        "A link with which a colleague enters an app is used again, late, by somebody else or for "
        "more than that.",
    ),
)
