"""The exported parts, compiled for the exact shapes they are given.

What was compiled can be kept in a folder and is then imported, in less than half of the time. A
kept network belongs to one OpenVINO, one kind of CPU, one configuration and one digest of the
model: anything else is another name, and compiled anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import openvino

from worker_fn.engine.exported_model import (
    DECODER,
    SAFETY_CHECKER,
    TEXT_ENCODER,
    UNET,
    UNET_TEXT,
    UNET_TIME,
    FilterSettings,
)
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.network_configs import (
    Config,
    instruction_sets,
    multiplies_int8,
    network_configs,
)
from worker_fn.engine.shared_start import is_guided, share_start
from worker_fn.engine.upsampling import follows_upsampling, merge_upsampling
from worker_fn.engine.zero_points import fold_zero_points

FloatArray = npt.NDArray[np.float32]
Inputs = Mapping[str, npt.NDArray[Any]]
Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]

NETWORKS = (UNET, TEXT_ENCODER, UNET_TEXT, DECODER, UNET_TIME)
"""In the order in which a start makes them ready: what takes longest comes first. A safety checker,
where there is one, is last: no picture needs it until it is drawn."""

REWRITING = 3
"""Counts up whenever `Network` makes something else of a graph: what was kept is old then."""

USUAL_BYTES = 2**30
"""About how much memory the sizes of a network may take where nobody says how many to keep."""

BESIDES_WEIGHTS_BYTES = 50 * 2**20
"""What one more size takes for kernels and the like; seen with UNets of 1,500 to 2,000 nodes."""


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A network that can be asked. `memory` holds its weights, if OpenVINO does not."""

    request: openvino.InferRequest
    memory: memoryview | None = None


class Network:
    """One exported part, compiled for each set of input shapes; the latest ones are kept."""

    def __init__(
        self,
        core: openvino.Core,
        graph: Path,
        config: Config,
        kept: KeptNetworks | None,
        sizes: int | None,
    ) -> None:
        """Nothing is read or compiled yet. `sizes`: for how many shapes it stays ready."""
        self.name = graph.stem
        self.ready_for: list[Shapes] = []
        self.loading_s = 0.0
        self._core = core
        self._graph = graph
        self._config = dict(config)
        self._kept = kept
        latest = _usual_sizes(graph) if sizes is None else sizes
        self._ready = lru_cache(maxsize=min(64, latest))(self._made_ready)

    def __call__(self, inputs: Inputs) -> FloatArray:
        """The network's only output."""
        return next(iter(self._outputs(inputs).values()))

    def named(self, inputs: Inputs) -> dict[str, FloatArray]:
        """All outputs by their names."""
        return {port.get_any_name(): array for port, array in self._outputs(inputs).items()}

    def _outputs(self, inputs: Inputs) -> Mapping[Any, FloatArray]:
        request = self._ready(_shapes(inputs)).request
        outputs: Mapping[Any, FloatArray] = request.infer(dict(inputs), share_inputs=True)
        return outputs

    @property
    def has_room(self) -> bool:
        """Whether it would stay ready for one more set of shapes beside those it knows."""
        kept = self._ready.cache_info()
        return kept.maxsize is None or kept.currsize < kept.maxsize

    def make_ready(self, shapes: Shapes) -> None:
        """Compile for these shapes, or take what was kept. Raises RuntimeError."""
        self._ready(shapes)

    def _made_ready(self, shapes: Shapes) -> _Ready:
        began = time.perf_counter()
        try:
            return self._found_or_compiled(shapes)
        finally:
            self.loading_s += time.perf_counter() - began

    def _found_or_compiled(self, shapes: Shapes) -> _Ready:
        self.ready_for.append(shapes)
        if self._kept is not None and (found := self._kept.network(self.name, shapes)) is not None:
            return found
        fixed = self._model.clone()
        if is_guided(dict(shapes)):
            share_start(fixed)
        fixed.reshape({name: list(shape) for name, shape in shapes})
        merge_upsampling(fixed, int8=multiplies_int8())
        fold_zero_points(fixed)
        compiled = self._core.compile_model(fixed, "CPU", self._config)
        if self._kept is not None:
            self._kept.keep_network(self.name, shapes, compiled)
        return _Ready(request=compiled.create_infer_request())

    @cached_property
    def _model(self) -> openvino.Model:
        graph = self._core.read_model(self._graph)
        fold_zero_points(graph, leave=follows_upsampling)
        return graph


