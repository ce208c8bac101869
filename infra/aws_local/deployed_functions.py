"""Functions as they are deployed, asked of the Lambda API: configuration, code, a role's keys."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from infra.aws_local.clients import client
from infra.aws_local.function_config import Credentials, FunctionConfig, function_config

_HERE = Path(__file__).parents[2]
RUNTIME = _HERE / ".venv-aws-local" / "runtime"
"""The Lambda runtime client alone: all that a zip function may import besides its own code."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a container image holds, unpacked: its working folder, the handler that its command
    names, and its variables, PYTHONPATH with them."""

    task_root: Path
    handler: str
    variables: Mapping[str, str]


class DeployedFunctions:
    """Reads them from `endpoint_url`; every image function is `image`, every zip is unpacked into
    a folder of its own under `folder`. Blocks."""

    def __init__(self, endpoint_url: str, *, image: Image, folder: Path) -> None:
        self.endpoint_url = endpoint_url
        self._lambda = client("lambda", endpoint_url)
        self._sts = client("sts", endpoint_url)
        self._image = image
        self._folder = folder

    def config(self, name: str, version: str) -> FunctionConfig:
        """One published version."""
        answer = self._lambda.get_function(FunctionName=name, Qualifier=version)
        described = answer["Configuration"]
        if described["PackageType"] == "Image":
            return self._from_image(described)
        task_root = self._unpacked(f"{name}-{version}", answer["Code"]["Location"])
        config = function_config(described, handler=described["Handler"], task_root=task_root)
        return replace(config, variables={**config.variables, "PYTHONPATH": zip_path(task_root)})

    def credentials(self, config: FunctionConfig) -> Credentials:
        """A session of its execution role, as long as roles allow by default: an hour."""
        answer = self._sts.assume_role(RoleArn=config.role_arn, RoleSessionName=config.name)
        keys = answer["Credentials"]
        return Credentials(
            key_id=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"]
        )

    def _from_image(self, described: Mapping[str, Any]) -> FunctionConfig:
        """The function's variables win over the image's."""
        image = self._image
        config = function_config(described, handler=image.handler, task_root=image.task_root)
        return replace(config, variables={**image.variables, **config.variables})

    def _unpacked(self, name: str, location: str) -> Path:
        task_root = self._folder / name
        with zipfile.ZipFile(io.BytesIO(httpx.get(location).content)) as code:
            code.extractall(task_root)
        return task_root


def zip_path(task_root: Path) -> str:
    """What PYTHONPATH says to a function made of a zip: its code, then the runtime's own."""
    return f"{task_root}:{RUNTIME}"
