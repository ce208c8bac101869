"""Where everything lies that is made once and then measured; imports nothing heavy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TINY_SD, SD15, SCALED_DOWN = "tiny-sd", "sd-1.5", "scaled-down"
"""Architectures, see `bench.architectures`."""

USUAL, FAST = "usual", "fast"
"""As it is published, with its full VAE; and with LCM's scheduler and a small decoder."""

SIZES = (64, 128, 256)
"""The first report's sizes, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The cache folder's layout."""

    cache: Path

    def diffusers(self, architecture: str, variant: str) -> Path:
        """A diffusers folder."""
        return self.cache / architecture / variant / "diffusers"

    def exported(self, architecture: str, variant: str) -> Path:
        """What `worker_fn.engine.building.export` made of it."""
        return self.cache / architecture / variant / "openvino"

    def genai(self, architecture: str) -> Path:
        """The same graphs as `exported`, laid out for OpenVINO GenAI and optimum-intel."""
        return self.cache / architecture / USUAL / "genai"

    def published(self, architecture: str) -> Path:
        """The same weights with the names that published checkpoints have."""
        return self.cache / architecture / USUAL / "published"

    def facts(self, architecture: str) -> Path:
        """What is known of an architecture without running it; see `read_macs`."""
        return self.cache / architecture / "facts.json"


def read_macs(folders: Folders, architecture: str) -> dict[int, int]:
    """Multiply-accumulates of one UNet forward of batch 1, by picture size in pixels."""
    facts: dict[str, Any] = json.loads(folders.facts(architecture).read_text(encoding="utf-8"))
    return {int(size): int(macs) for size, macs in facts["unet_macs"].items()}
