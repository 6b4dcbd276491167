"""Write the JSON schema of a headless step into the tree: `python -m tests.stages_schema`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import django

SCHEMA = Path(__file__).parent.parent / "docs" / "headless.schema.json"
KINDS = ("Text", "Password", "Copyable", "Select", "Permission", "Switch")
# The kinds of input that each stage asks with, and whether it holds a ticket.
STAGES: dict[str, tuple[tuple[str, ...], bool]] = {
    "accountType": (("Select",), False),
    "preOptions": (KINDS, False),
    "oauth": ((), True),
    "postOptions": (("Select",), False),
    "done": ((), False),
}


def schema() -> dict[str, Any]:
    """Return the schema: one step of the API, and what it holds at each stage."""
    from portal.api.visits import StepOut

    step = StepOut.model_json_schema(mode="serialization")
    definitions = {**step.pop("$defs"), "Step": step}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A step of an install flow without our pages",
        "oneOf": [_stage(name) for name in STAGES],
        "$defs": definitions,
    }


def _stage(name: str) -> dict[str, Any]:
    kinds, startable = STAGES[name]
    inputs = [{"$ref": f"#/$defs/{kind}Input"} for kind in kinds]
    limits: dict[str, Any] = {"items": {"oneOf": inputs}} if inputs else {"maxItems": 0}
    own: dict[str, Any] = {"stage": {"const": name}, "inputs": {"type": "array", **limits}}
    if not startable:
        own["start_ticket"] = {"type": "null"}
    if name != "preOptions":
        own["instruction"] = {"type": "null"}
    return {"title": name, "allOf": [{"$ref": "#/$defs/Step"}, {"properties": own}]}


def main() -> None:
    """Write docs/headless.schema.json anew."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
