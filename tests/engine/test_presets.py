"""Every preset, from a published folder of its true layout to a picture."""

from collections.abc import Iterator
from pathlib import Path

import diffusers
import pytest
import torch
import transformers
from huggingface_hub import HfApi

from shared.model_card import ModelCard
from tests.engine.drawing import asked, one
from tests.engine.local_hub import hub_with
from tests.engine.tiny_presets import (
    FILTERED,
    save_published,
    save_small_decoder_alone,
    scaled_down,
)
from worker_fn.engine.build import Order, build
from worker_fn.engine.building import export
from worker_fn.engine.building.architectures import SD_VAE, SD_VAE_PARAMETERS, TAESD_PARAMETERS
from worker_fn.engine.building.model_source import COMMIT, Hub, HubSource
from worker_fn.engine.building.presets import FULL, PRESETS, TAESD, TINY, Preset, find_preset
from worker_fn.engine.building.staging import Wanted
from worker_fn.engine.load import build_engine
from worker_fn.engine.samplers.choice import read_sampler

SAME_TO_THE_EYE_DB = 40
NAMES = [preset.name for preset in PRESETS]
OTHER_DECODER = {"tiny-sd": TINY, "lcm-dreamshaper-v7": FULL, "sd-turbo": TINY, "sdxs-512": FULL}
"""One decoder of each kind from its own repository, and one of each from another folder."""

FEW = 3
"""Pictures that are compared for each preset, for the sake of time."""

every_preset = pytest.mark.parametrize("preset", PRESETS, ids=NAMES)


@pytest.fixture
def hub(preset: Preset, tmp_path: Path) -> Iterator[Hub]:
    """A hub that holds the preset's repository, scaled down, and the small decoder's."""
    model, decoder = tmp_path / "hub" / "model", tmp_path / "hub" / "decoder"
    save_published(scaled_down(preset), model)
    save_small_decoder_alone(scaled_down(preset), decoder)
    source = preset.source
    repositories = {
        (source.repository, source.revision): model,
        (TAESD.repository, TAESD.revision): decoder,
    }
    with hub_with(repositories) as address:
        yield Hub(client=HfApi(endpoint=address), cache=tmp_path / "cache")


@every_preset
def test_a_preset_is_fetched_built_served_and_draws_what_diffusers_draws(
    preset: Preset, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MEASURED", FEW)
    small, out = scaled_down(preset), tmp_path / preset.name
    wanted = Wanted(
        source=HubSource(small.source, hub=hub), preset=small, decoder=OTHER_DECODER[preset.name]
    )
    report = build(Order(wanted=wanted, precision="fp32", given={}), out, hub=hub)
    assert report["psnr_db_against_diffusers"]["lowest"] >= SAME_TO_THE_EYE_DB
    assert report["revision"] == preset.source.revision
    card = ModelCard.model_validate_json((out / "card.json").read_bytes())
    assert card.filtered == (preset.name in FILTERED)
    assert (report["content_filter"] is not None) == card.filtered
    assert (out / "openvino" / "safety_checker.bin").is_file() == card.filtered
    engine = build_engine("openvino", out / "openvino")
    usual = small.defaults
    request = asked(width=usual.width, steps=usual.steps, guidance=usual.guidance)
    assert len(one(engine, request).rgb) == usual.width * 64 * 3


@every_preset
def test_a_presets_networks_have_as_many_parameters_as_the_published_ones(preset: Preset) -> None:
    architecture = preset.architecture
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**architecture.unet)
        text = transformers.CLIPTextModel(transformers.CLIPTextConfig(**architecture.text))
    assert parameters(unet) == architecture.unet_parameters
    assert parameters(text) == architecture.text_parameters


def test_the_decoders_have_as_many_parameters_as_the_published_ones() -> None:
    with torch.device("meta"):
        full, small = diffusers.AutoencoderKL(**SD_VAE), diffusers.AutoencoderTiny()
    assert (parameters(full), parameters(small)) == (SD_VAE_PARAMETERS, TAESD_PARAMETERS)


@every_preset
def test_a_presets_usual_request_is_within_its_limits(preset: Preset) -> None:
    limits, usual = preset.limits, preset.defaults
    for pixels, allowed in ((usual.width, limits.width), (usual.height, limits.height)):
        assert allowed.holds(pixels) and pixels % limits.multiple_of == 0
    assert limits.steps.holds(usual.steps) and limits.guidance.holds(usual.guidance)
    halvings = len(preset.architecture.unet["down_block_types"]) - 1
    assert limits.multiple_of == 8 * 2**halvings


@every_preset
def test_a_presets_sampler_takes_every_number_of_steps_that_its_limits_allow(
    preset: Preset,
) -> None:
    sampler = read_sampler(preset.scheduler)
    for steps in range(1, int(preset.limits.steps.max) + 1):
        assert len(sampler.start(steps).timesteps) == steps


@every_preset
def test_a_preset_is_pinned_to_a_commit_and_found_by_both_names(preset: Preset) -> None:
    published = [preset.source, *preset.decoders.values()]
    assert all(COMMIT.fullmatch(each.revision) for each in published)
    assert find_preset(preset.name) is find_preset(preset.source.repository) is preset


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
