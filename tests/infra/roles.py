"""What the roles of a template may do, written so that a person can read and a test can compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]


def rights(template: Template) -> dict[str, dict[str, list[str]]]:
    """Role, or policy of its own, to resource to the exact actions allowed; a policy that is only
    named counts as an action."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, resource in template["Resources"].items():
        match resource["Type"]:
            case "AWS::IAM::Role":
                found[name] = _rights_of(resource["Properties"])
            case "AWS::IAM::ManagedPolicy":
                found[name] = _rights_of({"Policies": [resource["Properties"]]})
    return found


def _rights_of(properties: dict[str, Any]) -> dict[str, list[str]]:
    granted: dict[str, list[str]] = {}
    for policy in properties.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow", statement
            for resource in _listed(statement["Resource"]):
                where = written(resource) + _condition(statement)
                granted.setdefault(where, []).extend(_listed(statement["Action"]))
    for arn in properties.get("ManagedPolicyArns", []):
        granted.setdefault("managed", []).append(written(arn))
    return {where: sorted(actions) for where, actions in sorted(granted.items())}


def _condition(statement: dict[str, Any]) -> str:
    tests: dict[str, dict[str, Any]] = statement.get("Condition", {})
    said = [
        f"{key} {test} {','.join(_listed(v))}" for test, k in tests.items() for key, v in k.items()
    ]
    return f" if {' and '.join(said)}" if said else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def written(value: Any) -> str:
    """A resource or a name as the template's short form has it."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"{{{name}}}"
        case {"Fn::GetAtt": parts}:
            return f"{{{'.'.join(parts)}}}"
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "{")
        case {"Fn::Sub": [str(text), {**names}]}:
            for name, inner in names.items():
                text = text.replace(f"${{{name}}}", written(inner))
            return written({"Fn::Sub": text})
        case {"Fn::ImportValue": inner}:
            return f"import({written(inner)})"
    raise AssertionError(value)


def wildcards(granted: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """What is granted more broadly than by name."""
    for role, by_resource in granted.items():
        for resource, actions in by_resource.items():
            yield from (f"{role}: {action}" for action in actions if "*" in action)
            if resource.split(" if ")[0] == "*":
                yield f"{role}: {', '.join(actions)} on *"
