"""Random plays of the real code, in which everything goes wrong that may go wrong.

The property: whatever is submitted, canceled, sent into another round or deleted, whatever is
delivered twice, late, out of turn or not at all, whoever crashes between any two calls or is halted
and comes back after its lease, whichever writes are lost before or after they are done, however
many sweeps run at once and however time passes,

* what has ended changes by nothing but its owner's retry, where it failed or was canceled, or its
  owner's deletion; and no job has more than one picture, ever;
* attempts only grow, one with each claim, no two claims share one, and never beyond what is
  allowed; a retry allows as many as a new job has, with a deadline and a retention of its own;
* what was canceled with 200 never succeeds, unless its owner retries it after that;
* nothing of an earlier round is published, fails or shows in a later one;
* a retry makes one round or none, and one that was answered with 202 is in it;
* of what was deleted nothing is left but a tombstone, from the moment that it is answered with 204
  at the latest; nothing revives it, and in the end no file of it is left;
* a job that succeeded has its picture, with the hash that the row says, drawn by the worker that
  held the lease, and its bytes never change;
* only who claimed last publishes, fails, releases or reports; no claim and no sweep takes a job
  from a live lease;
* `due` is there exactly while a job is open, nonce and lease exactly while it runs;
* one idempotency key makes one job;
* what the result cache answers is a copy, byte for byte, of what was drawn for the same request,
  and is there as soon as its row;
* what is counted as open, for the limits, is what is open;
* once nothing goes wrong any more, each job comes to one terminal status, and each that still can
  succeed succeeds.

`invariants`, `ledger` and `ending` say so in code, after every single call.
"""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.machine import play_in
from tests.chaos.profiles import profile
from tests.chaos.stores import MakeStores
from tests.chaos.world import World


@pytest.mark.timeout(300)
def test_no_play_breaks_a_promise_on_one_machine(embedded: MakeStores) -> None:
    settings = profile(plays=200, steps=50, explain=True)
    run_state_machine_as_test(play_in(lambda: World(embedded)), settings=settings)


@pytest.mark.timeout(300)
def test_no_play_breaks_a_promise_on_aws(aws: MakeStores) -> None:
    settings = profile(plays=24, steps=30, explain=True)
    run_state_machine_as_test(play_in(lambda: World(aws)), settings=settings)
