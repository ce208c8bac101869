"""The one model that a run offers, checked before anything starts."""

from __future__ import annotations

from importlib.util import find_spec

from pydantic import ValidationError

from infra.local.options import Options
from infra.local.refusal import Refused
from shared.errors import ValidationFailed
from shared.model_card import Catalog, ModelCard
from worker_fn.engine.pattern import DIGEST

_NEEDS = {"openvino": ("openvino", "worker"), "diffusers": ("diffusers", "worker-diffusers")}
"""What an engine imports, and the extra that installs it."""


def offered(options: Options) -> Catalog:
    """The catalog of one. Raises Refused for an unknown model or an engine that cannot start."""
    card = _card(options)
    _check_library(options)
    _check_files(options)
    return Catalog((_with_pattern(_within_memory(card, options), options),))


def _card(options: Options) -> ModelCard:
    path = options.models / options.model / "card.json"
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError as error:
        known = ", ".join(sorted(card.parent.name for card in options.models.glob("*/card.json")))
        raise Refused(
            f"there is no model {options.model!r}; there are: {known or 'none'}"
        ) from error
    except ValidationError as error:
        raise Refused(f"{path} is not a model card: {error.errors()[0]['msg']}") from error


def _within_memory(card: ModelCard, options: Options) -> ModelCard:
    if options.engine != "openvino":
        return card
    try:
        return card.within(options.worker_memory_mb)
    except ValidationFailed as error:
        raise Refused(f"{error}; fewer --workers leave more to each") from error


def _with_pattern(card: ModelCard, options: Options) -> ModelCard:
    """That engine draws for every model, and so is on no model's card."""
    if options.engine != "pattern":
        return card
    return card.model_copy(update={"digests": {**card.digests, "pattern": DIGEST}})


def _check_library(options: Options) -> None:
    library, extra = _NEEDS.get(options.engine, (None, None))
    if library is not None and find_spec(library) is None:
        raise Refused(
            f"the engine {options.engine} needs the package {library}: "
            f"pip install -c constraints.txt -e '.[{extra}]'"
        )


def _check_files(options: Options) -> None:
    folder = options.model_dir
    if folder is not None and not any(folder.glob("*")):
        raise Refused(f"the engine {options.engine} needs files in {folder}, and there are none")
