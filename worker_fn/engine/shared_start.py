"""A guided step's first layers once instead of twice.

With guidance, the UNet sees the same latents under two prompts. Until the first cross attention
nothing depends on the prompt, so that both halves of the batch are the same there: the first
convolutions and the first self attention, which are those over the most pixels. They are computed
for the latents as they are, and doubled where text enters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openvino
from openvino import opset13 as op

from worker_fn.engine.graph_split import name_of

LATENTS, TEXT = "sample", ("text.", "encoder_hidden_states")
"""How the names of inputs begin: those of the latents, and those that follow from the prompt."""


def is_guided(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether these inputs are twice as many prompts as latents."""
    prompts = {shape[0] for name, shape in shapes.items() if name.startswith(TEXT)}
    return LATENTS in shapes and prompts == {2 * shapes[LATENTS][0]}


def share_start(graph: openvino.Model) -> None:
    """Afterwards `graph` takes half as many latents as prompts; its outputs stay, in their order:
    all latents under the first half of the prompts, then all under the second."""
    needs: dict[str, frozenset[Any]] = {}
    for operation in graph.get_ordered_ops():
        needs[operation.get_friendly_name()] = _needs(operation, needs)
    for operation in graph.get_ordered_ops():
        if TEXT in needs.get(operation.get_friendly_name(), ()):
            for port in operation.inputs():
                source = port.get_source_output()
                if needs.get(source.get_node().get_friendly_name()) == frozenset({LATENTS}):
                    port.replace_source_output(_twice(source))
    graph.validate_nodes_and_infer_types()


def _needs(operation: Any, needs: dict[str, frozenset[Any]]) -> frozenset[Any]:
    """Which of LATENTS and TEXT it depends on."""
    if operation.get_type_name() == "Parameter":
        name = name_of(operation.output(0))
        return frozenset(kind for kind in (LATENTS, TEXT) if name.startswith(kind))
    sources = (port.get_source_output().get_node() for port in operation.inputs())
    return frozenset().union(*(needs[source.get_friendly_name()] for source in sources))


def _twice(source: Any) -> Any:
    """Numbers one after the other; what is the shape of numbers, with twice the batch."""
    if source.get_element_type().is_real():
        return op.concat([source, source], axis=0).output(0)
    others = source.get_partial_shape()[0].get_length() - 1
    factors = op.constant([2, *[1] * others], source.get_element_type())
    return op.multiply(source, factors).output(0)
