"""The random play is worth what it finds: weaken the protocol, and it has to notice.

Every part of every guard is forgotten once, here or in `SPARE`. A part is spare where another one
does the same work on its own; such pairs are forgotten together, and then it must be noticed. So
the protocol wears a belt and braces in these places, on purpose:

* The attempt and the nonce fence a worker each on its own, since a claim changes both. So does the
  status beside the nonce, as only running rows have one; but beside the attempt alone it does not,
  for a finished row keeps its attempt.
* A sweep compares the lease that it read, and asks that the lease is over: either is enough. The
  rest of what it compares was true when it read, and cannot change while the lease is the same.
* Where the nonce matters most is in reading a refusal: without it a worker takes another one's
  claim for its own. The fence would still keep it from publishing, but not from putting its
  picture under the other one's key, where bytes never change.
* The store of images refuses other bytes under a key. A key without the attempt would still lose
  pictures: those of every attempt but the first that stored one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis.stateful import run_state_machine_as_test

import submit_fn.submit
import worker_fn.process
from shared.errors import Unavailable
from shared.job import Image, Job, JobStatus
from shared.ports import image_key
from shared.transitions import Lease
from tests.chaos.faults import conjuncts, forgetting, only_for
from tests.chaos.gated import Weaken
from tests.chaos.invariants import FENCED, Violation
from tests.chaos.machine import play_in
from tests.chaos.profiles import profile
from tests.chaos.stores import MakeStores
from tests.chaos.world import World, unweakened
from upkeep_fn.sweep import Sweep
from worker_fn.engine.base import Picture
from worker_fn.process import Process

Plant = Callable[[pytest.MonkeyPatch], None]

MISSED_ALONE = {
    "cancel: status one of",
    "cancel: tenant is",
    "claim: attempt below",
    "claim: deadline_ms at least",
    "claim: lease_until_ms below",
    "claim: not_before_ms absent or not_before_ms below",
    "claim: status is or status is or lease_until_ms below",
    "expire: status one of",
    "resend: due_ms is",
    "undeliverable: status is",
}
"""Parts that nothing else stands in for."""
MISSED_TOGETHER = {
    *((f"{name}: attempt is", f"{name}: nonce is") for name in FENCED),
    *((f"{name}: status is", f"{name}: nonce is") for name in FENCED),
    *((f"{name}: lease_until_ms is", f"{name}: lease_until_ms below") for name in ("requeue", "lose")),
}
SPARE = {
    "claim: status is": "only a running row has a lease that can be over",
    "expire: deadline_ms below": "whoever expires a job has read its deadline, which never changes",
    "lose: attempt at least": "the sweep read it, and it compares the attempt",
    "lose: attempt is": "another attempt has another lease",
    "lose: status is": "only a running row has a lease",
    "release: attempt below": "the worker read it, and only its own giving back could change it",
    "requeue: attempt below": "the sweep read it, and it compares the attempt",
    "requeue: attempt is": "another attempt has another lease",
    "requeue: status is": "only a running row has a lease",
    "resend: status is": "a claim moves `due`, and an end removes it",
}
