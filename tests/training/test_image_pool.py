from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.training import ImagePool

SHAPE = (2, 2, 1)


def numbered(*numbers):
    """One image for each number, filled with it."""
    return tf.stack([tf.fill(SHAPE, float(number)) for number in numbers])


def numbers(images):
    return [int(image[0, 0, 0]) for image in np.asarray(images)]


def query(pool, *sent, function=None):
    return numbers((function or pool)(numbered(*sent)))


def test_it_fills_before_it_swaps():
    pool = ImagePool(3, SHAPE)
    assert query(pool, 1, 2) == [1, 2]
    assert query(pool, 3, 4) == [3, 4]
    assert numbers(pool.images) == [1, 2, 3]


@pytest.mark.parametrize("compiled", [None, "graph", "xla"])
@pytest.mark.parametrize("batch", [1, 3])
def test_half_of_the_images_are_swapped_with_random_ones_of_the_pool(compiled, batch):
    pool = ImagePool(5, SHAPE, seed=1)
    function = tf.function(pool, jit_compile=compiled == "xla") if compiled else pool
    swapped, total = 0, 0
    slots = set()
    for first in range(1, 601, batch):
        before = numbers(pool.images)
        sent = list(range(first, first + batch))
        got = query(pool, *sent, function=function)
        after = numbers(pool.images)
        if first <= 5:
            continue
        for image, answer in zip(sent, got, strict=True):
            total += 1
            if answer == image:
                assert image not in after
            else:
                swapped += 1
                slot = before.index(answer)
                slots.add(slot)
                assert after[slot] == image
    assert 0.4 < swapped / total < 0.6
    assert slots == set(range(5))


def test_a_batch_larger_than_the_pool():
    pool = ImagePool(2, SHAPE)
    assert query(pool, 1, 2, 3) == [1, 2, 3]
    assert query(pool, 4, 5, 6)[2] == 6
    assert set(numbers(pool.images)) <= {1, 2, 4, 5}


def test_the_seed_decides():
    def history(seed):
        pool = ImagePool(2, SHAPE, seed)
        return [query(pool, number)[0] for number in range(40)]

    assert history(0) == history(0)
    assert history(0) != history(1)


def test_a_restored_pool_goes_on_as_if_never_stopped():
    straight, resumed = ImagePool(2, SHAPE), ImagePool(2, SHAPE)
    for number in range(10):
        query(straight, number)
    resumed.set_weights(straight.get_weights())
    for number in range(10, 30):
        assert query(straight, number) == query(resumed, number)


def test_low_precision_images_keep_their_dtype():
    pool = ImagePool(2, SHAPE, dtype="mixed_float16")
    assert pool(tf.cast(numbered(1), tf.float16)).dtype == tf.float16
    assert all(weight.dtype in ("float32", "int64") for weight in pool.weights)
    assert not pool.trainable_weights


def test_config_round_trip():
    pool = ImagePool(2, [2, 2, 1], seed=3, name="pool")
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(pool))
    assert twin.get_config() == pool.get_config()
    assert (twin.capacity, twin.image_shape, twin.seed) == (2, SHAPE, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, SHAPE), "capacity=0"), ((2, (2, 2)), "image_shape"), ((2, (None, 2, 1)), "image_shape")],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImagePool(*arguments)


def test_images_of_another_shape():
    with pytest.raises(ValueError, match=r"remembers images of shape \(2, 2, 1\), got \(3, 2, 1\)"):
        ImagePool(2, SHAPE)(tf.zeros([1, 3, 2, 1]))


def test_images_keep_their_dtype_under_a_global_mixed_policy():
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        pool = ImagePool(4, (2, 2, 3))
    finally:
        keras.config.set_dtype_policy(previous)
    assert pool(np.ones((1, 2, 2, 3), "float32")).dtype == "float32"


def test_a_graph_touches_only_the_images_that_it_swaps():
    pool = ImagePool(50, SHAPE)
    graph = tf.function(pool).get_concrete_function(tf.TensorSpec((2, *SHAPE))).graph
    whole = (50, *SHAPE)
    shapes = {output.shape for op in graph.get_operations() for output in op.outputs}
    assert not any(shape.rank == 4 and shape == whole for shape in shapes)
    assert any(op.type == "ResourceScatterUpdate" for op in graph.get_operations())
