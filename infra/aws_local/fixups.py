"""What MiniStack's CloudFormation leaves undone, done through AWS's public APIs.

Each of these holds on AWS as soon as the stack is there; docs/decisions tells of all differences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.aws_local.clients import Client, client
from infra.aws_local.package import Template, parameters_of, resolved

_UNKNOWN_KEYS = frozenset({"dynamodb:LeadingKeys", "s3:if-none-match"})
"""Condition keys that MiniStack takes for absent, whatever a request says."""


def apply_fixups(
    endpoint_url: str, stack: str, template: Template, parameters: Mapping[str, str]
) -> None:
    """Bring a new stack level with its template."""
    names = physical_names(endpoint_url, stack)
    known = {**parameters_of(template, parameters), **names}
    for logical_name, resource in template["Resources"].items():
        if mend := _MENDS.get(resource["Type"]):
            mend(endpoint_url, names[logical_name], resolved(resource["Properties"], known))
    _count_in_numbers(client("lambda", endpoint_url))


def physical_names(endpoint_url: str, stack: str) -> Mapping[str, str]:
    """What the stack's resources are called, by their names in the template."""
    pages = client("cloudformation", endpoint_url).get_paginator("list_stack_resources")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
    }


def _mend_table(endpoint_url: str, name: str, properties: Mapping[str, Any]) -> None:
    """TTL and point-in-time recovery stay off."""
    dynamodb = client("dynamodb", endpoint_url)
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )


def _mend_bucket(endpoint_url: str, name: str, properties: Mapping[str, Any]) -> None:
    """Nothing expires."""
    rules = [_api_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
    client("s3", endpoint_url).put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": rules}
    )


def _api_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule as the S3 API spells it."""
    return {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule["Prefix"]},
        "Expiration": {"Days": int(rule["ExpirationInDays"])},
        "AbortIncompleteMultipartUpload": rule["AbortIncompleteMultipartUpload"],
    }


def _mend_bucket_policy(endpoint_url: str, name: str, properties: Mapping[str, Any]) -> None:
    """What is refused under a condition that it does not know is refused always."""
    s3, bucket = client("s3", endpoint_url), properties["Bucket"]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    policy["Statement"] = [each for each in policy["Statement"] if not _is_unknown(each)]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _mend_role(endpoint_url: str, name: str, properties: Mapping[str, Any]) -> None:
    """What is allowed under a condition that it does not know is allowed never, and sending many
    messages needs another right than sending one, which on AWS is the same."""
    iam = client("iam", endpoint_url)
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for statement in filter(_is_unknown, document["Statement"]):
            del statement["Condition"]
        for statement in document["Statement"]:
            if "sqs:SendMessage" in statement["Action"]:
                statement["Action"] = [*statement["Action"], "sqs:SendMessageBatch"]
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _is_unknown(statement: Mapping[str, Any]) -> bool:
    tests = statement.get("Condition", {}).values()
    return any(key in _UNKNOWN_KEYS for test in tests for key in test)


def _mend_stage(endpoint_url: str, name: str, properties: Mapping[str, Any]) -> None:
    """Throttles are not kept. It does not heed them either."""
    given = properties["DefaultRouteSettings"]
    client("apigatewayv2", endpoint_url).update_stage(
        ApiId=properties["ApiId"],
        StageName=name,
        DefaultRouteSettings={
            "DetailedMetricsEnabled": given["DetailedMetricsEnabled"],
            "ThrottlingBurstLimit": int(given["ThrottlingBurstLimit"]),
            "ThrottlingRateLimit": float(given["ThrottlingRateLimit"]),
        },
    )


def _count_in_numbers(functions: Client) -> None:
    """It keeps a Number parameter as text, and then cannot compare it with how many run."""
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        cap = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if cap is not None:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(cap)}
            )


_MENDS = {
    "AWS::DynamoDB::Table": _mend_table,
    "AWS::IAM::Role": _mend_role,
    "AWS::S3::Bucket": _mend_bucket,
    "AWS::S3::BucketPolicy": _mend_bucket_policy,
    "AWS::ApiGatewayV2::Stage": _mend_stage,
}
