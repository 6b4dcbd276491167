"""Rows 13 to 19: what a provider answers, and what is kept of it."""

from __future__ import annotations

from tests.attacks.rows import Defence, defence

HTTP = "integrations/oauth/http.py"
ANSWERS = "integrations/oauth/answers.py"
FIELDS = "integrations/models/fields.py"
BODIES = (
    "test_outbound.py::test_no_body_of_a_token_answer_harms_the_process_or_becomes_a_connection"
)

DEFENCES: tuple[Defence, ...] = (
    defence(
        13,
        "only global addresses are connected to",
        "test_outbound.py::test_a_name_that_leads_inside_is_refused_before_anything_connects",
        (HTTP, "            self._check(address, port)\n", "            pass\n"),
    ),
    defence(
        13,
        "addresses wrapped in IPv6 are unwrapped or blocked",
        "test_outbound.py::test_a_name_that_leads_inside_is_refused_before_anything_connects",
        (HTTP, "not address.is_global or blocked:", "not address.is_global:"),
        (HTTP, "        filter_host(str(address), port, allow_loopback=False)\n", ""),
    ),
    defence(
        13,
        "every answer of a look-up is checked",
        "test_outbound.py::test_one_bad_address_among_good_ones_is_enough",
        (HTTP, "        for address in addresses:\n", "        for address in addresses[:1]:\n"),
    ),
    defence(
        13,
        "the address that was checked is connected to",
        "test_outbound.py::test_a_name_that_changes_its_mind_is_asked_only_once",
        (
            HTTP,
            '        host_params["host"] = f"[{address}]" if address.version == 6 else str(address)\n',
            "",
        ),
    ),
    defence(
        13,
        "a setting that forms a host fits its pattern",
        "test_outbound.py::test_a_subdomain_is_one_label_and_nothing_else",
        (
            "integrations/inputs.py",
            "if disguised or too_long or not setting.takes(text):",
            "if disguised or too_long:",
        ),
    ),
    defence(
        14,
        "no redirect is followed",
        "test_outbound.py::test_a_redirect_takes_no_secret_along[token-307]",
        (
            HTTP,
            "                allow_redirects=False,\n",
            "                allow_redirects=True,\n",
        ),
        (
            HTTP,
            "    def get_redirect_target(self, resp: requests.Response) -> None:",
            "    def _off(self, resp: requests.Response) -> None:",
        ),
    ),
    defence(
        14,
        "a redirect is an error",
        "test_outbound.py::test_a_redirect_takes_no_secret_along[token-302]",
        (
            HTTP,
            "    if response.is_redirect or 300 <= response.status_code < 400:",
            "    if False:",
        ),
    ),
    defence(
        15,
        "a call ends at its deadline, whatever drips",
        "test_outbound.py::test_a_dripping_answer_is_cut_and_keeps_nobody_else_waiting",
        (
            HTTP,
            "            with suppress(OSError), socket.socket(fileno=os.dup(self._duplicate)) as twin:\n                twin.shutdown(socket.SHUT_RDWR)\n",
            "",
        ),
    ),
    defence(
        16,
        "a body has a cap",
        BODIES,
        (HTTP, "        if len(body) > MAX_BODY:", "        if False:"),
    ),
    defence(
        16,
        "nothing is unpacked",
        BODIES,
        (
            HTTP,
            '    if headers.get("content-encoding", "identity") != "identity":',
            "    if False:",
        ),
        (
            HTTP,
            "response.raw.stream(CHUNK, decode_content=False)",
            "response.raw.stream(CHUNK, decode_content=True)",
        ),
        (HTTP, "        if len(body) > MAX_BODY:", "        if False:"),
    ),
    defence(
        16,
        "no member comes twice",
        BODIES,
        (ANSWERS, "    if len(found) != len(pairs):", "    if False:"),
    ),
    defence(
        16,
        "a token is a line of printable characters",
        BODIES,
        (
            ANSWERS,
            "    if not isinstance(value, str) or not TOKEN.match(value):",
            "    if not isinstance(value, str):",
        ),
    ),
    defence(
        18,
        "a seal names its row",
        "test_seals.py::test_a_token_copied_from_another_row_is_not_handed_out[access_token]",
        (
            FIELDS,
            "        if envelope != self._context(model_instance) or not isinstance(secret, str):",
            "        if not isinstance(secret, str):",
        ),
    ),
    defence(
        18,
        "a seal names its column",
        "test_seals.py::test_a_refresh_token_in_the_column_of_the_access_token_is_not_handed_out",
        (
            FIELDS,
            '        return {"t": self.model._meta.db_table, "c": self.column, **context}',
            "        return context",
        ),
    ),
    defence(
        18,
        "a seal names its generation",
        "test_seals.py::test_an_old_token_cannot_be_put_back_after_a_renewal",
        (
            FIELDS,
            '        return {"t": self.model._meta.db_table, "c": self.column, **context}',
            '        return {"t": self.model._meta.db_table, "c": self.column, **context, "g": 0}',
        ),
    ),
    defence(
        18,
        "a broken seal is recorded",
        "test_seals.py::test_a_damaged_or_plain_value_is_an_error_and_no_token",
        (
            "integrations/tokens.py",
            "        _record_broken(connection.pk)\n        raise IntegrityBroken from None",
            "        raise IntegrityBroken from None",
        ),
    ),
    defence(
        19,
        "what is stored is encrypted",
        "test_seals.py::test_the_database_and_its_journal_hold_no_secret_in_plain_text",
        (
            FIELDS,
            "        return super().get_db_prep_save(value, connection)",
            "        return connection.Database.Binary(value.encode())",
        ),
        (
            FIELDS,
            "json.loads(self.fernet.decrypt(value.ciphertext))",
            "json.loads(value.ciphertext)",
        ),
    ),
)
