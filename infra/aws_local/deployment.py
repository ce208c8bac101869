"""Deploy a packaged template through CloudFormation, and say what it made."""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import WaiterError

from infra.aws_local.clients import Client, client
from infra.aws_local.package import Template

_POLL = {"Delay": 1, "MaxAttempts": 60}
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class NotDeployed(Exception):
    """CloudFormation gave up; the text says on which resources, and why."""


def upload(endpoint_url: str, bucket: str, objects: Mapping[str, bytes]) -> None:
    """Put zips into a new bucket, from where functions are made."""
    s3 = client("s3", endpoint_url)
    s3.create_bucket(Bucket=bucket)
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def deploy(
    endpoint_url: str, stack: str, template: Template, parameters: Mapping[str, str], bucket: str
) -> Mapping[str, str]:
    """The new stack's outputs. The template goes through `bucket`, being too long for a request.

    Raises NotDeployed.
    """
    client("s3", endpoint_url).put_object(
        Bucket=bucket, Key="template.json", Body=json.dumps(template).encode()
    )
    cloudformation = client("cloudformation", endpoint_url)
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{endpoint_url}/{bucket}/template.json",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=_CAPABILITIES,
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=_POLL)
    except WaiterError as error:
        raise NotDeployed(_why(cloudformation, stack)) from error
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _why(cloudformation: Client, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in failed]
    return "; ".join(reasons) or "CloudFormation did not finish in time"
