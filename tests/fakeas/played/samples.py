"""What a person would type, and what a provider would send, where the file names only a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Settings whose example in the form is not one that every pattern takes.
SETTINGS = {"sharepoint_host": "contoso.sharepoint.com", "region": "crm4.dynamics.com"}
# What a callback carries besides the code, by its name there.
CALLBACK = {
    "realmId": "4620816365291273",
    "selling_partner_id": "A1B2C3D4E5F6G7",
    "company": "1234567-sb1",
    "entity": "42",
    "role": "3",
    "businessId": "0ab1c2d3-business",
    "service_region": "us",
    "subdomain": "acme",
    "country": "GB",
    "guild_id": "290926798626357999",
    "team_id": "3074457345618261000",
}
# Parts of an address that a token or an identity answer names.
ANSWERED = {
    "pipedrive": {"api_domain": "https://acme.pipedrive.com"},
    "zoho-crm": {"api_domain": "https://www.zohoapis.com"},
    "zoho-desk": {"api_domain": "https://www.zohoapis.com"},
    "zoho-books": {"api_domain": "https://www.zohoapis.com"},
    "gong": {"api_base_url_for_customer": "https://company-17.api.gong.io"},
    "wrike": {"host": "www.wrike.com"},
    "teamwork": {"installation.apiEndPoint": "https://acme.teamwork.com/"},
    "salesforce": {"instance_url": "https://acme.my.salesforce.com"},
    "mailchimp": {"dc": "us21"},
}


def setting(rule: Mapping[str, Any]) -> str:
    """Return a value for a setting: its default, its example, or the first of its options."""
    if rule.get("kind") == "scopes":
        return ""
    options = list(rule.get("options", {}))
    found = rule.get("default") or rule.get("placeholder") or next(iter(options), "")
    return SETTINGS.get(rule["name"], str(found))


def settings(data: Mapping[str, Any]) -> dict[str, str]:
    """Return a value for each setting of a provider's file; optional ones stay empty."""
    rules = data.get("settings", [])
    return {each["name"]: setting(each) if each.get("required", True) else "" for each in rules}
