"""Every role's exact actions, held against a golden list: a new right has to be asked for twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infra.aws_local.package import read_template
from tests.infra.roles import rights, wildcards

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("roles.json")
TEMPLATES = sorted(path.name for path in (ROOT / "infra").glob("*.yaml"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_role_may_do_exactly_what_the_golden_list_says(name: str) -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))

    assert rights(read_template(ROOT / "infra" / name)) == golden[name]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_action_is_a_wildcard_and_no_resource_that_could_be_named(name: str) -> None:
    granted = rights(read_template(ROOT / "infra" / name))
    unnamed = json.loads(GOLDEN.read_text("utf-8"))["cannot be named"]

    assert [right for right in wildcards(granted) if right not in unnamed] == []


def test_only_the_functions_themselves_may_take_on_their_roles() -> None:
    template = read_template()
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            (statement,) = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}, name
            assert statement["Action"] == "sts:AssumeRole"


def test_every_function_has_a_role_of_its_own() -> None:
    functions = {
        name: resource["Properties"]["Role"]["Fn::GetAtt"][0]
        for name, resource in read_template()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }

    assert len(set(functions.values())) == len(functions) == 4


def test_no_role_may_do_what_no_adapter_asks_for() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "shared/aws").glob("*.py"))
    called = {name.title().replace("_", "") for name in re.findall(r"_client\.(\w+)\(", source)}
    # Whoever may write an item may do so in a transaction, and delete one message or several.
    called |= {"PutItem"} if "TransactWriteItems" in called else set()
    called |= {"DeleteMessage"} if "DeleteMessageBatch" in called else set()
    # S3 calls the right to list by what it lists, and grants object by object.
    called |= {"ListBucket"} if "ListObjectsV2" in called else set()
    called |= {"DeleteObject"} if "DeleteObjects" in called else set()
    asked_by_lambda_itself = {
        "GetQueueAttributes",
        "ReceiveMessage",
        "DeleteMessage",
        "CreateLogStream",
        "PutLogEvents",
    }

    for role, by_resource in rights(read_template()).items():
        actions = {action.split(":")[1] for acts in by_resource.values() for action in acts}
        assert actions <= called | asked_by_lambda_itself, role
