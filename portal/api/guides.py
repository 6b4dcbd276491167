"""What a person does at the provider before they can fill in the form, as the wire shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from ninja import Schema

from integrations import stages
from integrations.catalog.schema import PLACEHOLDER
from integrations.models import Flow


class Cta(Schema):
    """Something to press: a link to open, or a text to copy."""

    type: Literal["link", "copyButton"]
    label: str
    href: str | None = None
    copy_text: str | None = None


class InstructionOut(Schema):
    """How to register the app: numbered steps in Markdown, who can do it, and what to press."""

    content: str
    minutes: int
    role: str
    ctas: list[Cta]


class ArtefactOut(Schema):
    """What registers the app at the provider, with redirect URL and permissions filled in.

    `text` is the address of a link, a command, or a manifest to keep as `file`; `link` is where a
    manifest goes. While settings are `missing`, by their labels, there is no text. `left_out` are
    permissions to add by hand. There is never a secret in it.
    """

    kind: Literal["link", "command", "manifest"]
    label: str
    note: str
    text: str
    link: str
    file: str
    missing: list[str]
    left_out: list[str]


def artefacts(flow: Flow) -> list[ArtefactOut]:
    """Return what registers the app whose details the flow's stage asks for, if it does."""
    if stages.stage(flow) != "preOptions" or not stages.enters_client(flow):
        return []
    return [ArtefactOut.model_validate(asdict(each)) for each in stages.artefacts(flow)]


def instruction(flow: Flow) -> InstructionOut | None:
    """Return how to register the app whose details the flow's stage asks for, if it does."""
    shown = stages.stage(flow) == "preOptions" and stages.enters_client(flow)
    if not shown or flow.oauth_client is None:
        return None
    provider, address = flow.integration.provider, flow.oauth_client.redirect_uri()
    setup, asked = provider.setup, {item.name: item.value for item in stages.pre_options(flow)}
    values = {**asked, "redirect_url": f"`{address}`", "scopes": f"`{asked.get('scopes', '')}`"}
    steps = [_filled(text, values) for text in setup.steps]
    console = _filled(setup.console, asked)
    opens = Cta(type="link", label=f"Open {provider.name}'s app settings", href=console)
    copies = Cta(type="copyButton", label="Copy redirect URL", copy_text=address)
    return InstructionOut(
        content="\n".join(f"{number}. {text}" for number, text in enumerate(steps, start=1)),
        minutes=setup.minutes,
        role=setup.role,
        # An address that depends on what is entered later cannot be opened yet.
        ctas=[copies] if "{" in console else [opens, copies],
    )


def _filled(text: str, values: dict[str, str]) -> str:
    """Put in what is known; what is not known yet stays in braces."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1]) or match[0], text)
