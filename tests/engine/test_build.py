"""`darkroom-model build`: what it refuses, what it leaves behind, and what can be served of it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file, save_file

from darkroom import Darkroom
from shared.errors import ModelUnavailable
from shared.model_card import ModelCard, Range
from tests.engine.checking import NEVER
from tests.engine.local_hub import hub_with
from tests.engine.tiny_models import WIDTH, checker_with, save_checker
from tests.local.server import running
from worker_fn.engine.build import main
from worker_fn.engine.building import built_card
from worker_fn.engine.building.model_source import FolderSource, Hub, HubSource
from worker_fn.engine.building.presets import Published
from worker_fn.engine.building.staging import Wanted, stage
from worker_fn.engine.digest import folder_digest, record_digest

COMMIT = "0123456789" * 4
UNET = "unet/diffusion_pytorch_model.safetensors"

Build = Callable[..., str]


@pytest.fixture
def model(tmp_path: Path, small_decoder: Path) -> Path:
    """A good diffusers folder, to be spoiled."""
    return Path(shutil.copytree(small_decoder, tmp_path / "model"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "models" / "mine"


@pytest.fixture
def refusal(out: Path, capsys: pytest.CaptureFixture[str]) -> Build:
    """What a refused build says; nothing of it may be left."""

    def refused(*arguments: object) -> str:
        before = sorted(out.parent.rglob("*"))
        status = main(["build", *map(str, arguments), "--out", str(out)])
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        assert sorted(out.parent.rglob("*")) == before
        assert said.err.startswith("darkroom-model: ")
        return said.err

    return refused


def truncated(model: Path) -> None:
    path = model / UNET
    path.write_bytes(path.read_bytes()[:-100])


def pickled(model: Path) -> None:
    (model / UNET).rename((model / UNET).with_suffix(".bin"))


def only_a_pointer(model: Path) -> None:
    (model / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def without_a_part(model: Path) -> None:
    shutil.rmtree(model / "vae")


def without_an_index(model: Path) -> None:
    (model / "model_index.json").unlink()


def without_a_tensor(model: Path) -> None:
    tensors = load_file(model / UNET)
    del tensors["conv_out.bias"]
    save_file(tensors, model / UNET)


def with_another_tensor(model: Path) -> None:
    tensors = load_file(model / UNET)
    save_file({**tensors, "conv_out.bias": tensors["conv_in.bias"].clone()}, model / UNET)


def tampered(model: Path) -> None:
    record_digest(model)
    path = model / UNET
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def indexed(part: str, value: object) -> Callable[[Path], None]:
    def changed(model: Path) -> None:
        path = model / "model_index.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))

    return changed


def scheduled(name: str, value: object) -> Callable[[Path], None]:
    def changed(model: Path) -> None:
        path = model / "scheduler" / "scheduler_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))

    return changed


CHECKER = "safety_checker/model.safetensors"


def with_checker(spoil: Callable[[Path], None]) -> Callable[[Path], None]:
    """A safety checker that is none."""

    def changed(model: Path) -> None:
        save_checker(model, checker_with(torch.ones(20, WIDTH), [NEVER] * 20))
        spoil(model)

    changed.__name__ = spoil.__name__
    return changed


def with_unknown_class(model: Path) -> None:
    indexed("safety_checker", ["own_code", "OwnChecker"])(model)


def with_nothing(model: Path) -> None:
    shutil.rmtree(model / "safety_checker")


def with_pickle(model: Path) -> None:
    (model / CHECKER).rename(model / "safety_checker" / "pytorch_model.bin")


def without_thresholds(model: Path) -> None:
    tensors = load_file(model / CHECKER)
    del tensors["concept_embeds_weights"]
    save_file(tensors, model / CHECKER, {"format": "pt"})


def shown_otherwise(model: Path) -> None:
    path = model / "feature_extractor" / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_center_crop": False}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, r"truncated or altered.*fetch it again"),
        (pickled, r"only pickled weights.*convert them to safetensors"),
        (only_a_pointer, r"only a pointer.*fetch it again"),
        (without_a_part, r"vae.*fetch the model again"),
        (without_an_index, r"model_index.json is missing.*as diffusers saves it"),
        (without_a_tensor, r"lacks 1 of its weights, conv_out.bias.*fetch the model again"),
        (with_another_tensor, r"do not fit its config.json: fetch the model again"),
        (tampered, r"truncated or altered: fetch or export the model again"),
        (indexed("_class_name", "FluxPipeline"), r"FluxPipeline.*only text-to-image models"),
        (indexed("unet", ["own_code", "OwnUNet"]), r"OwnUNet.*only UNet2DConditionModel can"),
        (indexed("text_encoder_2", ["transformers", "CLIPTextModel"]), r"a part text_encoder_2"),
        (with_checker(with_unknown_class), r"OwnChecker.*--no-content-filter"),
        (with_checker(with_nothing), r"safety_checker is missing.*--no-content-filter"),
        (with_checker(with_pickle), r"only pickled weights.*--no-content-filter"),
        (with_checker(without_thresholds), r"safety_checker lacks 1 of its weights"),
        (with_checker(shown_otherwise), r"prepares pictures in a way.*--no-content-filter"),
        (scheduled("_class_name", "HeunDiscreteScheduler"), r"change the model's scheduler"),
        (scheduled("use_karras_sigmas", True), r"use_karras_sigmas.*change the model's scheduler"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_bad_folder_is_refused_with_what_to_do(
    model: Path, refusal: Build, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(model)
    assert re.search(said, refusal(model))


def test_a_checker_is_taken_over_unless_it_is_left_out(model: Path, tmp_path: Path) -> None:
    with_checker(lambda model: None)(model)
    taken, left = tmp_path / "taken", tmp_path / "left"
    for folder, content_filter in ((taken, True), (left, False)):
        wanted = Wanted(source=FolderSource(model), content_filter=content_filter)
        stage(wanted, folder, lambda place: FolderSource(model))

    assert (taken / CHECKER).is_file()
    assert json.loads((taken / "model_index.json").read_text())["safety_checker"][1] is not None
    assert not (left / "safety_checker").exists()
    assert json.loads((left / "model_index.json").read_text())["safety_checker"] == [None, None]


def test_a_pickle_beside_the_safetensors_is_never_read_nor_taken_over(
    model: Path, tmp_path: Path
) -> None:
    (model / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit'\ntR.")
    stage(Wanted(source=FolderSource(model)), tmp_path / "staged", _nothing_published)
    assert not list((tmp_path / "staged").rglob("*.bin"))


def test_weights_in_half_precision_are_taken_where_there_are_no_others(
    model: Path, tmp_path: Path
) -> None:
    (model / UNET).rename((model / UNET).with_suffix(".fp16.safetensors"))
    stage(Wanted(source=FolderSource(model)), tmp_path / "staged", _nothing_published)
    assert (tmp_path / "staged" / UNET).is_file()


@pytest.mark.parametrize("revision", [(), ("--revision", "main"), ("--revision", COMMIT[:7])])
def test_a_revision_that_is_not_a_whole_commit_is_refused(
    refusal: Build, revision: tuple[str, ...]
) -> None:
    assert "--revision with the 40 digits of a commit" in refusal("owner/name", *revision)


def test_what_is_neither_a_folder_nor_a_repository_nor_a_preset_is_refused(refusal: Build) -> None:
    assert "tiny-sd, lcm-dreamshaper-v7, sd-turbo, sdxs-512" in refusal("./nowhere")


def test_another_model_is_not_taken_for_a_preset(model: Path, refusal: Build) -> None:
    said = refusal(model, "--preset", "sd-turbo")
    assert "this is not sd-turbo: its unet has" in said and "865,910,724" in said


def test_an_unknown_preset_is_refused_with_the_known_ones(model: Path, refusal: Build) -> None:
    assert "there is no preset sd-9; there are tiny-sd" in refusal(model, "--preset", "sd-9")


def test_a_decoder_that_the_model_lacks_is_refused(model: Path, refusal: Build) -> None:
    assert "--decoder-folder" in refusal(model, "--decoder", "full")


def test_a_folder_that_is_something_else_is_not_overwritten(
    model: Path, out: Path, refusal: Build
) -> None:
    out.mkdir(parents=True)
    (out / "thesis.txt").write_text("years of work")
    assert "choose another --out" in refusal(model)


def test_a_place_that_cannot_be_written_is_refused(model: Path, out: Path, refusal: Build) -> None:
    out.parent.write_text("a file")
    assert "is --out the right place?" in refusal(model)


def test_a_built_model_outlives_a_build_that_is_refused(
    model: Path, out: Path, refusal: Build
) -> None:
    (out / "openvino").mkdir(parents=True)
    (out / "card.json").write_text("{}")
    truncated(model)
    refusal(model)
    assert (out / "card.json").read_text() == "{}"


def test_a_wrong_card_is_refused_with_the_place(
    model: Path, tmp_path: Path, refusal: Build
) -> None:
    (tmp_path / "card.json").write_text('{"limits": {"width": {"min": 64, "max": "wide"}}}')
    assert "wrong at limits.width.max" in refusal(model, "--card", tmp_path / "card.json")


@pytest.fixture
def hub(model: Path, tmp_path: Path) -> Iterator[Hub]:
    with hub_with({("owner/name", COMMIT): model}) as address:
        yield Hub(client=HfApi(endpoint=address), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("repository", "commit", "said"),
    [
        ("owner/name", COMMIT[::-1], "there is no such commit"),
        ("owner/other", COMMIT, "there is no such model, or it is private"),
        ("own er/name", COMMIT, "this is not OWNER/NAME"),
    ],
)
def test_what_the_hub_does_not_have_is_refused_with_what_to_do(
    hub: Hub, repository: str, commit: str, said: str
) -> None:
    source = HubSource(Published(repository=repository, revision=commit), hub=hub)
    with pytest.raises(ModelUnavailable, match=said):
        source.part("unet", stem="diffusion_pytorch_model")


def test_a_repository_of_pickles_is_refused_before_any_of_it_is_fetched(
    hub: Hub, model: Path, tmp_path: Path
) -> None:
    pickled(model)
    source = HubSource(Published(repository="owner/name", revision=COMMIT), hub=hub)
    with pytest.raises(ModelUnavailable, match="name a revision that has them"):
        source.part("unet", stem="diffusion_pytorch_model")
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_a_model_of_ones_own_is_built_with_its_card_and_report(
    model: Path,
    out: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(built_card, "MOST_PIXELS", 192)  # four of the largest are drawn
    own = {
        "title": "Mine",
        "licence": "MIT",
        "defaults": {"width": 64, "height": 64, "steps": 2, "guidance": 1.0},
        "examples": ["a red circle", "the sea at noon"],
    }
    (tmp_path / "card.json").write_text(json.dumps(own))
    (out / "openvino").mkdir(parents=True)
    (out / "card.json").write_text("an earlier build")
    built = ["build", str(model), "--out", str(out), "--card", str(tmp_path / "card.json")]
    assert main(built) == 0
    assert f"--model {out}" in capsys.readouterr().out
    card = ModelCard.model_validate_json((out / "card.json").read_bytes())
    assert (card.name, card.title, card.licence) == ("mine", "Mine", "MIT")
    assert card.digests == {"openvino": folder_digest(out / "openvino")}
    assert card.revision == folder_digest(model)
    assert card.limits.width == card.limits.height == Range(min=64, max=192)
    report = json.loads((out / "report.json").read_text())
    assert (report["precision"], report["digest"]) == ("int8", card.digests["openvino"])
    assert report["psnr_db_against_diffusers"]["median"] > 20
    assert card.memory is not None and report["memory"] == card.memory.model_dump()
    assert sorted(path.name for path in out.parent.iterdir()) == ["mine"]
    _is_served(out, card)


def _is_served(out: Path, card: ModelCard) -> None:
    with running(out.parents[1] / "data", engine="openvino", model=str(out)) as server:
        models = httpx.get(f"{server.base_url}/v1/models").json()["models"]
        with Darkroom(server.base_url) as room:
            job = room.wait(room.submit("a red circle", model="mine"))
            assert (job.status, len(room.image(job)) > 0) == ("succeeded", True)
    assert [(model["name"], model["licence"]) for model in models] == [("mine", "MIT")]
    assert models[0]["limits"]["multiple_of"] == card.limits.multiple_of


def _nothing_published(place: Published) -> FolderSource:
    raise AssertionError(f"{place} was asked for")
