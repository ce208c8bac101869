"""Settings from an environment."""

from __future__ import annotations

import pytest

from shared.errors import SettingsError
from shared.settings import JobRules, LambdaWorkerSettings, SubmitSettings


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        SubmitSettings.read({"DARKROOM_TABLE": "jobs"})

    assert "DARKROOM_QUEUE_URL" in str(refusal.value)
    assert "DARKROOM_CATALOG" in str(refusal.value)
    assert "DARKROOM_TABLE" not in str(refusal.value)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="DARKROOM_LEASE_S"):
        JobRules.read({"DARKROOM_LEASE_S": "soon"})


def test_an_unknown_engine_is_refused() -> None:
    places = {"DARKROOM_TABLE": "t", "DARKROOM_QUEUE_URL": "q", "DARKROOM_BUCKET": "b"}

    with pytest.raises(SettingsError, match="DARKROOM_ENGINE"):
        LambdaWorkerSettings.read({**places, "DARKROOM_ENGINE": "magic"})


def test_other_variables_do_not_matter() -> None:
    assert JobRules.read({"PATH": "/bin", "LEASE_S": "1"}) == JobRules()
