"""What Lambda knows of a function, and the variables that its processes get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    """A function as deployed. `task_root` holds its unpacked code; `variables` are its own."""

    name: str
    arn: str
    handler: str
    role_arn: str
    timeout_s: float
    memory_mb: int
    variables: Mapping[str, str]
    task_root: Path


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A session of the function's execution role."""

    key_id: str
    secret: str
    token: str


def function_config(
    described: Mapping[str, Any], *, handler: str, task_root: Path
) -> FunctionConfig:
    """From Lambda's own FunctionConfiguration."""
    variables = described.get("Environment", {}).get("Variables", {})
    return FunctionConfig(
        name=described["FunctionName"],
        arn=described["FunctionArn"],
        handler=handler,
        role_arn=described["Role"],
        timeout_s=described["Timeout"],
        memory_mb=described["MemorySize"],
        variables=variables,
        task_root=task_root,
    )


def process_variables(
    config: FunctionConfig, credentials: Credentials, *, runtime_api: str, endpoint_url: str
) -> dict[str, str]:
    """The whole environment of a process: Lambda's variables and the function's, none of ours."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": config.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": credentials.key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        "AWS_SESSION_TOKEN": credentials.token,
        "LAMBDA_TASK_ROOT": str(config.task_root),
        "_HANDLER": config.handler,
        **config.variables,
        "AWS_ENDPOINT_URL": endpoint_url,
    }
