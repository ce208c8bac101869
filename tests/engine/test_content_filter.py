"""Pictures that a model's safety checker refuses."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import torch

from darkroom import Darkroom
from shared.errors import ContentFiltered, EngineFailed, ModelUnavailable
from tests.builders import a_card
from tests.engine.checking import NEVER, embedded
from tests.engine.drawing import asked, drawn, passed
from tests.engine.tiny_models import WIDTH, checker_with, save_checker
from tests.local.server import running
from worker_fn.engine import openvino_networks
from worker_fn.engine.base import Engine, Picture, StepDone
from worker_fn.engine.building import export as building
from worker_fn.engine.diffusers_engine import DiffusersEngine
from worker_fn.engine.digest import UNFILTERED
from worker_fn.engine.kept_files import KeptFiles
from worker_fn.engine.openvino_engine import OpenVinoEngine

SEEDS = range(5)
REQUESTS = [asked("a red circle", seed=seed) for seed in SEEDS]


@pytest.fixture(scope="session")
def filtered_model(stable_diffusion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose checker refuses about half of the pictures that are asked for here."""
    folder = tmp_path_factory.mktemp("filtered") / "weights"
    shutil.copytree(stable_diffusion, folder)
    pictures = [*drawn(DiffusersEngine(stable_diffusion, device="cpu"), *REQUESTS)]
    concepts = torch.ones(3 + 17, WIDTH)
    save_checker(folder, checker_with(concepts, [NEVER] * len(concepts)))
    seen = embedded(folder, pictures)
    centred = seen - seen.mean(0)
    direction = torch.linalg.svd(centred).Vh[0]
    likenesses = (seen @ direction).sort().values
    gaps = likenesses.diff()
    widest = int(gaps[1:-1].argmax()) + 1
    assert gaps[widest] > 0.01
    threshold = float(likenesses[widest : widest + 2].mean())
    concepts[3] = direction
    save_checker(folder, checker_with(concepts, [NEVER] * 3 + [threshold] + [NEVER] * 16))
    return folder


@pytest.fixture(scope="session")
def exported(filtered_model: Path) -> Path:
    out = filtered_model.parent / "openvino"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "MEASURED", 2)  # for the sake of time
        building.export(filtered_model, out, precision="int8", examples=REQUESTS[:2])
    return out


@pytest.fixture(scope="session")
def reference(filtered_model: Path) -> Engine:
    return DiffusersEngine(filtered_model, device="cpu")


@pytest.fixture(scope="session")
def engine_for_cpus(exported: Path) -> Engine:
    return OpenVinoEngine(exported)


@pytest.fixture(scope="session", params=["diffusers", "openvino"])
def both(
    request: pytest.FixtureRequest, reference: Engine, engine_for_cpus: Engine, filtered_model: Path
) -> tuple[Engine, Engine]:
    """An engine with its filter, and one without."""
    if request.param == "diffusers":
        return reference, DiffusersEngine(filtered_model, device="cpu", content_filter=False)
    exported = filtered_model.parent / "openvino"
    return engine_for_cpus, OpenVinoEngine(exported, content_filter=False)


def outcomes(engine: Engine) -> list[bool]:
    """Which of the pictures pass, each drawn alone."""
    return [isinstance(passed(engine, request)[0], Picture) for request in REQUESTS]


def test_both_engines_refuse_the_same_pictures(reference: Engine, engine_for_cpus: Engine) -> None:
    theirs = outcomes(reference)

    assert set(theirs) == {True, False}
    assert outcomes(engine_for_cpus) == theirs


def test_in_a_list_only_the_guilty_are_refused_and_the_others_are_drawn_as_without(
    both: tuple[Engine, Engine],
) -> None:
    filtered, free = both
    unseen, seen = drawn(free, *REQUESTS), passed(filtered, *REQUESTS)

    assert [isinstance(each, Picture) for each in seen] == outcomes(filtered)
    for picture, checked in zip(unseen, seen, strict=True):
        assert isinstance(checked, ContentFiltered) or checked == picture


def test_there_are_no_previews_of_what_is_looked_at_first(both: tuple[Engine, Engine]) -> None:
    filtered, free = ([*engine.draw([REQUESTS[0]])][:-1] for engine in both)

    assert [step.preview for step in filtered if isinstance(step, StepDone)] == [None] * 3
    assert all(step.preview is not None for step in free if isinstance(step, StepDone))


def test_turned_off_every_picture_is_drawn_and_the_digest_says_so(
    both: tuple[Engine, Engine],
) -> None:
    filtered, free = both
    filtered.load()
    free.load()

    assert free.digest == f"{filtered.digest}{UNFILTERED}"


