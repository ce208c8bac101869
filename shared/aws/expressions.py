"""A transition as the arguments of one UpdateItem: the same guard that Python judges, in DynamoDB's
words. A comparison with an attribute that is not there is false, just as `conditions.holds` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from shared.aws import items
from shared.conditions import Absent, All, AtLeast, Below, Column, Condition, Either, Is, OneOf
from shared.transition import Transition

Attributes: TypeAlias = Mapping[str, items.Value | None]
"""Attributes that are no columns, by name; None: not there."""


@dataclass(kw_only=True)
class Expression:
    """Collects the names and values that an expression's placeholders stand for."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, items.Value] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute's name."""
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: items.Value) -> str:
        """A placeholder for a value."""
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def condition(self, condition: Condition) -> str:
        """A condition on a row, fully parenthesised."""
        match condition:
            case Is(name, None) | Absent(name):
                return f"attribute_not_exists({self.name(items.attribute(name))})"
            case Is(name, value):
                return self._compared(name, "=", value)
            case Below(name, bound):
                return self._compared(name, "<", bound)
            case AtLeast(name, bound):
                return self._compared(name, ">=", bound)
            case OneOf(name, values):
                return self._joined(" OR ", (Is(name, value) for value in values))
            case All(parts):
                return self._joined(" AND ", parts)
            case Either(parts):
                return self._joined(" OR ", parts)

    def update(self, changes: Mapping[str, Any], add: Mapping[str, int], put: Attributes) -> str:
        """Set, remove and count up. `changes` and `add` name columns of Job."""
        attributes = {**items.attributes(changes), **put}
        sets = [
            f"{self.name(attribute)} = {self.value(value)}"
            for attribute, value in attributes.items()
            if value is not None
        ]
        sums = [self._sum(items.attribute(column), by) for column, by in add.items()]
        gone = [self.name(attribute) for attribute, value in attributes.items() if value is None]
        return "SET " + ", ".join(sets + sums) + (" REMOVE " + ", ".join(gone) if gone else "")

    def arguments(self) -> dict[str, Any]:
        """Names and values, as every DynamoDB call takes them."""
        return {
            "ExpressionAttributeNames": self.names,
            "ExpressionAttributeValues": self.values,
        }

    def has(self, attributes: Attributes) -> str:
        """That an item has just these values there; starts with AND, if at all."""
        return "".join(
            f" AND attribute_not_exists({self.name(attribute)})"
            if value is None
            else f" AND {self.name(attribute)} = {self.value(value)}"
            for attribute, value in attributes.items()
        )

    def _compared(self, name: str, operator: str, bound: Any) -> str:
        left = self.name(items.attribute(name))
        if isinstance(bound, Column):
            return f"{left} {operator} {self.name(items.attribute(bound.name))}"
        return f"{left} {operator} {self.value(items.encoded(name, bound))}"

    def _joined(self, word: str, parts: Iterable[Condition]) -> str:
        return "(" + word.join(self.condition(part) for part in parts) + ")"

    def _sum(self, attribute: str, by: int) -> str:
        name = self.name(attribute)
        return f"{name} = {name} + {self.value(items.number(by))}"


def update_arguments(
    transition: Transition,
    *,
    seen: Attributes | None = None,
    put: Attributes | None = None,
    untold: bool = False,
) -> dict[str, Any]:
    """UpdateItem's arguments without the table; back comes the new row, or the one that refused.
    It must be as `seen` besides what the guard says, and gets what is `put`. Where it is `untold`,
    it must not start a job for the first time whose webhook asks to be told of that."""
    expression = Expression()
    exists = f"attribute_exists({expression.name('pk')}){expression.has(seen or {})}"
    guard = f"{exists} AND {expression.condition(transition.guard)}"
    if untold:
        told = expression.value(items.text("job.started"))
        asks = f"contains({expression.name(items.HOOK)}, {told})"
        guard = f"{guard} AND (NOT {asks} OR {expression.condition(AtLeast('attempt', 1))})"
    update = expression.update(transition.changes, {**transition.add, "version": 1}, put or {})
    return {
        "Key": {"pk": items.job_key(transition.job_id)},
        "ConditionExpression": guard,
        "UpdateExpression": update,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **expression.arguments(),
    }


def transact_update(
    table: str,
    transition: Transition,
    *,
    seen: Attributes | None = None,
    put: Attributes | None = None,
) -> dict[str, Any]:
    """The same for one item of TransactWriteItems, which cannot give the new row back."""
    arguments = update_arguments(transition, seen=seen, put=put)
    del arguments["ReturnValues"]
    return {"TableName": table, **arguments}
