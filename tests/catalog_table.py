"""Write the table of docs/catalog.md from the provider files: `python -m tests.catalog_table`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from integrations.catalog import registry
from integrations.catalog.schema import Provider

DOCUMENT = Path(__file__).parent.parent / "docs" / "catalog.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
COLUMNS = ("Provider", "Slug", "Category", "PKCE", "Refresh tokens", "Revocation", "Own host")
COLUMNS += ("Dialects", "Confidence", "Confirmed")
ROTATION = {
    "none": "kept",
    "grace": "replaced, the old one works for a while",
    "strict": "replaced",
}


def document() -> str:
    """Return the page with its table made anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    """Return a count and a row for each built-in provider, by name."""
    catalog = registry.load()
    rows = sorted(catalog.values(), key=lambda each: each.name.casefold())
    head = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
    sure = Counter(each.confidence or "unknown" for each in rows)
    counts = f"{len(rows)} providers: confidence high {sure['high']}, medium {sure['medium']}.\n\n"
    return counts + head + "".join(f"| {' | '.join(_cells(each))} |\n" for each in rows)


def _cells(provider: Provider) -> Iterator[str]:
    yield f"[{provider.name}]({provider.documentation})"
    yield f"`{provider.slug}`"
    yield provider.category
    yield "S256" if provider.code_challenge_method == "S256" else "no"
    yield ROTATION[provider.refresh.rotation] if provider.refresh.issued else "none"
    yield "by us" if provider.revocation_endpoint else "by hand"
    yield "yes" if provider.host_settings() else ""
    yield ", ".join(f"`{name}`" for name in provider.dialects)
    yield provider.confidence or ""
    yield f"{len(provider.verified)} of 15, {provider.checked}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
