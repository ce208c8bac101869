"""The samplers in numpy, step by step against diffusers' own schedulers."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler

from shared.errors import InvalidInput, ModelUnavailable
from worker_fn.engine.samplers.choice import read_sampler

SHAPE = (2, 4, 8, 8)
CLOSE = 1e-4
ROUNDED_AT_4096 = 2e-3
"""Without signal diffusers' Euler holds latents times 4096, where float32 is this coarse."""
SPACINGS = ("linspace", "leading", "trailing")
PREDICTIONS = ("epsilon", "v_prediction", "sample")
STEPS = (1, 2, 5, 20)
EVERY_STEPS = range(1, 51)
OF_STABLE_DIFFUSION = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def config_of(scheduler: Any) -> dict[str, Any]:
    return dict(json.loads(scheduler.to_json_string()))


def follow(scheduler: Any, steps: int, *, close: float = CLOSE) -> None:
    """Takes the same steps with both, and compares after each."""
    random = np.random.default_rng(steps)
    theirs, ours = (torch.Generator("cpu").manual_seed(3) for _ in range(2))
    scheduler.set_timesteps(steps)
    denoising = read_sampler(config_of(scheduler)).start(steps)
    np.testing.assert_allclose(denoising.timesteps, scheduler.timesteps.numpy(), CLOSE, CLOSE)
    noise = random.standard_normal(SHAPE, np.float32)
    latents = np.float32(denoising.initial_scale) * noise
    expected = torch.from_numpy(noise) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        told = scheduler.scale_model_input(expected, timestep).numpy()
        np.testing.assert_allclose(latents, told, rtol=close, atol=close)
        prediction = random.standard_normal(SHAPE, np.float32)
        expected = scheduler.step(
            torch.from_numpy(prediction), timestep, expected, generator=theirs, return_dict=False
        )[0]
        latents = denoising.step(
            prediction, latents, lambda: torch.randn(SHAPE, generator=ours).numpy()
        )
        assert latents.dtype == np.float32
    # Relative as well: without signal, epsilon-prediction gives numbers in the thousands.
    np.testing.assert_allclose(latents, expected.numpy(), rtol=close, atol=close)


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


@pytest.mark.parametrize(
    ("spacing", "prediction", "zero_snr", "end", "karras"),
    list(
        itertools.product(
            SPACINGS, PREDICTIONS, (False, True), ("zero", "sigma_min"), (False, True)
        )
    ),
)
def test_euler_follows_diffusers(
    spacing: str, prediction: str, zero_snr: bool, end: str, karras: bool
) -> None:
    scheduler = EulerDiscreteScheduler(
        timestep_spacing=spacing,
        prediction_type=prediction,
        rescale_betas_zero_snr=zero_snr,
        final_sigmas_type=end,
        use_karras_sigmas=karras,
        steps_offset=1,
        **OF_STABLE_DIFFUSION,
    )
    for steps in STEPS:
        follow(scheduler, steps, close=ROUNDED_AT_4096 if zero_snr else CLOSE)


def test_euler_with_karras_ends_follows_diffusers() -> None:
    scheduler = EulerDiscreteScheduler(use_karras_sigmas=True, sigma_min=0.1, sigma_max=10.0)
    for steps in STEPS:
        follow(scheduler, steps)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "scheduler",
    [
        DPMSolverMultistepScheduler(steps_offset=1, **OF_STABLE_DIFFUSION),
        EulerDiscreteScheduler(timestep_spacing="trailing", steps_offset=1, **OF_STABLE_DIFFUSION),
        LCMScheduler(steps_offset=1, **OF_STABLE_DIFFUSION),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_a_presets_sampler_follows_diffusers_at_any_number_of_steps(
    scheduler: Any, prediction: str
) -> None:
    for steps in EVERY_STEPS:
        follow(type(scheduler).from_config(scheduler.config, prediction_type=prediction), steps)


def test_one_step_of_turbo_is_the_picture_that_is_predicted_from_noise_alone() -> None:
    scheduler = EulerDiscreteScheduler(timestep_spacing="trailing", **OF_STABLE_DIFFUSION)
    denoising = read_sampler(config_of(scheduler)).start(1)
    assert denoising.timesteps.tolist() == [999]
    still = np.zeros(SHAPE, np.float32)
    np.testing.assert_array_equal(denoising.step(still, still, lambda: still), still)


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


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("interpolation_type", "log_linear"),
        ("timestep_type", "continuous"),
        ("use_exponential_sigmas", True),
        ("use_beta_sigmas", True),
        ("sigma_max", "high"),
        ("timestep_spacing", "even"),
    ],
)
def test_a_setting_of_euler_that_is_not_supported_is_refused_by_name(
    setting: str, value: object
) -> None:
    with pytest.raises(ModelUnavailable, match=setting):
        read_sampler({**config_of(EulerDiscreteScheduler()), setting: value})


def test_another_scheduler_is_refused_by_name_and_with_what_to_do() -> None:
    with pytest.raises(ModelUnavailable, match=r"HeunDiscreteScheduler.*change the model's"):
        read_sampler({"_class_name": "HeunDiscreteScheduler"})


def test_lcm_without_signal_cannot_predict_noise() -> None:
    scheduler = LCMScheduler(prediction_type="epsilon", rescale_betas_zero_snr=True)
    with pytest.raises(ModelUnavailable, match="rescale_betas_zero_snr"):
        read_sampler(config_of(scheduler))


def test_more_steps_than_lcm_was_distilled_for_are_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="50"):
        read_sampler(config_of(LCMScheduler())).start(51)


def test_a_number_of_steps_that_rounds_to_one_more_is_invalid_input() -> None:
    for kind in (DPMSolverMultistepScheduler, EulerDiscreteScheduler):
        scheduler = kind(timestep_spacing="trailing")
        with pytest.raises(InvalidInput, match="61"):
            read_sampler(config_of(scheduler)).start(61)
