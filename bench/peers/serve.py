"""The process that a contestant runs in: `python -m bench.peers.serve PEER FOLDER THREADS`.

One line of JSON in for every drawing, one line out, after a first line that says it is loaded.
Imports nothing that the contestant does not need: cold starts are measured through here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from bench.peers import ENTRIES, Drawing, Peer
from worker_fn.engine.base import PictureRequest


def main() -> None:
    """Serve until the input ends."""
    name, folder, threads = sys.argv[1:]
    answers = _answers_alone()
    try:
        peer: Peer = import_module(ENTRIES[name].module).Contender()
        peer.load(Path(folder), int(threads))
        _answer(answers, {"loaded": True})
        for line in sys.stdin:
            _answer(answers, _timed(peer, json.loads(line)))
    except Exception as error:  # whatever a library raises is why it was not measured
        _answer(answers, {"error": f"{type(error).__name__}: {error}"[:300]})


def _timed(peer: Peer, asked: list[dict[str, Any]]) -> dict[str, Any]:
    requests = [PictureRequest(**each) for each in asked]
    began = time.perf_counter()
    drawing = peer.draw(requests)
    seconds = time.perf_counter() - began
    _check(drawing, requests)
    digests = [sha256(rgb).hexdigest() for rgb in drawing.rgb]
    return {"seconds": seconds, "step_s": drawing.step_s, "sha256": digests}


def _check(drawing: Drawing, requests: list[PictureRequest]) -> None:
    sizes = [request.width * request.height * 3 for request in requests]
    if [len(rgb) for rgb in drawing.rgb] != sizes:
        raise ValueError("the pictures are not of the size that was asked for")
    if any(len(set(rgb)) == 1 for rgb in drawing.rgb):
        raise ValueError("a picture is of one colour, as when a network gave no finite number")


def _answers_alone() -> TextIO:
    """What libraries print goes to stderr, so that stdout holds answers and nothing else."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
