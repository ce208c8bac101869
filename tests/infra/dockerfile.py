"""A Dockerfile's stages, executed step by step in plain folders: no Docker engine, no root.

A stage's `/opt` and `/tmp` are folders under its own root; a RUN really runs, with the interpreter
that is first on `path` in the place of the base image's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TypeAlias

_ROOTED = re.compile(r"(?<![\w.])/(?=(?:opt|tmp|build)\b)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class UnknownInstruction(Exception):
    """The Dockerfile says something that this executor has not learnt."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """From FROM to the next one. Each instruction is its word and its text."""

    name: str
    parent: str
    instructions: tuple[tuple[str, str], ...]


@dataclass(kw_only=True)
class Built:
    """What came of a stage so far."""

    root: Path
    workdir: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Where a path of the image is here."""
        return self.root / str(PurePosixPath(self.workdir) / path).lstrip("/")

    def here(self, text: str) -> str:
        """A text of the image with its absolute paths as they are here."""
        return _ROOTED.sub(f"{self.root}/", text)

    def environment(self, path: str) -> dict[str, str]:
        """What a process in this image is given."""
        given = {name: self.here(value) for name, value in self.variables.items()}
        return {"PATH": path, "LANG": "C.UTF-8", **self.arguments, **given}


Rewrite: TypeAlias = Callable[[str, str], str]


def stages(text: str) -> tuple[Stage, ...]:
    """A Dockerfile's stages, in order."""
    found: list[tuple[str, str, list[tuple[str, str]]]] = []
    for word, rest in _instructions(text):
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            found.append((name, parent, []))
        else:
            found[-1][2].append((word, rest))
    return tuple(Stage(name=n, parent=p, instructions=tuple(i)) for n, p, i in found)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, " ".join(rest.split()) if word != "RUN" else rest


def ignored(name: str, patterns: list[str]) -> bool:
    """Whether a .dockerignore keeps a file of the context out: the last pattern that fits wins."""
    verdict = False
    parts = PurePosixPath(name).parts
    prefixes = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        wanted = pattern.lstrip("!")
        if any(_fits(prefix, wanted) for prefix in prefixes):
            verdict = not pattern.startswith("!")
    return verdict


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(PurePosixPath(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


class Workshop:
    """Builds stages of one Dockerfile under `folder`, from the context folder `context`."""

    def __init__(self, dockerfile: Path, *, context: Path, folder: Path) -> None:
        self._stages = {stage.name: stage for stage in stages(dockerfile.read_text("utf-8"))}
        ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore").read_text("utf-8")
        self._ignore = [line for line in ignore.splitlines() if line and not line.startswith("#")]
        self._context = context
        self._folder = folder
        self._built: dict[str, Built] = {}

    def build(self, name: str, *, path: str, rewrite: Rewrite | None = None) -> Built:
        """A stage, after those that it needs. `rewrite` may put another text into a RUN, given the
        stage's name and its text."""
        if name not in self._stages:
            return Built(root=Path())
        if name not in self._built:
            self._built[name] = self._made(self._stages[name], path, rewrite)
        return self._built[name]

    def _made(self, stage: Stage, path: str, rewrite: Rewrite | None) -> Built:
        parent = self.build(stage.parent, path=path, rewrite=rewrite)
        built = Built(
            root=self._folder / stage.name,
            workdir=parent.workdir,
            variables=dict(parent.variables),
        )
        (built.root / "tmp").mkdir(parents=True)
        built.at(".").mkdir(parents=True, exist_ok=True)
        for word, text in stage.instructions:
            if word == "RUN":
                text = built.here(text)
                # Only then: what is put in are paths of this machine, which may begin alike.
                text = text if rewrite is None else rewrite(stage.name, text)
            self._step(built, word, text, path)
        return built

    def _step(self, built: Built, word: str, text: str, path: str) -> None:
        match word:
            case "ENV":
                pairs = dict(pair.split("=", 1) for pair in shlex.split(text))
                built.variables |= {n: _filled(v, built.arguments) for n, v in pairs.items()}
            case "ARG":
                name, _, default = text.partition("=")
                built.arguments[name] = default
            case "WORKDIR":
                built.workdir = text
                built.at(".").mkdir(parents=True, exist_ok=True)
            case "USER":
                built.user = text
            case "COPY":
                self._copy(built, shlex.split(_filled(text, built.arguments)))
            case "RUN":
                command = ["sh", "-euc", text]
                environment = {**built.environment(path), "PIP_QUIET": "1"}
                subprocess.run(command, cwd=built.at("."), env=environment, check=True)
            case "ENTRYPOINT":
                built.entrypoint = json.loads(text)
            case "CMD":
                built.command = json.loads(text)
            case _:
                raise UnknownInstruction(f"{word} {text}")

    def _copy(self, built: Built, words: list[str]) -> None:
        *sources, target = words
        if sources[0].startswith("--from="):
            stage = self._built[sources.pop(0).removeprefix("--from=")]
            for source in sources:
                _place(stage.at(source), built.at(target), Path.is_file)
            return
        for source in sources:
            folder = target.endswith("/") and not (self._context / source).is_dir()
            name = f"{target}{PurePosixPath(source).name}" if folder else target
            if target == "./":
                name = PurePosixPath(source).name
            _place(self._context / source, built.at(name), self._is_sent)

    def _is_sent(self, path: Path) -> bool:
        name = path.relative_to(self._context).as_posix()
        return path.is_file() and not ignored(name, self._ignore)


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: arguments[found[1]], text)


def _place(source: Path, target: Path, wanted: Callable[[Path], bool]) -> None:
    """Copy a file, or what is in a folder. Raises FileNotFoundError, as Docker refuses."""
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
        return
    files = [source] if source.is_file() else [*source.rglob("*")]
    sent = [file for file in files if wanted(file)]
    if not sent:
        raise FileNotFoundError(f"{source}: there is nothing to COPY")
    for file in sent:
        goal = target if file == source else target / file.relative_to(source)
        goal.parent.mkdir(parents=True, exist_ok=True)
        _linked(file, goal)


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
