"""From a scheduler_config.json to the numpy sampler that does what diffusers' scheduler does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.errors import ModelUnavailable
from worker_fn.engine.samplers.denoising import Sampler
from worker_fn.engine.samplers.dpm_solver import read_dpm_solver
from worker_fn.engine.samplers.euler import read_euler
from worker_fn.engine.samplers.lcm import read_lcm

READERS: Mapping[str, Callable[[Mapping[str, Any]], Sampler]] = {
    "DPMSolverMultistepScheduler": read_dpm_solver,
    "EulerDiscreteScheduler": read_euler,
    "LCMScheduler": read_lcm,
}


def read_sampler(config: Mapping[str, Any]) -> Sampler:
    """The sampler for a scheduler_config.json.

    Raises ModelUnavailable naming the class or the setting that is not supported.
    """
    name = str(config.get("_class_name"))
    if name not in READERS:
        raise ModelUnavailable(
            f"the scheduler {name} is not supported here, only {', '.join(sorted(READERS))}: "
            "use the diffusers engine, or change the model's scheduler"
        )
    return READERS[name](config)
