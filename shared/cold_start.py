"""No garbage is collected while a unit gets ready: `import shared.cold_start` before the others.

Imports make objects by the hundred thousand that live as long as the process. The collector goes
through them again and again meanwhile and finds nothing: 48 of the submit unit's 346 ms.
"""

from __future__ import annotations

import gc

gc.disable()


def over() -> None:
    """The unit is ready: collect from now on, and never look through what is there already."""
    gc.freeze()
    gc.enable()
