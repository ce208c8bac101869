"""A UNet's graph in three: what the prompt gives, what the timestep gives, and all the rest.

Of the UNet's inputs only the latents are new in every step of every picture. Keys and values of
the cross attention follow from the prompt alone, the time embedding's projections from the
timestep alone: as graphs of their own they are computed once, and their outputs become inputs of
the graph that is left. The numbers are the very same; `joined` puts the three together again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import openvino
from openvino import opset13

TEXT_INPUTS = frozenset({"encoder_hidden_states"})
TIME_INPUTS = frozenset({"timestep", "timestep_cond"})

GO_WITH_THEIR_CONSUMERS = frozenset({"FakeQuantize", "Reshape", "Transpose", "Unsqueeze"})
"""Cheap, and a product in int8 is only found where its operands are quantised beside it."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Outputs of `text` and `time` are named "text.0", "text.1" …, and so are inputs of `main`."""

    text: openvino.Model
    time: openvino.Model
    main: openvino.Model


def split(graph: openvino.Model) -> Split:
    """The three parts of a UNet whose inputs have the names that the export gives them."""
    main = graph.clone()
    parts = _Parts(main)
    cuts = {"text": parts.border(TEXT_INPUTS), "time": parts.border(TIME_INPUTS)}
    text, time = (
        _upstream(graph, names, of=part, inputs=inputs)
        for (part, names), inputs in zip(cuts.items(), (TEXT_INPUTS, TIME_INPUTS), strict=True)
    )
    return Split(text=text, time=time, main=_downstream(main, cuts))


def joined(parts: Split) -> openvino.Model:
    """The whole UNet, as one graph with the inputs it had before `split`."""
    main, sources = parts.main.clone(), (parts.text.clone(), parts.time.clone())
    outputs = {name_of(port): port for source in sources for port in source.outputs}
    for port in main.inputs:
        if name_of(port) in outputs:
            before_result = outputs[name_of(port)].get_node().input(0).get_source_output()
            _feed(port, before_result)
    latents = [each for each in main.get_parameters() if name_of(each.output(0)) not in outputs]
    others = [parameter for source in sources for parameter in source.get_parameters()]
    return openvino.Model(main.get_results(), [*latents, *others], "unet")


def name_of(port: Any) -> str:
    """An input's or output's name; the tracing leaves numbers beside it."""
    return str(next(name for name in sorted(port.get_names()) if not name.isdigit()))


class _Parts:
    """Which of a graph's operations are left when everything known beforehand is taken out."""

    def __init__(self, graph: openvino.Model) -> None:
        self._operations = graph.get_ordered_ops()
        self._inputs: dict[str, frozenset[str]] = {}
        for operation in self._operations:
            self._inputs[operation.get_friendly_name()] = self._found(operation)
        self._late = self._follow_their_consumers()

    def border(self, inputs: frozenset[str]) -> list[str]:
        """Names of the operations that depend on `inputs` only and are used by what is left."""
        return [
            operation.get_friendly_name()
            for operation in self._operations
            if not self._is_late(operation)
            and self._inputs[operation.get_friendly_name()] <= inputs
            and self._inputs[operation.get_friendly_name()]
            and any(self._is_late(consumer) for consumer in _consumers(operation))
        ]

    def _found(self, operation: Any) -> frozenset[str]:
        """The names of the inputs that an operation depends on."""
        if operation.get_type_name() == "Parameter":
            return frozenset({name_of(operation.output(0))})
        before = (source.get_friendly_name() for source in _sources(operation))
        return frozenset().union(*(self._inputs[name] for name in before))

    def _is_late(self, operation: Any) -> bool:
        name = operation.get_friendly_name()
        inputs = self._inputs[name]
        early = inputs <= TEXT_INPUTS or inputs <= TIME_INPUTS
        return not early or name in getattr(self, "_late", ())

    def _follow_their_consumers(self) -> frozenset[str]:
        late = {each.get_friendly_name() for each in self._operations if self._is_late(each)}
        for operation in reversed(self._operations):
            consumers = [each.get_friendly_name() for each in _consumers(operation)]
            if _follows(operation) and consumers and late.issuperset(consumers):
                late.add(operation.get_friendly_name())
        return frozenset(late)


def _follows(operation: Any) -> bool:
    if operation.get_type_name() == "Parameter":
        return False
    counts = not operation.output(0).get_element_type().is_real()
    return counts or operation.get_type_name() in GO_WITH_THEIR_CONSUMERS


def _upstream(
    graph: openvino.Model, names: list[str], *, of: str, inputs: frozenset[str]
) -> openvino.Model:
    copied = graph.clone()
    operations = {each.get_friendly_name(): each for each in copied.get_ordered_ops()}
    results = []
    for number, name in enumerate(names):
        result = opset13.result(operations[name].output(0))
        operations[name].output(0).get_tensor().set_names({f"{of}.{number}"})
        results.append(result)
    kept = [each for each in copied.get_parameters() if name_of(each.output(0)) in inputs]
    return openvino.Model(results, kept, f"unet_{of}")


def _downstream(main: openvino.Model, cuts: Mapping[str, list[str]]) -> openvino.Model:
    operations = {each.get_friendly_name(): each for each in main.get_ordered_ops()}
    known = TEXT_INPUTS | TIME_INPUTS
    latents = [each for each in main.get_parameters() if name_of(each.output(0)) not in known]
    given = []
    for part, names in cuts.items():
        for number, name in enumerate(names):
            source = operations[name].output(0)
            parameter = opset13.parameter(source.get_partial_shape(), source.get_element_type())
            _feed(source, parameter.output(0))
            parameter.output(0).get_tensor().set_names({f"{part}.{number}"})
            given.append(parameter)
    main.output(0).get_tensor().set_names({"prediction"})
    return openvino.Model(main.get_results(), [*latents, *given], "unet")


def _feed(old: Any, new: Any) -> None:
    """Let everybody who reads `old` read `new`."""
    for reader in old.get_target_inputs():
        reader.replace_source_output(new)


def _sources(operation: Any) -> Iterator[Any]:
    return (port.get_source_output().get_node() for port in operation.inputs())


def _consumers(operation: Any) -> list[Any]:
    return [port.get_node() for out in operation.outputs() for port in out.get_target_inputs()]
