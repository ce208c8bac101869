"""`darkroom-model`: makes a model that can be served from one that diffusers can read.

    darkroom-model build MODEL --out models/NAME [--decoder tiny|full] [--precision int8|fp16|fp32]
    darkroom-model presets

MODEL is a diffusers folder, a preset's name, or OWNER/NAME of the Hugging Face hub with the commit
in --revision. The folder that is written holds the model's card (limits, defaults, licence), the
networks for the OpenVINO engine, and a report of how far its pictures are from the original's.
Nothing is written unless everything went well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from huggingface_hub import HfApi

from shared.errors import ModelUnavailable
from shared.model_card import ModelCard
from worker_fn.engine.building.built_card import card_of
from worker_fn.engine.building.diffusers_folder import read_json
from worker_fn.engine.building.model_source import FolderSource, Hub, HubSource, ModelSource
from worker_fn.engine.building.presets import FULL, PRESETS, TINY, Preset, Published, find_preset
from worker_fn.engine.building.staging import Wanted, stage
from worker_fn.engine.digest import folder_digest
from worker_fn.engine.load import CARD
from worker_fn.engine.memory import note_on_card

REPORT, EXPORTED = "report.json", "openvino"
Precision = Literal["int8", "fp16", "fp32"]
REFUSED = 2


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to build. `given` replaces fields of the card."""

    wanted: Wanted
    precision: Precision
    given: dict[str, Any]


def build(order: Order, out: Path, *, hub: Hub) -> dict[str, Any]:
    """Write the folder `out` anew, whole or not at all; what its report says.

    Raises ModelUnavailable for a model that cannot be built, or an `out` that is something else.
    """
    _refuse_to_overwrite(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.unfinished-") as place:
        unfinished = Path(place) / "model"
        report = _built(order, Path(place) / "diffusers", unfinished, out.name, hub)
        if out.exists():
            out.rename(Path(place) / "replaced")
        unfinished.rename(out)
    return report


def _built(order: Order, staged: Path, unfinished: Path, name: str, hub: Hub) -> dict[str, Any]:
    wanted = order.wanted
    stage(wanted, staged, lambda place: HubSource(place, hub=hub))
    card = card_of(
        staged,
        name=name,
        preset=wanted.preset,
        given=order.given,
        revision=wanted.source.revision,
    )
    exported = _exported(staged, unfinished / EXPORTED, order.precision, card)
    found = {
        "digests": {EXPORTED: str(exported["digest"])},
        "filtered": exported["content_filter"] is not None,
    }
    _write(unfinished / CARD, card.model_copy(update=found).model_dump())
    memory = note_on_card(unfinished)
    report = {
        "model": card.name,
        "revision": card.revision,
        "source_digest": folder_digest(staged),
        "precision": order.precision,
        **exported,
        "memory": memory if isinstance(memory, str) else memory.model_dump(),
    }
    _write(unfinished / REPORT, report)
    return report


def _exported(staged: Path, out: Path, precision: Precision, card: ModelCard) -> dict[str, Any]:
    """Torch and all the rest are imported once there is something to do."""
    from worker_fn.engine.building.diffusers_weights import refuse_incomplete_weights
    from worker_fn.engine.building.export import examples_on, export

    refuse_incomplete_weights(staged)
    done = export(staged, out, precision=precision, examples=examples_on(card.model_dump()))
    return {
        "digest": done.digest,
        "psnr_db_against_diffusers": {
            "median": round(median(done.psnr_db), 1),
            "lowest": round(min(done.psnr_db), 1),
            "pictures": len(done.psnr_db),
        },
        "content_filter": None if done.checker is None else done.checker.report(precision),
    }


def _refuse_to_overwrite(out: Path) -> None:
    if out.exists() and not ((out / CARD).is_file() and (out / EXPORTED).is_dir()):
        if not out.is_dir() or any(out.iterdir()):
            raise ModelUnavailable(
                f"{out} is there already, and is no model that was built: choose another --out"
            )


def _write(path: Path, value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _source(model: str, revision: str | None, preset: Preset | None, hub: Hub) -> ModelSource:
    if Path(model).is_dir():
        return FolderSource(Path(model))
    if preset is not None and model in (preset.name, preset.source.repository):
        return HubSource(_at(preset.source, revision), hub=hub)
    if model.count("/") == 1 and not model.startswith((".", "/")):
        return HubSource(Published(repository=model, revision=revision or ""), hub=hub)
    raise ModelUnavailable(
        f"{model} is neither a folder, nor OWNER/NAME of the hub, nor one of the presets "
        f"{', '.join(each.name for each in PRESETS)}"
    )


def _at(published: Published, revision: str | None) -> Published:
    return Published(repository=published.repository, revision=revision or published.revision)


def _order(asked: argparse.Namespace, hub: Hub) -> Order:
    preset = find_preset(asked.preset or asked.model)
    if asked.preset is not None and preset is None:
        known = ", ".join(each.name for each in PRESETS)
        raise ModelUnavailable(f"there is no preset {asked.preset}; there are {known}")
    wanted = Wanted(
        source=_source(asked.model, asked.revision, preset, hub),
        preset=preset,
        decoder=asked.decoder,
        decoder_folder=asked.decoder_folder,
        content_filter=asked.content_filter,
    )
    given = {} if asked.card is None else read_json(asked.card, "--card needs a file of JSON")
    return Order(wanted=wanted, precision=asked.precision, given=given)


def _listed() -> str:
    lines = [
        f"{preset.name:20} {preset.source.repository}@{preset.source.revision}\n"
        f"{'':20} {preset.licence}; {preset.defaults.steps} steps, "
        f"decoder {' or '.join(preset.decoders)}"
        for preset in PRESETS
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="darkroom-model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("presets", help="list the models that are known by name")
    add = verbs.add_parser("build", help="build one model", allow_abbrev=False).add_argument
    add("model", help="a diffusers folder, a preset, or OWNER/NAME of the hub")
    add("--out", type=Path, required=True, help="the folder to write; its name is the model's")
    add("--revision", help="40 digits of a commit; presets have their own")
    add("--preset", help="treat a folder or another repository as this preset's model")
    add("--decoder", choices=(TINY, FULL), help="which decoder; the model's own if not given")
    add("--decoder-folder", type=Path, help="a folder with the decoder itself")
    add(
        "--no-content-filter",
        dest="content_filter",
        action="store_false",
        help="leave the model's safety checker out, if it has one",
    )
    add(
        "--precision",
        choices=get_args(Precision),
        default="int8",
        help="of the UNet (default: int8)",
    )
    add("--card", type=Path, help="JSON with fields to put on the card, such as the licence")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 2 when the model was refused."""
    asked = _parser().parse_args(arguments)
    if asked.verb == "presets":
        print(_listed())
        return 0
    hub = Hub(client=HfApi())
    try:
        report = build(_order(asked, hub), asked.out, hub=hub)
    except ModelUnavailable as error:
        return _refused(str(error))
    except OSError as error:  # no room, no permission, no folder
        return _refused(f"a file cannot be read or written: {error}; is --out the right place?")
    print(json.dumps(report, indent=2))
    print(f"serve it with: python -m infra.local --model {asked.out.resolve()}")
    return 0


def _refused(why: str) -> int:
    print(f"darkroom-model: {why}", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