class KeptNetworks:
    """Compiled networks of one model in a folder; every trouble with them is a miss."""

    def __init__(
        self, core: openvino.Core, files: KeptFiles, configs: Mapping[str, Config], digest: str
    ) -> None:
        """`configs` are by the networks' names."""
        self._core = core
        self._files = files
        self._configs = {name: dict(config) for name, config in configs.items()}
        facts = [REWRITING, openvino.get_version(), instruction_sets(), digest, self._configs]
        self._belongs_to = json.dumps(facts, sort_keys=True)

    def network(self, name: str, shapes: Shapes) -> _Ready | None:
        """Imported again, or None."""
        content = self._files.read(self._file(f"{name} {shapes}"))
        if content is None:
            return None
        tensor = openvino.Tensor(np.frombuffer(content, np.uint8), shared_memory=True)
        try:
            compiled = self._core.import_model(tensor, "CPU", self._configs[name])
        except RuntimeError:  # OpenVINO looks at it as well, and finds that it is not for this CPU
            return None
        return _Ready(request=compiled.create_infer_request(), memory=content)

    def keep_network(self, name: str, shapes: Shapes, compiled: openvino.CompiledModel) -> None:
        """Keep it, if that can be done."""

        def exported() -> memoryview:
            stream: BytesIO = compiled.export_model()
            return stream.getbuffer()

        self._files.write(self._file(f"{name} {shapes}"), exported)

    def usual(self) -> list[tuple[str, Shapes]] | None:
        """Names and shapes of all that the usual request needs, or None."""
        content = self._files.read(self._file("usual"))
        if content is None:
            return None
        usual = [(name, dict(shapes)) for name, shapes in json.loads(bytes(content))]
        return [
            (name, tuple((each, tuple(shape)) for each, shape in shapes.items()))
            for name, shapes in usual
        ]

    def keep_usual(self, usual: list[tuple[str, Shapes]]) -> None:
        """As `keep_network`."""
        self._files.write(self._file("usual"), lambda: json.dumps(usual).encode())

    def _file(self, name: str) -> str:
        return sha256(f"{self._belongs_to} {name}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The parts of a model; `unet_text` and `unet_time` are None in an export's first format, and
    `safety_checker` is where no picture is to be looked at."""

    text_encoder: Network
    unet_text: Network | None
    unet_time: Network | None
    unet: Network
    decoder: Network
    safety_checker: Network | None
    kept: KeptNetworks | None

    @property
    def loading_s(self) -> float:
        """Seconds that the networks have spent on getting ready for shapes that were new."""
        return sum(network.loading_s for network in self._all())

    @property
    def have_room(self) -> bool:
        """Whether all would stay ready for one more size."""
        return all(network.has_room for network in self._all())

    def recall(self, hands: Executor) -> list[Future[None]]:
        """Have `hands` make ready for the usual request out of what was kept.

        A task for each network, since most of an import is the work of one core; none where the
        usual request is not known. Their results raise RuntimeError.
        """
        usual = (None if self.kept is None else self.kept.usual()) or []
        networks = {network.name: network for network in self._all()}
        usual.sort(key=lambda each: (*NETWORKS, SAFETY_CHECKER).index(each[0]))
        return [hands.submit(networks[name].make_ready, shapes) for name, shapes in usual]

    def keep(self) -> None:
        """Have `recall` make ready for all that has been asked so far."""
        if self.kept is not None:
            self.kept.keep_usual([(n.name, shapes) for n in self._all() for shapes in n.ready_for])

    def _all(self) -> Iterator[Network]:
        parts = (getattr(self, field.name) for field in fields(self))
        return (part for part in parts if isinstance(part, Network))


def read_networks(
    folder: Path,
    threads: int | None,
    kept: KeptFiles | None = None,
    digest: str = "",
    sizes: int | None = None,
    *,
    rough: bool = False,
    int8_text: bool = False,
    content_filter: FilterSettings | None = None,
) -> Networks:
    """Nothing is read or compiled. `kept` may hold this `digest`'s; the rest is ExportedModel's."""
    core = openvino.Core()
    configs = network_configs(
        core,
        NETWORKS if content_filter is None else (*NETWORKS, SAFETY_CHECKER),
        threads,
        rough=rough,
        int8_text=int8_text,
        int8_checker=content_filter is not None and content_filter.int8,
    )
    networks = None if kept is None else KeptNetworks(core, kept, configs, digest)

    def part(name: str) -> Network:
        return Network(core, folder / f"{name}.xml", configs[name], networks, sizes)

    def part_if_there(name: str) -> Network | None:
        return part(name) if (folder / f"{name}.xml").is_file() else None

    return Networks(
        text_encoder=part(TEXT_ENCODER),
        unet_text=part_if_there(UNET_TEXT),
        unet_time=part_if_there(UNET_TIME),
        unet=part(UNET),
        decoder=part(DECODER),
        safety_checker=None if content_filter is None else part(SAFETY_CHECKER),
        kept=networks,
    )


def _usual_sizes(graph: Path) -> int:
    weights = graph.with_suffix(".bin").stat().st_size
    return max(2, USUAL_BYTES // (weights + BESIDES_WEIGHTS_BYTES))


def _shapes(inputs: Inputs) -> Shapes:
    return tuple((name, inputs[name].shape) for name in sorted(inputs))
