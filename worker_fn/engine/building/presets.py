"""Models that `darkroom-model build` knows by name: where they are published, and their cards.

A revision is the commit that was current when the preset was written; nothing else is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.model_card import Defaults, Limits, Range
from worker_fn.engine.building.architectures import LCM_SD15, SD_TURBO, SDXS, TINY_SD, Architecture

FULL, TINY = "full", "tiny"
SAME_FOLDER = "vae"

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "epsilon",
    "steps_offset": 1,
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """A folder of one commit of a repository on the hub; `folder` is empty for its root."""

    repository: str
    revision: str
    folder: str = ""


TAESD = Published(
    repository="madebyollin/taesd", revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e"
)
"""The small decoder for every model with Stable Diffusion 1's or 2's latents; MIT."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One model. `decoders` says where the full VAE and the small one are; the first is usual.

    `scheduler` is a whole scheduler_config.json, so that pictures do not hang on a published one.
    """

    name: str
    source: Published
    architecture: Architecture
    scheduler: Mapping[str, Any]
    decoders: Mapping[str, Published]
    title: str
    description: str
    licence: str
    limits: Limits
    defaults: Defaults


def _limits(*, multiple_of: int, most_pixels: int, steps: int, guidance: float) -> Limits:
    pixels = Range(min=64, max=most_pixels)
    return Limits(
        width=pixels,
        height=pixels,
        multiple_of=multiple_of,
        steps=Range(min=1, max=steps),
        guidance=Range(min=0, max=guidance),
        prompt_chars=1000,
    )


def _published(repository: str, revision: str) -> Published:
    return Published(repository=repository, revision=revision)


def _inside(source: Published, folder: str) -> Published:
    return Published(repository=source.repository, revision=source.revision, folder=folder)


_TINY_SD = _published("segmind/tiny-sd", "cad0bd7495fa6c4bcca01b19a723dc91627fe84f")
_LCM = _published("SimianLuo/LCM_Dreamshaper_v7", "a85df6a8bd976cdd08b4fd8f3b73f229c9e54df5")
_SD_TURBO = _published("stabilityai/sd-turbo", "b261bac6fd2cf515557d5d0707481eafa0485ec2")
_SDXS = _published("IDKiro/sdxs-512-0.9", "c332f05f60eb4b453de513be52c2a18c48d8cfe6")

_EULER_TRAILING = {
    "_class_name": "EulerDiscreteScheduler",
    **SCHEDULE,
    "timestep_spacing": "trailing",
}

PRESETS = (
    Preset(
        name="tiny-sd",
        source=_TINY_SD,
        architecture=TINY_SD,
        scheduler={"_class_name": "DPMSolverMultistepScheduler", **SCHEDULE},
        decoders={FULL: _inside(_TINY_SD, SAME_FOLDER), TINY: TAESD},
        title="tiny-sd",
        description="Stable Diffusion 1 with a UNet of a third of its size, distilled by Segmind "
        "from Realistic Vision 4.0. Portraits and single things; draws best at 512 x 512.",
        licence="CreativeML Open RAIL-M",
        limits=_limits(multiple_of=32, most_pixels=768, steps=50, guidance=20),
        defaults=Defaults(width=512, height=512, steps=25, guidance=7.0),
    ),
    Preset(
        name="lcm-dreamshaper-v7",
        source=_LCM,
        architecture=LCM_SD15,
        scheduler={
            "_class_name": "LCMScheduler",
            **SCHEDULE,
            "original_inference_steps": 50,
            "timestep_scaling": 10.0,
        },
        decoders={FULL: _inside(_LCM, SAME_FOLDER), TINY: TAESD},
        title="LCM Dreamshaper v7",
        description="Stable Diffusion 1.5 as tuned by Dreamshaper, distilled into a latent "
        "consistency model that needs four steps. The guidance is told to the UNet and costs "
        "nothing; negative prompts have no effect.",
        licence="MIT",
        limits=_limits(multiple_of=64, most_pixels=768, steps=50, guidance=20),
        defaults=Defaults(width=512, height=512, steps=4, guidance=8.0),
    ),
    Preset(
        name="sd-turbo",
        source=_SD_TURBO,
        architecture=SD_TURBO,
        scheduler=_EULER_TRAILING,
        decoders={FULL: _inside(_SD_TURBO, SAME_FOLDER), TINY: TAESD},
        title="SD-Turbo",
        description="Stable Diffusion 2.1, distilled by Stability AI to draw in one step and "
        "without guidance, so negative prompts have no effect. Draws best at 512 x 512.",
        licence="Stability AI Community License",
        limits=_limits(multiple_of=64, most_pixels=768, steps=4, guidance=1),
        defaults=Defaults(width=512, height=512, steps=1, guidance=0.0),
    ),
    Preset(
        name="sdxs-512",
        source=_SDXS,
        architecture=SDXS,
        scheduler=_EULER_TRAILING,
        decoders={TINY: _inside(_SDXS, SAME_FOLDER), FULL: _inside(_SDXS, "vae_large")},
        title="SDXS-512-0.9",
        description="The smallest of all: a UNet of 328 million parameters and a small decoder, "
        "trained together to draw 512 x 512 in one step and without guidance, so negative prompts "
        "have no effect.",
        licence="CreativeML Open RAIL++-M",
        limits=_limits(multiple_of=32, most_pixels=768, steps=1, guidance=1),
        defaults=Defaults(width=512, height=512, steps=1, guidance=0.0),
    ),
)

EXAMPLES = (
    "a lighthouse on a cliff above the sea, evening light",
    "portrait of an old fisherman, photograph",
    "a red bicycle leaning against a yellow wall",
    "a bowl of cherries on a wooden table, oil painting",
    "a fox asleep in the snow",
    "a city street in the rain at night, reflections",
    "mountains and a lake at dawn",
    "a paper boat on a pond, watercolour",
)
"""What calibrates int8 and is measured, where a card has no examples of its own."""


def find_preset(name: str) -> Preset | None:
    """By its own name or by its repository's."""
    known = {preset.name: preset for preset in PRESETS}
    known |= {preset.source.repository: preset for preset in PRESETS}
    return known.get(name)
