from __future__ import annotations

import pytest

from monet.data.cache import ImageCache, ImageCaches, MemoryBudget, free_memory


def test_the_cache_keeps_what_fits(flat_source):
    source = flat_source(4)  # of 192 bytes each
    cache = ImageCache(source, 8, MemoryBudget(400))
    for index in (0, 1, 2, 3) * 2:
        assert cache.read(index)[0, 0, 0] == index
    assert source.reads == 4 + 2


def test_free_memory_is_plausible():
    assert 1 << 20 < free_memory() < 1 << 50


@pytest.mark.parametrize(("cache", "fits"), [(True, True), (False, False), ("auto", True)])
def test_what_the_argument_means(cache, fits):
    assert MemoryBudget.of(cache).take(1000) is fits


def test_auto_leaves_most_of_the_memory_alone(monkeypatch):
    monkeypatch.setattr("monet.data.cache.free_memory", lambda: 4000)
    budget = MemoryBudget.of("auto")
    assert [budget.take(600), budget.take(600), budget.take(400)] == [True, False, True]


def test_any_other_argument_is_refused():
    with pytest.raises(ValueError, match="cache='ram' must be True, False"):
        MemoryBudget.of("ram")


def test_two_sources_share_one_budget(flat_source):
    budget = MemoryBudget(3 * 192)
    sources = flat_source(2), flat_source(2)
    for source in sources:
        cache = ImageCache(source, 8, budget)
        for index in (0, 1) * 2:
            cache.read(index)
    assert [source.reads for source in sources] == [2, 3]


def test_caches_keep_what_has_been_decoded(flat_source):
    sources = flat_source(2), flat_source(2)
    caches = ImageCaches()
    for _ in range(2):
        for source in sources:
            assert [caches.of(source, 8).read(index)[0, 0, 0] for index in (0, 1)] == [0, 1]
    assert [source.reads for source in sources] == [2, 2]


def test_pictures_of_another_size_make_room(flat_source, monkeypatch):
    monkeypatch.setattr("monet.data.cache.free_memory", lambda: 4 * 2 * 192)
    source = flat_source(2)
    caches = ImageCaches()
    for size in (8, 4, 8):
        for index in (0, 1) * 2:
            caches.of(source, size).read(index)
    assert source.reads == 3 * 2


def test_a_replaced_picture_is_looked_for_once(flat_source):
    source = flat_source(3, bad=(1,))
    cache = ImageCache(source, 8, MemoryBudget.of(True))
    with pytest.warns(UserWarning, match="1.png"):
        assert [cache.read(1)[0, 0, 0] for _ in range(3)] == [2, 2, 2]
    assert source.reads == 2
