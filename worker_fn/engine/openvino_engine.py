"""The engine for CPUs: OpenVINO runs the networks, numpy does the rest; no torch.

Networks are compiled for the exact shapes they are given: on two cores that draws 1.3 to 2 times
faster than one compilation for any shape. A new shape costs its compilation once, about a second
of one core for postcard; for the sizes that are usual that is done in idle time.

With an int8 UNet the same request gives the same bytes alone, in any list, and in every process
on the same kind of CPU with the same number of threads. Other threads or another kind of CPU add
up in another order, or in bfloat16 where the CPU has it; some eighth bits are rounded the other
way, and the pictures differ by about as much as int8 differs from float32 (postcard: a median of
40 dB between bfloat16 and float32, beside 42 dB between either and the float32 model).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.errors import EngineFailed, JobFault, ModelUnavailable, OutOfMemory
from worker_fn.engine.base import Drawn, PictureRequest, StepDone
from worker_fn.engine.digest import UNFILTERED, folder_digest, verified_digest
from worker_fn.engine.exported_model import (
    TOKENIZER,
    ExportedModel,
    read_exported_model,
    read_scheduler,
)
from worker_fn.engine.heap import growing_heap
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.known_digests import known_digest
from worker_fn.engine.openvino_networks import Networks, read_networks
from worker_fn.engine.painter import Painter
from worker_fn.engine.samplers.choice import read_sampler
from worker_fn.engine.tokenizer import PromptTokenizer
from worker_fn.engine.usual_sizes import Size


class OpenVinoEngine:
    """Draws with a folder that `worker_fn.engine.building.export` has written."""

    name = "openvino"

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        expected_digest: str | None = None,
        kept: KeptFiles | None = None,
        sizes: int | None = None,
        further: Sequence[Size] = (),
        content_filter: bool = True,
    ) -> None:
        """`digest` is empty until `load`, which compares it with `expected_digest` if given.

        `kept` is what earlier starts have left for faster ones; `sizes` is for how many sizes it
        stays ready, where memory is short. `further` sizes are what it gets ready for in idle time,
        as far as it stays ready for them. Without a `content_filter` a model's safety checker is
        not even read; the digest then ends with UNFILTERED.
        """
        self.digest = ""
        self._folder = folder
        self._threads = threads
        self._expected_digest = expected_digest
        self._kept = kept
        self._sizes = sizes
        self._content_filter = content_filter
        self._further = list(further)
        self._networks: Networks | None = None
        self._painter: Painter | None = None

    @property
    def loading_s(self) -> float:
        """As `Engine.loading_s`."""
        return 0.0 if self._networks is None else self._networks.loading_s

    def load(self) -> None:
        """Read, verify, and compile for the usual request. Raises ModelUnavailable."""
        if self._painter is None:
            self._painter = self._loaded()

    def get_readier(self) -> bool:
        """As `Engine.get_readier`."""
        painter, networks = self._painter, self._networks
        if painter is None or networks is None or not self._further or not networks.have_room:
            return False
        try:
            painter.make_ready(*self._further.pop(0))
        except Exception as error:
            raise _fault(error) from error
        return bool(self._further) and networks.have_room

    def draw(self, requests: Sequence[PictureRequest]) -> Iterator[StepDone | Drawn]:
        """As `Engine.draw`."""
        painter = self._painter = self._painter or self._loaded()
        try:
            yield from painter.draw(requests)
        except JobFault:
            raise
        except Exception as error:
            raise _fault(error) from error

    def _loaded(self) -> Painter:
        model = read_exported_model(self._folder)
        digest = self._verified()
        self.digest = digest if not self._is_unfiltered(model) else f"{digest}{UNFILTERED}"
        try:
            networks = self._networks = read_networks(
                self._folder,
                self._threads,
                self._kept,
                digest,
                self._sizes,
                rough=model.rough,
                int8_text=model.int8_text,
                content_filter=model.content_filter if self._content_filter else None,
            )
            painter = self._painter_of(model, networks)
        except RuntimeError as error:  # what OpenVINO raises over a bad graph
            raise ModelUnavailable(f"{self._folder} cannot be compiled: {error}") from error
        return painter

    def _painter_of(self, model: ExportedModel, networks: Networks) -> Painter:
        """Ready for the usual request. Raises RuntimeError."""
        sampler = read_sampler(read_scheduler(self._folder))
        with growing_heap(), ThreadPoolExecutor(self._threads) as hands:
            recalled = networks.recall(hands)
            # Last, for it lets no other thread of Python begin anything.
            reading = hands.submit(PromptTokenizer, self._folder / TOKENIZER)
            painter = Painter(
                model=model, sampler=sampler, tokenizer=reading.result(), networks=networks
            )
            for network in recalled[1:]:
                network.result()
            if recalled:
                painter.encode_usual()  # while the UNet, the first and longest, is made ready
                recalled[0].result()
        if not recalled:
            painter.make_ready(model.usual_width, model.usual_height)
            networks.keep()
        return painter

    def _is_unfiltered(self, model: ExportedModel) -> bool:
        return model.content_filter is not None and not self._content_filter

    def _verified(self) -> str:
        kept = self._kept
        return verified_digest(
            self._folder,
            expected=self._expected_digest,
            digest_of=folder_digest if kept is None else lambda it: known_digest(it, kept),
        )


def _fault(error: Exception) -> JobFault:
    # OpenVINO wraps C++'s std::bad_alloc into a RuntimeError.
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return OutOfMemory("the picture did not fit into memory")
    return EngineFailed(f"{type(error).__name__}: {error}")
