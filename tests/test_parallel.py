"""Work in threads: in order, ahead of its use, and no further."""

from __future__ import annotations

import threading
import time

import pytest

from monet._parallel import map_in_order


def test_results_come_in_the_order_of_their_items():
    def work(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(map_in_order(work, range(40), threads=4)) == [n * n for n in range(40)]
    assert list(map_in_order(work, [], threads=4)) == []


@pytest.mark.parametrize(("ahead", "most"), [(None, 8), (3, 3), (0, 0)])
def test_no_more_is_taken_ahead_than_was_asked_for(ahead, most):
    taken = 0

    def items():
        nonlocal taken
        for number in range(1, 51):
            taken = number
            yield number

    for used, _ in enumerate(map_in_order(str, items(), threads=2, ahead=ahead), start=1):
        assert taken <= used + most
    assert used == 50


def test_work_goes_on_while_a_result_is_used():
    second_done = threading.Event()

    def work(number):
        if number == 2:
            second_done.set()

    results = map_in_order(work, [1, 2, 3], threads=1)
    next(results)
    assert second_done.wait(10)


def test_an_error_comes_in_its_place_and_ends_it():
    started = []

    def work(number):
        started.append(number)
        return 1 / (number - 2)

    results = map_in_order(work, range(100), threads=1, ahead=1)
    assert [next(results), next(results)] == [-0.5, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(started) < 6
