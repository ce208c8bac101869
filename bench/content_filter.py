"""What a safety checker of Stable Diffusion's true size costs a picture.

    python -m bench.content_filter [--threads 2] [--pictures 10]

CLIP ViT-L/14 with random weights, as the engine for CPUs runs it: with weights of int8, as they are
built where the likenesses allow, and of fp16. Prints a line for each; times say little about
another machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import openvino
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessorPil

from worker_fn.engine.base import Picture
from worker_fn.engine.building.checker_export import CheckerExport, at_int8, checker_part
from worker_fn.engine.building.export import write_network
from worker_fn.engine.content_filter import ContentFilter
from worker_fn.engine.exported_model import SAFETY_CHECKER
from worker_fn.engine.network_configs import network_configs
from worker_fn.engine.openvino_networks import Network

VIT_L_14 = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
}
PROJECTION = 768
PIXELS = 512
"""A side of a picture."""


def main() -> None:
    """Build both into a temporary folder, and measure one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=10)
    asked = parser.parse_args()
    pictures = [_noise(seed) for seed in range(asked.pictures)]
    with TemporaryDirectory() as place:
        for exported, graph in _exported(Path(place), pictures[:2]):
            print(_measured(exported, graph, pictures, asked.threads), flush=True)


def _exported(folder: Path, pictures: Sequence[Picture]) -> Iterator[tuple[CheckerExport, Path]]:
    _save(folder)
    part, settings = checker_part(folder)
    write_network(folder, SAFETY_CHECKER, part, (), "fp16")
    halved = folder / f"{SAFETY_CHECKER}.xml"
    graph = openvino.Core().read_model(halved)
    small = at_int8(graph, settings, pictures)
    openvino.save_model(small.graph, folder / "int8.xml")
    yield small, folder / "int8.xml"
    yield CheckerExport(settings=settings, graph=graph, largest_error=None), halved


def _save(folder: Path) -> None:
    torch.manual_seed(0)
    config = CLIPConfig(vision_config=VIT_L_14, projection_dim=PROJECTION)
    checker = StableDiffusionSafetyChecker(config)
    for embeddings in (checker.concept_embeds, checker.special_care_embeds):
        torch.nn.init.normal_(embeddings)
    checker.save_pretrained(folder / "safety_checker")
    CLIPImageProcessorPil().save_pretrained(folder / "feature_extractor")


def _measured(
    exported: CheckerExport, graph: Path, pictures: Sequence[Picture], threads: int
) -> str:
    core, int8 = openvino.Core(), exported.settings.int8
    names = {"rough": False, "int8_text": False, "int8_checker": int8}
    config = network_configs(core, [SAFETY_CHECKER], threads, **names)[SAFETY_CHECKER]
    before, began = _memory_mb(), time.perf_counter()
    checker = ContentFilter(exported.settings, Network(core, graph, config, None, None))
    checker.passed(pictures[0])
    start_s = time.perf_counter() - began
    walls, cpu = list[float](), time.process_time()
    for picture in pictures:
        began = time.perf_counter()
        checker.passed(picture)
        walls.append(time.perf_counter() - began)
    cpu_s = (time.process_time() - cpu) / len(pictures)
    disk_mb = graph.with_suffix(".bin").stat().st_size / 1e6
    return (
        f"{'int8' if int8 else 'fp16'}: {1000 * median(walls):.0f} ms a picture (median), "
        f"{1000 * cpu_s:.0f} ms of cores, ready after {start_s:.1f} s, {disk_mb:.0f} MB on disk, "
        f"{_memory_mb() - before:.0f} MB of memory; cosines off by {exported.largest_error}"
    )


def _memory_mb() -> float:
    """VmRSS of proc_pid_status(5), in KiB there."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(size) * 1024 / 1e6


def _noise(seed: int) -> Picture:
    rgb = np.random.default_rng(seed).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    return Picture(width=PIXELS, height=PIXELS, rgb=rgb.tobytes())


if __name__ == "__main__":
    main()
