"""Native ops under tf.distribute.MirroredStrategy, on two halves of the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import monet

# Gradients and training of the same model on the same batches: on one device as the twin, and
# mirrored with the native ops. Norms are of single images, so that two replicas with half of a
# batch each compute what one device does with all of it.
SCRIPT = """
    import json

    import keras
    import numpy as np
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])

    import monet.layers
    import monet.ops

    images = np.random.default_rng(0).normal(size=[8, 10, 9, 3]).astype("float32")

    def build_model():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([
            keras.Input((10, 9, 3)),
            monet.layers.ReflectionPadding2D(1),
            monet.layers.Conv2D(8, 3),
            monet.layers.InstanceNormalization(activation="relu", pad=1),
            monet.layers.Conv2D(8, 3),
            monet.layers.ResidualBlock(8),
            keras.layers.Conv2D(3, 1),
        ])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        return model

    def gradients_of(strategy, model):
        replicas = strategy.num_replicas_in_sync
        parts = np.split(images, replicas)
        operations = set()

        @tf.function
        def compute():
            def of_replica():
                context = tf.distribute.get_replica_context()
                number = context.replica_id_in_sync_group
                x = tf.gather(tf.constant(np.stack(parts)), number)
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((model(x, training=True) + x) ** 2) / replicas
                gradients = tape.gradient(loss, model.trainable_variables)
                operations.update(o.type for o in x.graph.get_operations())
                return context.all_reduce("sum", gradients)
            return strategy.run(of_replica)

        results = [strategy.experimental_local_results(each) for each in compute()]
        return [[copy.numpy() for copy in copies] for copies in results], operations

    def run(strategy, mode):
        with monet.ops.use(mode), strategy.scope():
            model = build_model()
            gradients, operations = gradients_of(strategy, model)
            model.fit(images, -images, batch_size=4, epochs=3, shuffle=False, verbose=0)
        return gradients, model.get_weights(), operations

    one = run(tf.distribute.OneDeviceStrategy("CPU:0"), "reference")
    two = run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), "native")

    def error(got, want):
        return float(np.max(np.abs(got - want)) / max(np.max(np.abs(want)), 1e-3))

    print(json.dumps({
        "replicas": len(two[0][0]),
        "operations": sorted(two[2] - one[2]),
        "gradients": max(
            error(copy, want) for copies, (want,) in zip(two[0], one[0]) for copy in copies
        ),
        "weights": max(map(error, two[1], one[1])),
    }))
"""


def test_replicas_with_native_ops_train_as_one_device_with_the_twins(native):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        cwd=Path(monet.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["replicas"] == 2
    expected = {"MonetNorm", "MonetNormGrad", "MonetReflectionPad", "MonetResidualBlock"}
    assert expected <= set(result["operations"])
    assert result["gradients"] < 1e-4
    assert result["weights"] < 1e-4