def test_turned_off_the_checker_is_not_even_read(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Counter[str]()
    of_class = openvino_networks.Network._found_or_compiled

    def counted(network: openvino_networks.Network, shapes: openvino_networks.Shapes) -> object:
        read[network.name] += 1
        return of_class(network, shapes)

    monkeypatch.setattr(openvino_networks.Network, "_found_or_compiled", counted)
    OpenVinoEngine(exported, content_filter=False).load()
    assert read["unet"] == 1
    assert read["safety_checker"] == 0
    OpenVinoEngine(exported).load()
    assert read["safety_checker"] == 1


def test_a_filter_is_ready_from_the_first_picture_on(exported: Path, tmp_path: Path) -> None:
    first, again = (OpenVinoEngine(exported, kept=KeptFiles(tmp_path)) for _ in range(2))
    first.load()
    again.load()
    loading_s = again.loading_s

    assert outcomes(again) == outcomes(first)
    assert again.loading_s == loading_s


def test_what_is_refused_is_served_to_nobody_and_the_models_page_says_that_it_may_be(
    exported: Path, engine_for_cpus: Engine, tmp_path: Path
) -> None:
    expected = ["succeeded" if passes else "failed" for passes in outcomes(engine_for_cpus)]
    usual = REQUESTS[0]
    card = a_card(
        name="filtered",
        digests={"openvino": engine_for_cpus.digest},
        defaults={"width": 64, "height": 64, "steps": usual.steps, "guidance": usual.guidance},
        filtered=True,
    )
    shutil.copytree(exported, tmp_path / "models" / "filtered" / "openvino")
    (tmp_path / "models" / "filtered" / "card.json").write_text(card.model_dump_json(), "utf-8")
    places = {"model": "filtered", "models": tmp_path / "models", "engine": "openvino"}
    with (
        running(tmp_path / "data", **places) as server,  # type: ignore[arg-type]  # of mixed kinds
        Darkroom(server.base_url) as room,
    ):
        (model,) = httpx.get(f"{server.base_url}/v1/models").json()["models"]
        asked = [{"prompt": each.prompt, "seed": each.seed, "preview": True} for each in REQUESTS]
        jobs = room.wait(room.submit_many(asked)).jobs

    assert model["filtered"] is True
    assert [job.status for job in jobs] == expected
    refused = [job.error for job in jobs if job.error is not None]
    assert {(error.code, error.retryable) for error in refused} == {("content_filtered", False)}
    stored = [path for path in (tmp_path / "data" / "images").rglob("*") if path.is_file()]
    assert len(stored) == expected.count("succeeded")


def copied(folder: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    shutil.copytree(folder, target)
    return target


def test_a_checker_that_was_altered_is_refused_as_any_other_part(
    exported: Path, tmp_path: Path
) -> None:
    folder = copied(exported, tmp_path)
    weights = folder / "safety_checker.bin"
    weights.write_bytes(weights.read_bytes()[:-8])

    with pytest.raises(ModelUnavailable, match="truncated or altered"):
        OpenVinoEngine(folder).load()
    weights.unlink()
    with pytest.raises(ModelUnavailable, match=r"lacks safety_checker\.bin"):
        OpenVinoEngine(folder).load()


def without_weights(folder: Path) -> None:
    (folder / "safety_checker" / "model.safetensors").unlink()


def truncated(folder: Path) -> None:
    path = folder / "safety_checker" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def pickled(folder: Path) -> None:
    path = folder / "safety_checker" / "model.safetensors"
    path.rename(path.with_name("pytorch_model.bin"))


def incomplete(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "safety_checker" / "model.safetensors"
    tensors = load_file(path)
    del tensors["concept_embeds"]
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize("harm", [without_weights, truncated, pickled, incomplete])
def test_a_reference_checker_that_is_not_whole_is_refused(
    harm: Callable[[Path], None], filtered_model: Path, tmp_path: Path
) -> None:
    folder = copied(filtered_model, tmp_path)
    harm(folder)

    with pytest.raises(ModelUnavailable, match="safety_checker"):
        DiffusersEngine(folder, device="cpu").load()


def test_a_reference_checker_that_did_not_look_lets_nothing_through(filtered_model: Path) -> None:
    engine = DiffusersEngine(filtered_model, device="cpu")
    engine.pipeline.run_safety_checker = lambda image, device, dtype: (image, None)

    with pytest.raises(EngineFailed, match="did not look"):
        list(engine.draw([REQUESTS[0]]))
