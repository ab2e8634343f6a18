"""The threads that requests and the worker's database work run on."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Any

import pytest

from aragora_site.threads import Job, Line, Threads
from tests.support.sites import wait_until

PATIENCE = 5.0


async def test_there_are_no_more_threads_than_may_be_and_none_before_they_are_needed() -> None:
    threads = Threads(2, name="some")
    both, names = threading.Barrier(2), set[str]()

    def held() -> None:
        names.add(threading.current_thread().name)
        both.wait(PATIENCE)

    before = threading.active_count()
    first = threads.submit(held)
    assert threading.active_count() == before + 1
    rest = [threads.submit(held) for _ in range(5)]
    assert threading.active_count() == before + 2
    await asyncio.gather(first.result, *(job.result for job in rest))
    assert names == {"some_0", "some_1"}
    await asyncio.to_thread(threads.close)


async def test_work_goes_to_the_thread_that_was_free_last() -> None:
    """Its caches, and those of its connections, are the warmest."""
    threads = Threads(3, name="some")
    all_of_them = threading.Barrier(3)
    together = [threads.submit(lambda: all_of_them.wait(PATIENCE)) for _ in range(3)]
    await asyncio.gather(*(job.result for job in together))
    alone = {await threads.submit(threading.current_thread).result for _ in range(5)}
    assert len(alone) == 1
    await asyncio.to_thread(threads.close)


async def test_they_can_be_used_again_after_they_were_closed() -> None:
    threads = Threads(2, name="some")
    await asyncio.gather(*(threads.submit(lambda: None).result for _ in range(4)))
    await asyncio.to_thread(threads.close)
    async with asyncio.timeout(PATIENCE):
        done = await asyncio.gather(*(threads.submit(lambda: 7).result for _ in range(6)))
    assert done == [7] * 6
    await asyncio.to_thread(threads.close)


@pytest.mark.parametrize("patience", [0.0, 0.01])
async def test_what_comes_while_they_end_is_done_and_keeps_them_from_nothing(
    patience: float,
) -> None:
    threads = Threads(3, name="some", line=Line(patience))
    entered, gate = threading.Barrier(2), threading.Event()

    def held() -> None:
        entered.wait(PATIENCE)
        assert gate.wait(PATIENCE)

    all_of_them = threading.Barrier(2)
    await asyncio.gather(
        *(threads.submit(lambda: all_of_them.wait(PATIENCE)).result for _ in range(2))
    )
    jobs = [threads.submit(held)]
    await asyncio.to_thread(entered.wait, PATIENCE)
    closing = asyncio.create_task(asyncio.to_thread(threads.close))
    await asyncio.to_thread(wait_until, lambda: not threads.free)  # It has begun.
    jobs += [threads.submit(lambda: None) for _ in range(4)]
    async with asyncio.timeout(PATIENCE / 2):
        await asyncio.gather(*(job.result for job in jobs[1:]))
    gate.set()
    async with asyncio.timeout(PATIENCE / 2):
        await asyncio.gather(jobs[0].result, closing)
    await asyncio.to_thread(threads.close)


async def test_what_is_left_when_they_end_is_done_by_all_of_them() -> None:
    threads, together = Threads(2, name="some"), threading.Barrier(2)
    entered, gate = threading.Barrier(3), threading.Event()

    def held() -> None:
        entered.wait(PATIENCE)
        assert gate.wait(PATIENCE)

    jobs: list[Job[Any]] = [threads.submit(held) for _ in range(2)]
    await asyncio.to_thread(entered.wait, PATIENCE)
    jobs += [threads.submit(lambda: together.wait(PATIENCE)) for _ in range(2)]
    closing = asyncio.create_task(asyncio.to_thread(threads.close))
    await asyncio.to_thread(wait_until, lambda: threads.has_room)  # It has begun.
    gate.set()
    await asyncio.gather(closing, *(job.result for job in jobs))


async def test_results_and_errors_come_back() -> None:
    threads = Threads(1, name="some")

    def fails() -> None:
        raise LookupError("gone")

    failing, working = threads.submit(fails), threads.submit(lambda: 7)
    with pytest.raises(LookupError, match="gone"):
        await failing.result
    assert await working.result == 7
    await asyncio.to_thread(threads.close)


async def test_what_has_not_begun_can_be_taken_back() -> None:
    threads = Threads(1, name="some")
    entered, gate, done = threading.Event(), threading.Event(), list[str]()

    def held() -> None:
        entered.set()
        gate.wait(PATIENCE)
        done.append("held")

    job = threads.submit(held)
    waiting, cancelled = (threads.submit(lambda: done.append("other")) for _ in range(2))
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    assert not job.withdraw()
    assert waiting.withdraw()
    cancelled.result.cancel()
    gate.set()
    await job.result
    await asyncio.to_thread(threads.close)
    assert done == ["held"]


async def test_each_thread_clears_up_when_it_ends() -> None:
    ended: list[str] = []
    threads = Threads(2, name="some", at_end=lambda: ended.append(threading.current_thread().name))
    gate = threading.Barrier(2)
    jobs = [threads.submit(lambda: gate.wait(PATIENCE)) for _ in range(2)]
    await asyncio.gather(*(job.result for job in jobs))
    await asyncio.to_thread(threads.close)
    assert sorted(ended) == ["some_0", "some_1"]


async def test_who_gives_up_leaves_its_thread_to_its_work_and_the_next_one_gets_another() -> None:
    threads = Threads(2, name="some")
    entered, gate = threading.Event(), threading.Event()

    def held() -> None:
        entered.set()
        gate.wait(PATIENCE)

    job = threads.submit(held)
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    job.result.cancel()
    await asyncio.sleep(0)  # What is told of the end of a future is told at the loop's next turn.
    assert await asyncio.wait_for(threads.submit(lambda: 7).result, PATIENCE / 2) == 7
    gate.set()
    await asyncio.to_thread(threads.close)


# --- Pools in one line ---------------------------------------------------------------------------


async def test_in_a_line_with_patience_one_thread_is_at_work_whatever_pool_it_is_of() -> None:
    line, within, most = Line(PATIENCE), list[int](), list[int]()
    pools = [Threads(3, name=name, line=line) for name in ("some", "other")]
    threads = threading.active_count()

    def work(number: int) -> int:
        within.append(number)
        most.append(len(within))
        time.sleep(0)  # Another thread may go on, if there is one.
        within.pop()
        return number

    jobs = [pool.submit(partial(work, number)) for number in range(50) for pool in pools]
    done = await asyncio.gather(*(job.result for job in jobs))
    assert done == [number for number in range(50) for _ in pools]
    assert set(most) == {1}
    assert threading.active_count() == threads + 2
    for pool in pools:
        await asyncio.to_thread(pool.close)


async def test_pools_in_a_line_take_turns_each_in_the_order_of_its_work() -> None:
    line, begun, gate = Line(PATIENCE), list[str](), threading.Event()
    some, other = (Threads(2, name=name, line=line) for name in ("some", "other"))
    first = some.submit(partial(gate.wait, PATIENCE))
    jobs = [some.submit(partial(begun.append, f"some {number}")) for number in range(4)]
    jobs += [other.submit(partial(begun.append, f"other {number}")) for number in range(2)]
    gate.set()
    await asyncio.gather(first.result, *(job.result for job in jobs))
    assert begun == ["some 0", "other 0", "some 1", "other 1", "some 2", "some 3"]
    for pool in (some, other):
        await asyncio.to_thread(pool.close)


async def test_what_is_slow_in_a_line_is_gone_past_by_its_own_pool_and_the_others() -> None:
    line = Line(0.01)
    some, other = (Threads(2, name=name, line=line) for name in ("some", "other"))
    gate = threading.Event()

    def slow() -> None:
        assert gate.wait(PATIENCE)

    jobs = [some.submit(slow), other.submit(slow)]
    async with asyncio.timeout(PATIENCE / 2):
        assert await some.submit(lambda: 7).result == 7
        assert await other.submit(lambda: 8).result == 8
    jobs += [some.submit(slow), some.submit(slow)]  # One more than the pool has threads.
    async with asyncio.timeout(PATIENCE / 2):
        assert await other.submit(lambda: 9).result == 9
    gate.set()
    await asyncio.gather(*(job.result for job in jobs))
    for pool in (some, other):
        await asyncio.to_thread(pool.close)


async def test_what_is_slow_in_a_line_holds_nothing_up_once_it_is_gone_past() -> None:
    threads = Threads(2, name="some", line=Line(0.2))
    entered, gate = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert gate.wait(PATIENCE)

    job = threads.submit(slow)
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE / 2):  # A hundred times the line's patience is longer.
        quick = [threads.submit(lambda: 7).result for _ in range(50)]
        assert await asyncio.gather(*quick) == [7] * 50
        for _ in range(50):
            assert await threads.submit(lambda: 8).result == 8
    gate.set()
    await job.result
    await asyncio.to_thread(threads.close)


async def test_a_failure_in_a_line_leaves_the_way_free() -> None:
    threads = Threads(1, name="some", line=Line(PATIENCE))

    def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        await threads.submit(fails).result
    assert await asyncio.wait_for(threads.submit(lambda: 7).result, PATIENCE / 2) == 7
    await asyncio.to_thread(threads.close)


async def test_what_no_thread_can_be_begun_for_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds that out may be a thread of another pool, which goes on."""
    line = Line(PATIENCE)
    some, other = (Threads(1, name=name, line=line) for name in ("some", "other"))
    gate = threading.Event()

    def refuses(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    first = some.submit(lambda: gate.wait(PATIENCE))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuses)
        refused = other.submit(lambda: 7)
        gate.set()
        async with asyncio.timeout(PATIENCE / 2):
            assert await first.result
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await refused.result
    async with asyncio.timeout(PATIENCE / 2):
        assert [await pool.submit(lambda: 8).result for pool in (some, other)] == [8, 8]
    for pool in (some, other):
        await asyncio.to_thread(pool.close)


async def test_a_pool_that_closes_does_what_it_has_in_the_line() -> None:
    line = Line(PATIENCE)
    some, other = (Threads(1, name=name, line=line) for name in ("some", "other"))
    entered, gate, done = threading.Event(), threading.Event(), list[int]()

    def slow() -> None:
        entered.set()
        assert gate.wait(PATIENCE)

    job = some.submit(slow)
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    jobs = [other.submit(partial(done.append, number)) for number in range(5)]
    await asyncio.to_thread(other.close)
    assert done == list(range(5))
    await asyncio.gather(*(job.result for job in jobs))
    gate.set()
    await job.result
    await asyncio.to_thread(some.close)
