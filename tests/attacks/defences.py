"""Every protection with an attack that would get through without it.

`python -m tests.attacks.disarm` takes them away one by one, in a copy of the tree.
"""

from __future__ import annotations

from tests.attacks.disarmed import (
    discovery,
    flow,
    life,
    pages,
    people,
    provider,
    sharing,
)
from tests.attacks.rows import Defence

DEFENCES: tuple[Defence, ...] = tuple(
    sorted(
        (
            *flow.DEFENCES,
            *provider.DEFENCES,
            *discovery.DEFENCES,
            *people.DEFENCES,
            *pages.DEFENCES,
            *life.DEFENCES,
            *sharing.DEFENCES,
        ),
        key=lambda each: each.row,
    )
)
