"""Write docs/errors.md from the words people read: `python -m tests.errors_table`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.fakeas import magic

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "errors.md"
# What each magic client id of the demo ends in; the provider shows a page of its own for "".
MAGIC = {
    "fake_wrong_secret": "invalid_client",
    "fake_redirect_mismatch": "",
    "fake_unknown_client": "",
    "fake_denied": "access_denied",
    "fake_partial": "",
    "fake_admin_approval": "",
    "fake_slow": "",
    "fake_no_refresh": "",
    "fake_expires_1m": "",
    "fake_other_account": "account_mismatch",
    "fake_server_error": "provider_unreachable",
    "fake_html": "provider_bad_response",
    "fake_invalid_scope": "invalid_scope",
}
HEAD = """# Errors

Every refusal has one code, everywhere: on pages, in the API's problem documents, in the SDK's
`ConnectError`, in webhooks and in the audit log. This table is made by
`python -m tests.errors_table` from [portal/texts.toml](../portal/texts.toml), which holds the
English words; the SDK's type of codes is made from it too, and so is what translators get.
`{provider}` and `{vendor}` are filled in.

The demo's provider has a client id for each way a connection can fail at the provider: enter it as
the Client ID, with the secret `fake-secret`.

| Code | What people read | Next step | To try it |
|---|---|---|---|
"""


def document() -> str:
    """Return the page."""
    words = tomllib.loads((ROOT / "portal" / "texts.toml").read_text(encoding="utf-8"))
    tries = {code: name for name, code in MAGIC.items() if code}
    rows = (
        f"| `{code}` | **{text['title']}.** {text['text']} | {text['action']} | "
        f"{f'`{tries[code]}`' if code in tries else ''} |"
        for code, text in sorted(words.items())
    )
    pages = (
        f"| `{name}` | {magic.CLIENTS[name].text} |" for name, code in MAGIC.items() if not code
    )
    rest = "\n## Client ids without an error of ours\n\n| Client id | What happens |\n|---|---|\n"
    return HEAD + "\n".join(rows) + "\n" + rest + "\n".join(pages) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
