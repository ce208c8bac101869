"""Reads a diffusers scheduler_config.json, and refuses whatever would change pictures unnoticed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from shared.errors import ModelUnavailable

Choice = TypeVar("Choice", str, int)

WITHOUT_EFFECT = frozenset({"clip_sample", "set_alpha_to_one", "skip_prk_steps"})
"""Left over from the scheduler that a model was trained with; diffusers ignores them too."""


class SchedulerSettings:
    """A scheduler's settings; every reading names what is accepted.

    `unused` are settings that the class knows and that have no effect as it is configured.
    """

    def __init__(self, config: Mapping[str, Any], *, unused: Collection[str]) -> None:
        self._config = config
        self._read = {*unused, *WITHOUT_EFFECT}

    def number(self, name: str, default: float) -> float:
        """A finite number. Raises ModelUnavailable for anything else."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refused(name, value, "a number")
        return float(value)

    def number_or_none(self, name: str) -> float | None:
        """A finite number, or None where the setting is null or absent. Raises ModelUnavailable."""
        return None if self._value(name, None) is None else self.number(name, 0.0)

    def whole(self, name: str, default: int) -> int:
        """A whole number. Raises ModelUnavailable for anything else."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refused(name, value, "a whole number")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false. Raises ModelUnavailable for anything else."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise _refused(name, value, "true or false")
        return value

    def choice(self, name: str, default: Choice, accepted: Collection[Choice]) -> Choice:
        """One of the accepted values. Raises ModelUnavailable for anything else."""
        value = self._value(name, default)
        for choice in accepted:
            if choice == value:
                return choice
        raise _refused(name, value, " or ".join(str(choice) for choice in accepted))

    def must_be(self, name: str, only: object) -> None:
        """Raises ModelUnavailable when the setting is given and is not `only`."""
        value = self._value(name, only)
        if value != only:
            raise _refused(name, value, repr(only))

    def refuse_the_rest(self) -> None:
        """Raises ModelUnavailable for a setting that nobody has read; `_` marks notes."""
        for name, value in self._config.items():
            if name not in self._read and not name.startswith("_"):
                raise ModelUnavailable(f"the scheduler setting {name}={value!r} is not known here")

    def _value(self, name: str, default: object) -> object:
        self._read.add(name)
        return self._config.get(name, default)


def _refused(name: str, value: object, accepted: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"the scheduler setting {name}={value!r} is not supported here, only {accepted}: "
        "use the diffusers engine, or change the model's scheduler"
    )
