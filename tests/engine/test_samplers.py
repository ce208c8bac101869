"""The samplers in numpy, step by step against diffusers' own schedulers."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, LCMScheduler

from shared.errors import InvalidInput, ModelUnavailable
from worker_fn.engine.samplers import read_sampler

SHAPE = (2, 4, 8, 8)
CLOSE = 1e-4
SPACINGS = ("linspace", "leading", "trailing")
PREDICTIONS = ("epsilon", "v_prediction", "sample")
STEPS = (1, 2, 5, 20)


def config_of(scheduler: Any) -> dict[str, Any]:
    return dict(json.loads(scheduler.to_json_string()))


def follow(scheduler: Any, steps: int) -> None:
    """Takes the same steps with both, and compares after each."""
    random = np.random.default_rng(steps)
    theirs, ours = (torch.Generator("cpu").manual_seed(3) for _ in range(2))
    scheduler.set_timesteps(steps)
    denoising = read_sampler(config_of(scheduler)).start(steps)
    assert denoising.timesteps.tolist() == scheduler.timesteps.tolist()
    latents = random.standard_normal(SHAPE, np.float32)
    expected = torch.from_numpy(latents)
    for timestep in scheduler.timesteps:
        prediction = random.standard_normal(SHAPE, np.float32)
        expected = scheduler.step(
            torch.from_numpy(prediction), timestep, expected, generator=theirs, return_dict=False
        )[0]
        latents = denoising.step(
            prediction, latents, lambda: torch.randn(SHAPE, generator=ours).numpy()
        )
        # Relative as well: without signal, epsilon-prediction gives numbers in the thousands.
        np.testing.assert_allclose(latents, expected.numpy(), rtol=CLOSE, atol=CLOSE)
        assert latents.dtype == np.float32


@pytest.mark.parametrize(
    ("spacing", "prediction", "zero_snr"),
    list(itertools.product(SPACINGS, PREDICTIONS, (False, True))),
)
def test_dpm_solver_follows_diffusers(spacing: str, prediction: str, zero_snr: bool) -> None:
    for order, end, betas, solver in itertools.product(
        (1, 2), ("zero", "sigma_min"), ("linear", "scaled_linear"), ("midpoint", "heun")
    ):
        scheduler = DPMSolverMultistepScheduler(
            timestep_spacing=spacing,
            prediction_type=prediction,
            rescale_betas_zero_snr=zero_snr,
            solver_order=order,
            final_sigmas_type=end,
            beta_schedule=betas,
            solver_type=solver,
            steps_offset=1,
        )
        for steps in STEPS:
            follow(scheduler, steps)


@pytest.mark.parametrize("euler_at_final", [False, True])
@pytest.mark.parametrize("lower_order_final", [False, True])
def test_the_last_steps_order_follows_diffusers(
    euler_at_final: bool, lower_order_final: bool
) -> None:
    scheduler = DPMSolverMultistepScheduler(
        euler_at_final=euler_at_final,
        lower_order_final=lower_order_final,
        final_sigmas_type="sigma_min",
    )
    for steps in STEPS:
        follow(scheduler, steps)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("clip", [False, True])
def test_lcm_follows_diffusers(prediction: str, clip: bool) -> None:
    for steps in (1, 2, 4, 7, 50):
        follow(LCMScheduler(prediction_type=prediction, clip_sample=clip), steps)


def test_zero_snr_lcm_follows_diffusers() -> None:
    follow(LCMScheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True), 4)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("algorithm_type", "sde-dpmsolver++"),
        ("solver_order", 3),
        ("use_karras_sigmas", True),
        ("thresholding", True),
        ("beta_schedule", "squaredcos_cap_v2"),
        ("trained_betas", [0.1, 0.2]),
        ("lambda_min_clipped", -5.1),
        ("beta_start", "small"),
        ("num_train_timesteps", 10.5),
        ("lower_order_final", "yes"),
        ("invented_setting", 1),
    ],
)
def test_a_setting_that_is_not_supported_is_refused_by_name(setting: str, value: object) -> None:
    config = {**config_of(DPMSolverMultistepScheduler()), setting: value}
    with pytest.raises(ModelUnavailable, match=setting):
        read_sampler(config)


def test_settings_left_over_from_other_schedulers_do_no_harm() -> None:
    read_sampler({**config_of(DPMSolverMultistepScheduler()), "skip_prk_steps": True})


def test_another_scheduler_is_refused_by_name() -> None:
    with pytest.raises(ModelUnavailable, match="EulerDiscreteScheduler"):
        read_sampler({"_class_name": "EulerDiscreteScheduler"})


def test_lcm_without_signal_cannot_predict_noise() -> None:
    scheduler = LCMScheduler(prediction_type="epsilon", rescale_betas_zero_snr=True)
    with pytest.raises(ModelUnavailable, match="rescale_betas_zero_snr"):
        read_sampler(config_of(scheduler))


def test_more_steps_than_lcm_was_distilled_for_are_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="50"):
        read_sampler(config_of(LCMScheduler())).start(51)


def test_a_number_of_steps_that_rounds_to_one_more_is_invalid_input() -> None:
    scheduler = DPMSolverMultistepScheduler(timestep_spacing="trailing")
    with pytest.raises(InvalidInput, match="61"):
        read_sampler(config_of(scheduler)).start(61)
