"""infra/template.yaml made ready to deploy here: as `sam package` does, code goes into a bucket."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
Template: TypeAlias = dict[str, Any]
_FUNCTION = "AWS::Serverless::Function"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub x` as {"Fn::Sub": x}; `!GetAtt a.b` as {"Fn::GetAtt": ["a", "b"]}."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode), "YAML has no fourth kind of node"
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def read_template(path: Path = TEMPLATE) -> Template:
    """The template with its short forms spelled out."""
    loaded: Template = yaml.load(path.read_text("utf-8"), Loader=_Loader)
    return loaded


def packaged(
    template: Template, *, bucket: str, variables: Mapping[str, Mapping[str, str]]
) -> Template:
    """The template with every CodeUri pointing at the file of that name in `bucket`.

    `variables` adds to or replaces a function's own: what a test needs and no parameter sets.
    """
    ready = copy.deepcopy(template)
    for name, resource in ready["Resources"].items():
        if resource["Type"] == _FUNCTION:
            _point_at_bucket(resource["Properties"], bucket)
            _add_variables(resource["Properties"], variables.get(name, {}))
    return ready


def _point_at_bucket(properties: dict[str, Any], bucket: str) -> None:
    if "CodeUri" in properties:
        key = PurePosixPath(properties["CodeUri"]).name
        properties["CodeUri"] = {"Bucket": bucket, "Key": key}


def _add_variables(properties: dict[str, Any], variables: Mapping[str, str]) -> None:
    if variables:
        environment = properties.setdefault("Environment", {})
        environment["Variables"] = {**environment.get("Variables", {}), **variables}


def resolved(value: Any, known: Mapping[str, Any]) -> Any:
    """`value` with every {"Ref": name} replaced whose name is known."""
    match value:
        case {"Ref": name} if name in known:
            return known[name]
        case dict():
            return {key: resolved(inner, known) for key, inner in value.items()}
        case list():
            return [resolved(inner, known) for inner in value]
    return value


def parameters_of(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    """Every parameter's value: the one given, or its default."""
    defaults = {name: p.get("Default") for name, p in template["Parameters"].items()}
    return {**defaults, **given}
