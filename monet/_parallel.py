"""Work in threads with bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """Like `map`, but in threads, and with results made ahead of their use.

    Args:
        function: called in a thread of its own with each item.
        items: taken in the caller's thread, one at a time, as room for their results comes free.
        threads: how many calls run at a time.
        ahead: the most results that are made or being made ahead, so that memory is bounded;
            without, four a thread.

    Yields:
        The results in the order of their items; what `function` raises, in its result's place.
    """
    ahead = 4 * threads if ahead is None else ahead
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
