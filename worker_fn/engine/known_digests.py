"""Digests that were worked out before, so that not every start reads every byte of a model.

Believed as long as every file of the folder has the size and the time that it had. Whoever can
change a file and hide it from that could change the program as well; see
docs/decisions/0010-what-a-start-may-remember.md.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from worker_fn.engine.digest import counted_files, folder_digest
from worker_fn.engine.kept_files import KeptFiles

_SECOND_NS = 10**9
Facts = list[tuple[str, int, int]]
"""Of each file: its path in the folder, bytes, and the time of its last change in ns."""


def known_digest(folder: Path, kept: KeptFiles) -> str:
    """As `folder_digest`, which is asked only when something may have changed."""
    name = f"{sha256(str(folder.resolve()).encode()).hexdigest()}.digest"
    facts = _facts(folder)
    known = kept.read(name)
    if known is not None:
        then = json.loads(bytes(known))
        if _unchanged(facts, then["files"]):
            return str(then["digest"])
    digest = folder_digest(folder)
    kept.write(name, lambda: json.dumps({"digest": digest, "files": facts}).encode())
    return digest


def _facts(folder: Path) -> Facts:
    stats = [(path, path.stat()) for path in counted_files(folder)]
    return [
        (path.relative_to(folder).as_posix(), facts.st_size, facts.st_mtime_ns)
        for path, facts in stats
    ]


def _unchanged(now: Facts, then: Facts) -> bool:
    return len(now) == len(then) and all(map(_same, now, then))


def _same(now: tuple[str, int, int], then: tuple[str, int, int]) -> bool:
    """Container images keep whole seconds alone."""
    whole_seconds = then[2] // _SECOND_NS * _SECOND_NS
    return [*now[:2]] == [*then[:2]] and now[2] in (then[2], whole_seconds)
