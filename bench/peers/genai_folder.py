"""Our exported graphs laid out as OpenVINO GenAI and optimum-intel expect them.

    python -m bench.peers.genai_folder DIFFUSERS_FOLDER EXPORTED_FOLDER OUT

The same weights and the same int8 operations; only names, the timestep's type and the
configuration files beside them differ, and the UNet's three graphs are one again: what they read
is one graph.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

import openvino
from openvino.preprocess import PrePostProcessor
from transformers import CLIPTokenizer

from worker_fn.engine.exported_model import UNET, UNET_TEXT, UNET_TIME
from worker_fn.engine.graph_split import Split, joined, name_of

GRAPH = "openvino_model.xml"
NETWORKS = {"text_encoder": "text_encoder", "unet": "unet", "decoder": "vae_decoder"}
"""Our names, and theirs."""

INPUT_NAMES = {"latents": "latent_sample"}
OUTPUT_NAMES = {
    "text_encoder": "last_hidden_state",
    "unet": "out_sample",
    "vae_decoder": "sample",
}
SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
"""GenAI has no DPM++."""


def write(diffusers_folder: Path, exported: Path, out: Path) -> None:
    """Everything that Text2ImagePipeline and OVStableDiffusionPipeline read."""
    for ours, theirs in NETWORKS.items():
        (out / theirs).mkdir(parents=True)
        graph = _renamed(_graph(exported, ours), theirs)
        openvino.save_model(graph, out / theirs / GRAPH, compress_to_fp16=False)
        source = diffusers_folder / theirs.replace("vae_decoder", "vae")
        shutil.copyfile(source / "config.json", out / theirs / "config.json")
    (out / "scheduler").mkdir()
    (out / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    _write_index(diffusers_folder, out)
    _write_tokenizer(diffusers_folder, out / "tokenizer")


def _graph(exported: Path, network: str) -> openvino.Model:
    core = openvino.Core()
    graph = core.read_model(exported / f"{network}.xml")
    if network != UNET:
        return graph
    text, time = (core.read_model(exported / f"{name}.xml") for name in (UNET_TEXT, UNET_TIME))
    return joined(Split(text=text, time=time, main=graph))


def _renamed(graph: openvino.Model, network: str) -> openvino.Model:
    if network == "unet":
        steps = PrePostProcessor(graph)
        steps.input("timestep").tensor().set_element_type(openvino.Type.i64)
        graph = steps.build()
    for port in graph.inputs:
        name = name_of(port)
        port.get_tensor().set_names({INPUT_NAMES.get(name, name)})
    graph.outputs[0].get_tensor().set_names({OUTPUT_NAMES[network]})
    return graph


def _write_index(diffusers_folder: Path, out: Path) -> None:
    index = json.loads((diffusers_folder / "model_index.json").read_text(encoding="utf-8"))
    index["scheduler"] = ["diffusers", SCHEDULER["_class_name"]]
    (out / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _write_tokenizer(diffusers_folder: Path, out: Path) -> None:
    """As a graph, for GenAI, and as it was, for optimum-intel."""
    shutil.copytree(diffusers_folder / "tokenizer", out)
    tokenizer = CLIPTokenizer.from_pretrained(out)
    convert = import_module("openvino_tokenizers").convert_tokenizer
    openvino.save_model(convert(tokenizer), out / "openvino_tokenizer.xml")


if __name__ == "__main__":
    write(*(Path(argument) for argument in sys.argv[1:]))
