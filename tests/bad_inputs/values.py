"""What is typed, at which field, and what must come of it. The same for every door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.bad_inputs.doors import FIELDS, Door

ID, SECRET, SCOPES, HOME = ("client_id",), ("client_secret",), ("scopes",), ("subdomain",)
NAME = ("name",)
UNUSABLE = re.compile("[\x00\ud800-\udfff]")
FORMS = (Door.FORM, Door.SECRET_PAGE, Door.ADMIN_CLIENT)
THOROUGH = Door.USER_API


@dataclass(frozen=True)
class Value:
    """One text. It is refused with `code`, or accepted and stored as `kept`."""

    row: int
    field: str
    text: str
    code: str = ""
    kept: str = ""

    @property
    def unusable(self) -> bool:
        """Whether no database could keep it, so that a JSON body is not read at all."""
        return bool(UNUSABLE.search(self.text))


def refused(row: int, code: str, fields: Iterable[str], *texts: str) -> Iterator[Value]:
    """Yield texts that are refused at these fields."""
    return (Value(row, field, text, code) for field in fields for text in texts)


def kept(row: int, fields: Iterable[str], *texts: str) -> Iterator[Value]:
    """Yield texts that are stored as they are."""
    return (Value(row, field, text, kept=text) for field in fields for text in texts)


def read(row: int, fields: Iterable[str], stored: str, *texts: str) -> Iterator[Value]:
    """Yield texts that are all stored as one."""
    return (Value(row, field, text, kept=stored) for field in fields for text in texts)


JSON_FILE = json.dumps({"web": {"client_id": "1-a.apps.example", "client_secret": "in-the-file"}})
CONTROL = ("a\tb", "a\x07b", "\x1b[31mred", "a\x7fb", "a\x85b")
HIDDEN = {
    12: ("app\u202egnp", "app\u2066x\u2069", "app\u061cx"),
    13: ("ap\u200bp", "ap\u2060p", "ap\ufeffp", "ap\u00adp", "ap\u2028p"),
}
MANY = " ".join(f"s{number}" for number in range(101))
LONG_LIST = " ".join(f"{number}{'a' * 509}" for number in range(9))
VALUES: tuple[Value, ...] = (
    *refused(1, "required", (*ID, *SECRET, *HOME), "", "   ", "\u00a0\ufeff\u200b"),
    *read(2, (*ID, *SECRET, *HOME), "abc", "  abc\n", "\u00a0abc\ufeff", "\u200babc\u2060"),
    *refused(3, "inner_space", ID, "ab cd"),
    *refused(3, "invalid", HOME, "ac me"),
    *kept(3, SECRET, "two  words"),
    *refused(4, "control_character", (*ID, *SECRET, *HOME), "a\r\nX-Evil: 1", "a\nb"),
    *read(4, SCOPES, "a X-Evil: 1", "a\r\nX-Evil: 1"),
    *refused(5, "control_character", (*ID, *SECRET, *HOME), *CONTROL),
    *refused(5, "control_character", SCOPES, "a\x07b", "a\x1fb"),
    *refused(6, "control_character", (*ID, *SECRET, *HOME, *SCOPES), "a\x00b"),
    *kept(6, (*ID, *SECRET), "a%00b"),
    *refused(7, "hidden_character", (*ID, *SECRET, *HOME), "a\ud800b"),
    *refused(7, "not_ascii", SCOPES, "a\ud800b"),
    *kept(8, ID, "a" * 512),
    *refused(8, "too_long", ID, "a" * 513),
    *kept(8, SECRET, "s" * 4096),
    *refused(8, "too_long", SECRET, "s" * 4097),
    *refused(10, "not_ascii", (*ID, *SECRET), "app-\U0001f600", "app-ü", "\u0430pp"),
    *refused(10, "not_ascii", SCOPES, "mail.übung", "m\u0430il"),
    *refused(11, "not_ascii", (*ID, *SECRET, *HOME), "\uff41\uff42\uff43"),
    *(
        value
        for row, texts in HIDDEN.items()
        for value in (
            *refused(row, "hidden_character", (*ID, *SECRET, *HOME), *texts),
            *refused(row, "not_ascii", SCOPES, *texts),
        )
    ),
    *refused(12, "invalid", NAME, "a\u202eb"),
    *refused(13, "invalid", NAME, "a\u200bb"),
    *kept(14, (*ID, *SCOPES), "<script>alert(1)</script>"),
    *kept(14, NAME, '"><img src=x onerror=alert(1)>'),
    *refused(14, "bad_scope", SCOPES, '"><img/onerror=alert(1)>'),
    *refused(14, "invalid", HOME, "<script>"),
    *refused(15, "invalid", HOME, "javascript:alert(1)", "data:text/html,x", "vbscript:x"),
    *kept(16, (*ID, *SECRET, *SCOPES), "{{7*7}}", "${7*7}", "{0.__class__}", "%(x)s", "%s%n"),
    *refused(16, "inner_space", ID, "{% debug %}"),
    *refused(16, "invalid", HOME, "{{7*7}}", "{subdomain}", "${7*7}"),
    *kept(17, (*ID, *SCOPES), "x'OR'1'='1--"),
    *kept(17, SECRET, "' OR 1=1--", "'; DROP TABLE x"),
    *refused(17, "invalid", HOME, "' OR 1=1--"),
    *kept(18, (*ID, *NAME), "=HYPERLINK(1)", "+1", "@x"),
    *refused(19, "mask", SECRET, "••••••••", "********", "●●●●●●", "••••••••4f2a"),
    *refused(
        20, "looks_like_secret", ID, "GOCSPX-canary", ' "xoxb-1-canary" ', "gl\u200bpat-canary"
    ),
    *refused(20, "looks_like_secret", ID, f"secret_{'a1' * 20}"),
    *kept(20, ID, "secret_santa", "pat-and-mat"),
    *kept(21, SECRET, "%+&=:/#", "a&client_secret=b", "%+&=:/#\"'\\<>{}|^`~ ,;@!$*()[]?."),
    *refused(22, "looks_like_json", (*ID, *SECRET), JSON_FILE, '{\n  "installed": {}\n}'),
    *refused(23, "quotes", ID, '"abc"', "\u201cabc\u201d", "abc'"),
    *read(27, SCOPES, "a b", "a a b", "a b a b"),
    *refused(28, "too_many", SCOPES, MANY),
    *refused(28, "too_long", SCOPES, LONG_LIST, "a" * 513),
    *read(29, SCOPES, "b a", "b,a", "b, a ,", "b\r\na\n", "\tb\ta", "b\u00a0a"),
    *refused(30, "bad_scope", SCOPES, 'good ba"d', "good ba\\d"),
    *refused(30, "not_ascii", SCOPES, "good b€d"),
    *kept(31, SCOPES, "&redirect_uri=https://evil.example", "%26state%3Dx", "a#b?c=d"),
    *read(34, HOME, "acme", "Acme", "ACME"),
    *read(35, HOME, "acme", "acme.zendesk.com", "https://Acme.zendesk.com/agent?x=1#y"),
    *refused(35, "invalid", HOME, "https://acme.evil.com/agent", "acme.zendesk.com.evil.com"),
    *refused(35, "invalid", HOME, "evilzendesk.com", ".zendesk.com", "https://acme"),
    *refused(36, "invalid", HOME, "evil.com#", "evil.com/", "evil.com?", "127.0.0.1:80#"),
    *refused(36, "invalid", HOME, "evil.com#.zendesk.com", "https://evil.com/acme.zendesk.com"),
    *refused(37, "invalid", HOME, "a@evil.com", "a:b@c", "acme.zendesk.com@evil.com"),
    *refused(38, "invalid", HOME, "a\\@evil.com", "a%2f..", "%2e%2e", "evil.com\\.zendesk.com"),
    *refused(39, "invalid", HOME, "..", ".", "a..b", "a.b", "acme.", "a.b.zendesk.com"),
    *kept(40, HOME, "a" * 63, "7", "a-1--b"),
    *refused(40, "invalid", HOME, "-a", "a-", "a_b", "a" * 64),
    *refused(41, "invalid", HOME, "xn--80ak6aa92e", "https://XN--80ak6aa92e.zendesk.com"),
    *refused(41, "not_ascii", HOME, "\u0430\u0440\u0440", "\u24d4vil", "a\u3002com"),
    *read(42, HOME, "acme", "acme\n", "acme\r\n"),
    *refused(42, "control_character", HOME, "ac\nme", "ac\tme", "https://ac\tme.zendesk.com"),
    *refused(43, "reserved", HOME, "www", "Support", "https://www.zendesk.com/login"),
    *refused(43, "invalid", HOME, "localhost:8000"),
)


def values_at(door: Door) -> dict[int, list[Value]]:
    """Return the texts that are brought to a door, by row.

    All doors share one set of rules. So all texts go through one of them, and of each kind one
    through every other, which shows that it has the rules too.
    """
    rows: dict[int, list[Value]] = {}
    seen = set()
    for value in VALUES:
        kind = (value.row, value.field, value.code)
        # A form has no way to write half of a surrogate pair but as bytes that are no UTF-8.
        written = door not in FORMS or "\ud800" not in value.text
        if value.field in FIELDS[door] and written and (door is THOROUGH or kind not in seen):
            rows.setdefault(value.row, []).append(value)
            seen.add(kind)
    return rows
