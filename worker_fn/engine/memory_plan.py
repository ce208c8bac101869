"""What a worker does with the memory it has, by the figures on its model's card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ModelUnavailable
from shared.model_card import Memory


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """`pixels`: of all pictures that are drawn together. `sizes`: for how many sizes and batches
    the engine stays ready; None leaves it to the engine."""

    pixels: int
    sizes: int | None


def planned(model_dir: Path | None, memory_mb: int | None, *, pixels: int) -> MemoryPlan:
    """To draw up to `pixels`, and fewer where memory is short.

    Raises ModelUnavailable when the model does not fit into the memory at all.
    """
    memory = None if model_dir is None else _on_the_card(model_dir)
    if memory is None or memory_mb is None:
        return MemoryPlan(pixels=pixels, sizes=None)
    fitting = memory.pixels_within(memory_mb)
    if fitting <= 0:
        raise ModelUnavailable(
            f"{model_dir} takes {memory.loaded_mb + memory.size_mb} MB, "
            f"and this worker has {memory_mb} MB (DARKROOM_WORKER_MEMORY_MB)"
        )
    pixels = min(pixels, fitting)
    return MemoryPlan(pixels=pixels, sizes=memory.sizes_within(memory_mb, pixels=pixels))


def _on_the_card(model_dir: Path) -> Memory | None:
    """The model's folder holds its card, and one for the engine lies beside it."""
    cards = [folder / "card.json" for folder in (model_dir, model_dir.parent)]
    facts = [json.loads(card.read_text(encoding="utf-8")) for card in cards if card.is_file()]
    memory = facts[0].get("memory") if facts else None
    return None if memory is None else Memory.model_validate(memory)
