"""The rows of docs/security/bad-inputs.md, and why a row does not go through some doors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bad_inputs.doors import FIELDS, JSON_DOORS, Door
from tests.bad_inputs.urls import urls_at
from tests.bad_inputs.values import values_at

PAGES, INTEGRATIONS = "tests/portal/pages", "tests/integrations"
BODIES = f"{PAGES}/test_bad_bodies.py"
SCOPES = f"{PAGES}/test_bad_scopes.py"
GOOD = f"{PAGES}/test_good_inputs.py"
OUTBOUND = f"{INTEGRATIONS}/oauth/test_outbound_addresses.py"
JSON = "tests/bad_inputs/test_json_bodies.py"
HERE = "tests/bad_inputs"
NO_ESCAPES = "bytes that are no UTF-8 become U+FFFD, as at the own-client form"
READ_BY_OPERATORS = "written by whoever runs the portal; checked again at each call"
NO_OAUTH = "nothing of OAuth is sent to a receiver, so its query is its own"
ITS_OWN = "takes scopes as they were granted elsewhere"


@dataclass(frozen=True)
class Row:
    """One kind of input: what it is, what comes of it, and tests besides those of the table."""

    number: int
    words: str
    outcome: str
    fields: tuple[str, ...]
    tests: Mapping[Door, str] = field(default_factory=dict)
    reasons: Mapping[Door, str] = field(default_factory=dict)

    def doors(self) -> dict[Door, str]:
        """Return each door that this row goes through, with the test that brings it there."""
        ours = {
            door: f"{HERE}/{MODULES[door]}"
            for door in MODULES
            if self.number in values_at(door) or self.number in urls_at(door)
        }
        return {door: {**ours, **self.tests}[door] for door in Door if door in {*ours, *self.tests}}

    def reason(self, door: Door) -> str:
        """Return why this row does not go through a door."""
        apt = FIELDS[door] & set(self.fields)
        return self.reasons.get(door, "" if apt else "has no such field")


MODULES = {
    Door.FORM: "test_form.py",
    Door.SECRET_PAGE: "test_secrets.py",
    Door.USER_API: "test_user_api.py",
    Door.USER_SECRET: "test_secrets.py",
    Door.VENDOR_SECRET: "test_secrets.py",
    Door.IMPORT: "test_import.py",
    Door.ADMIN_CLIENT: "test_admin.py",
    Door.KEY_SET: "test_admin.py",
    Door.WEBHOOK: "test_admin.py",
    Door.CATALOG: "test_admin.py",
}
APP, TEXT = ("client_id", "client_secret"), ("client_id", "client_secret", "subdomain")
ALL, URL, HOME, BODY = (*TEXT, "scopes"), ("url",), ("subdomain",), ("body",)


def json_tests(name: str) -> dict[Door, str]:
    """Return the test of that name for every operation."""
    return dict.fromkeys(JSON_DOORS, f"{JSON}::{name}")


ROWS: tuple[Row, ...] = (
    Row(1, "nothing, or only blanks", "required", TEXT),
    Row(2, "blanks, no-break spaces or a byte order mark around it", "removed, and said", TEXT),
    Row(3, "a space inside", "refused; kept in a secret", TEXT),
    Row(4, "a line break and a header", "refused; a separator of scopes", (*ALL, "url")),
    Row(5, "control characters", "refused", ALL),
    Row(6, "NUL, and %00", "NUL refused, %00 is text", (*ALL, "url")),
    Row(
        7, "half of a surrogate pair", "refused", ALL,
        {Door.FORM: f"{BODIES}::test_odd_bytes_are_refused_at_their_field"},
        dict.fromkeys((Door.SECRET_PAGE, Door.ADMIN_CLIENT), NO_ESCAPES),
    ),
    Row(8, "the greatest length, and one more", "kept, refused", APP),
    Row(
        9, "a megabyte", "refused before it is checked", ALL,
        {
            Door.FORM: f"{BODIES}::test_row09_a_megabyte_is_refused_unread",
            **json_tests("test_row09_a_megabyte_is_refused"),
        },
        dict.fromkeys((Door.SECRET_PAGE, Door.ADMIN_CLIENT), "one limit for all form bodies"),
    ),
    Row(10, "emoji, umlauts, Cyrillic look-alikes", "refused with its number", (*APP, "scopes")),
    Row(11, "full-width letters", "refused, never folded", (*TEXT, "url")),
    Row(12, "right-to-left overrides and isolates", "refused", (*ALL, "name")),
    Row(13, "zero-width characters inside", "refused", (*ALL, "name")),
    Row(
        14, "markup", "text, escaped; refused where a quotation mark cannot be",
        ("client_id", "subdomain", "scopes", "name"),
    ),
    Row(15, "javascript:, data:, vbscript:", "refused", ("subdomain", "url")),
    Row(16, "template and format strings", "text, never evaluated", ALL),
    Row(17, "SQL", "text", ALL),
    Row(18, "spreadsheet formulas", "text", ("client_id", "name")),
    Row(19, "a mask in place of the secret", "refused", ("client_secret",)),
    Row(20, "a secret in the place of the client id", "refused, kept nowhere", ("client_id",)),
    Row(
        21, "a secret with % + & = : / #", "arrives byte for byte, in header and body",
        ("client_secret",),
        {Door.FORM: f"{GOOD}::test_a_secret_arrives_byte_for_byte"},
    ),
    Row(22, "a whole credentials file", "refused with a hint", APP),
    Row(23, "quotation marks around it", "refused with a hint", ("client_id",)),
    Row(24, "unknown names in JSON", "refused", BODY,
        json_tests("test_row24_names_that_it_does_not_know_are_refused")),
    Row(25, "numbers, null, lists, objects", "refused", BODY,
        json_tests("test_row25_values_of_another_kind_are_refused")),
    Row(26, "the same name twice in JSON", "refused", BODY,
        json_tests("test_row26_a_name_that_is_there_twice_is_refused")),
    Row(27, "a scope twice", "kept once, in order", ("scopes",)),
    Row(28, "101 scopes, 4,097 characters, a token of 513", "refused", ("scopes",)),
    Row(29, "commas, tabs, line ends between scopes", "separators", ("scopes",)),
    Row(30, "quotation marks, backslashes, non-ASCII in a scope", "refused, named", ("scopes",)),
    Row(31, "another parameter inside a scope", "text in the one parameter", ("scopes",)),
    Row(
        32, "a required scope removed, or none left", "put back; refused", ("scopes",),
        {
            Door.FORM: f"{SCOPES}::test_row32_a_required_permission_cannot_be_removed",
            Door.USER_API: "tests/bad_inputs/test_scopes_api.py"
            "::test_row32_a_required_permission_cannot_be_removed",
        },
        {Door.IMPORT: ITS_OWN},
    ),
    Row(
        33, "lasting access removed", "kept, with a warning", ("scopes",),
        {
            Door.FORM: f"{SCOPES}::test_row33_removing_lasting_access_is_warned_of",
            Door.USER_API: "tests/bad_inputs/test_scopes_api.py"
            "::test_row33_removing_lasting_access_is_warned_of",
        },
        {Door.IMPORT: ITS_OWN},
    ),
    Row(34, "capitals in a subdomain", "lower case, shown", HOME),
    Row(35, "a whole address pasted", "the provider's own is read, others refused", HOME),
    Row(36, "#, /, ? or a port after another host", "refused", HOME),
    Row(37, "a user name before the host", "refused", HOME),
    Row(38, "backslashes and encoded slashes", "refused", HOME),
    Row(39, "dots", "refused: one label only", HOME),
    Row(40, "hyphens at an end, underscores, 64 characters", "refused; 63 are kept", HOME),
    Row(41, "Punycode and other alphabets", "refused", HOME),
    Row(42, "line ends and tabs", "removed at the end, refused inside", HOME),
    Row(43, "names the provider uses itself", "refused", HOME),
    Row(44, "another scheme, or a broken one", "refused", URL),
    Row(45, "a user name in the address", "refused", URL),
    Row(46, "ports", "443 is dropped, others refused; a provider file has none", URL),
    Row(47, "addresses of IPv4 and IPv6 in every notation", "refused", URL,
        reasons={Door.CATALOG: READ_BY_OPERATORS}),
    Row(
        48, "a name that leads inside, or leads elsewhere later", "refused at each call", URL,
        {
            Door.KEY_SET: f"{OUTBOUND}::test_a_name_of_an_inner_address_is_refused",
            Door.WEBHOOK: f"{OUTBOUND}::test_one_inner_address_spoils_all_of_an_answer",
            Door.CATALOG: f"{OUTBOUND}"
            "::test_a_name_that_changes_its_address_gets_the_one_that_was_checked",
        },
    ),
    Row(49, "dots, empty parts, semicolons, fragments, 2,049 characters", "refused", URL),
    Row(50, "parameters of OAuth in the query", "refused", URL, reasons={Door.WEBHOOK: NO_OAUTH}),
    Row(
        51, "a redirect URL that is sent along", "ignored by forms, refused by the API",
        ("form", *BODY),
        {
            Door.FORM: f"{BODIES}::test_row51_a_redirect_url_is_never_read",
            **json_tests("test_row51_a_redirect_url_is_refused"),
        },
        {Door.SECRET_PAGE: "reads three fields by name and nothing else"},
    ),
    Row(
        52, "files, names of a language, 10,000 fields", "refused; names are only names",
        ("form",),
        {Door.FORM: f"{BODIES}::test_row52_ten_thousand_fields_are_refused"},
        {Door.SECRET_PAGE: "one limit for all form bodies"},
    ),
    Row(
        53, "another media type or charset", "refused", ("form", *BODY),
        {
            Door.FORM: f"{BODIES}::test_row53_another_type_is_no_form",
            **json_tests("test_row53_another_media_type_or_charset_is_refused"),
        },
        {Door.SECRET_PAGE: "one reader for all form bodies"},
    ),
    Row(54, "junk in headers and cookies", "an answer below 500", ("header",),
        {Door.ANY: f"{HERE}/test_any_address.py::test_row54_no_header_makes_an_address_fail"}),
    Row(55, "junk in place of state, code, iss, error", "refused, in words", ("answer",),
        {Door.CALLBACK:
         f"{HERE}/test_callback.py::test_row55_odd_answers_of_a_live_state_end_in_words"}),
)  # fmt: skip
