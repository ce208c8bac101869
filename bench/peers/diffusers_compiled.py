"""diffusers with its UNet compiled by torch's inductor, as its documentation advises."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.peers import diffusers_eager


class Contender(diffusers_eager.Contender):
    """See `Peer`. The first drawing of a size compiles for it, for about a minute."""

    def load(self, folder: Path, threads: int) -> None:
        """As `Peer.load`."""
        super().load(folder, threads)
        self._pipeline.unet = torch.compile(self._pipeline.unet, dynamic=False)
