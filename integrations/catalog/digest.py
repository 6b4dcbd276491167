"""Check every built-in provider and note the digest: `python -m integrations.catalog.digest`.

A process whose files have this digest need not check them all again before it serves.
"""

from __future__ import annotations

from integrations.catalog import registry


def main() -> None:
    """Write the digest of the built-in files. Raises CatalogError if one may not be served."""
    registry.check(registry.load())
    registry.CHECKED.write_text(f"{registry.digest()}\n", encoding="ascii")


if __name__ == "__main__":
    main()
