"""Small models, made and exported once per run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.drawing import asked
from tests.engine.tiny_models import (
    save_latent_consistency,
    save_small_decoder,
    save_stable_diffusion,
    save_tiny_sd,
)
from worker_fn.engine.base import Engine
from worker_fn.engine.building.export import Exported, Precision, export
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.openvino_engine import OpenVinoEngine
from worker_fn.engine.pattern import PatternEngine

HERE = Path(__file__).parent
NOT_OURS = (
    # diffusers 0.42 with numpy 2.4
    "ignore:__array__ implementation:DeprecationWarning",
)
FEW = 3
EXAMPLES = [asked("a red circle", seed=1), asked("the blue sea at noon", seed=2)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets through what the libraries, not we, are warned of."""
    for item in items:
        if HERE in item.path.parents:
            for warning in NOT_OURS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def stable_diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(tmp_path_factory, save_stable_diffusion)


@pytest.fixture(scope="session")
def small_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(tmp_path_factory, save_small_decoder)


@pytest.fixture(scope="session")
def latent_consistency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(tmp_path_factory, save_latent_consistency)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(tmp_path_factory, save_tiny_sd)


@pytest.fixture(scope="session")
def exported_tiny_sd(tiny_sd: Path) -> Path:
    return _exported(tiny_sd, "int8")


@pytest.fixture(scope="session")
def exported_stable_diffusion(stable_diffusion: Path) -> Path:
    return _exported(stable_diffusion, "fp32")


@pytest.fixture(scope="session")
def exported_small_decoder(small_decoder: Path) -> Path:
    """As a user's: whole, with every picture that is compared."""
    out = small_decoder.parent / "openvino-int8"
    export(small_decoder, out, precision="int8", examples=EXAMPLES)
    return out


@pytest.fixture(scope="session")
def exported_latent_consistency(latent_consistency: Path) -> Path:
    return _exported(latent_consistency, "fp32")


@pytest.fixture(scope="session")
def pattern_engine() -> Engine:
    return PatternEngine(delay_s=0, sleep=lambda seconds: None, die=lambda: None)


@pytest.fixture(scope="session")
def diffusers_engine(stable_diffusion: Path) -> Engine:
    return DiffusersEngine(stable_diffusion, device="cpu")


@pytest.fixture(scope="session")
def openvino_engine(exported_stable_diffusion: Path) -> Engine:
    return OpenVinoEngine(exported_stable_diffusion)


@pytest.fixture(scope="session")
def int8_engine(exported_small_decoder: Path) -> Engine:
    return OpenVinoEngine(exported_small_decoder)


@pytest.fixture(params=["pattern", "diffusers", "openvino", "int8"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine in turn, loaded."""
    chosen: Engine = request.getfixturevalue(f"{request.param}_engine")
    chosen.load()
    return chosen


def _saved(factory: pytest.TempPathFactory, save: Callable[[Path], None]) -> Path:
    folder = factory.mktemp("model") / "weights"
    save(folder)
    return folder


def export_quickly(model: Path, out: Path, precision: Precision) -> Exported:
    """With few pictures compared: sixteen take as long as all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker_fn.engine.building.export.MEASURED", FEW)
        return export(model, out, precision=precision, examples=EXAMPLES)


def _exported(model: Path, precision: Precision) -> Path:
    out = model.parent / f"openvino-{precision}"
    export_quickly(model, out, precision)
    return out
