"""Static files under names that change with their content."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ImmutableFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Let modules under such a name import each other under theirs.

    Otherwise a page that pins one module by its digest would take whatever the others are today,
    and a page that loads a module under both names would have two of it.
    """

    support_js_module_import_aggregation = True
