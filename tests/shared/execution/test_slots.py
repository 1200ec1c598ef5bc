"""The slots of a worker, and which GPUs a run sees in each."""

from __future__ import annotations

import os

import pytest

from shared.execution.slots import Slot, Slots, visible_gpus


@pytest.mark.parametrize(
    ("listed", "gpus"),
    [("0,1", ("0", "1")), ("GPU-abc, GPU-def", ("GPU-abc", "GPU-def")), ("", ()), ("-1", ()), ("2", ("2",))],
)
def test_a_worker_may_use_the_gpus_in_cuda_visible_devices(listed: str, gpus: tuple[str, ...]) -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": listed}) == gpus


def test_the_number_of_slots_is_the_setting_or_the_number_of_gpus_or_a_quarter_of_the_cores() -> None:
    assert Slots(5, ("0",)).count == 5
    assert Slots(None, ("0", "1", "2")).count == 3
    assert Slots(None, ()).count == max(1, (os.cpu_count() or 1) // 4)


def test_each_run_is_pinned_to_a_gpu_of_its_own() -> None:
    slots = Slots(None, ("0", "1"))

    one, two = slots.take("a", gpus=1), slots.take("b", gpus=1)

    assert one is not None
    assert two is not None
    assert (one.gpus, two.gpus) == (("0",), ("1",))
    assert (one.device, one.environment()["CUDA_VISIBLE_DEVICES"]) == ("cuda", "0")
    assert slots.take("c", gpus=1) is None
    assert slots.busy == ("a", "b")


def test_a_slot_that_is_given_back_can_be_taken_again() -> None:
    slots = Slots(None, ("0", "1"))
    slots.take("a", gpus=1)
    slots.take("b", gpus=1)

    slots.give_back("a")
    slots.give_back("never taken")

    taken = slots.take("c", gpus=1)
    assert taken is not None
    assert taken.gpus == ("0",)


def test_a_run_of_several_gpus_gets_them_all_or_none() -> None:
    slots = Slots(None, ("0", "1", "2"))

    pair = slots.take("a", gpus=2)

    assert pair is not None
    assert pair.environment()["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert slots.take("b", gpus=2) is None
    assert slots.take("b", gpus=1) is not None
    assert Slots(None, ("0",)).take("c", gpus=2) is None


def test_more_slots_than_gpus_share_them_evenly() -> None:
    slots = Slots(4, ("0", "1"))

    taken = [slots.take(name, gpus=1) for name in "abcd"]

    assert [slot.gpus for slot in taken if slot] == [("0",), ("1",), ("0",), ("1",)]
    slots.give_back("b")
    again = slots.take("e", gpus=1)
    assert again is not None
    assert again.gpus == ("1",)


def test_a_worker_without_gpus_uses_the_cpu_and_hides_the_gpus_of_the_machine() -> None:
    slot = Slots(2, ()).take("a", gpus=4)

    assert slot == Slot((), max(1, (os.cpu_count() or 1) // 2))
    assert slot.device == "cpu"
    assert slot.environment() == {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(slot.threads)}


def test_a_worker_holds_no_more_runs_than_slots_and_no_run_twice() -> None:
    slots = Slots(2, ())

    assert slots.take("a", gpus=1) is not None
    assert slots.take("a", gpus=1) is None
    assert slots.take("b", gpus=1) is not None
    assert slots.take("c", gpus=1) is None
