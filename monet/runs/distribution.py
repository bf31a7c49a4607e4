"""Which devices train: decided here, and nowhere else."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monet.runs.run_folder import RunError

if TYPE_CHECKING:
    import tensorflow as tf

AUTO, NONE, MIRRORED, MULTIWORKER, TPU = CHOICES = (
    "auto",
    "none",
    "mirrored",
    "multiworker",
    "tpu",
)
"""What a run can be given: "auto" is whatever is here, and one of the others in a run's record."""

_EXAMPLE = (
    '{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The devices that train in step, and this process's place among others.

    Attributes:
        kind: one of `CHOICES`, but not "auto".
        strategy: TensorFlow's, whose scope the model is built in.
        task: what this process is called among its workers, such as "worker 1"; "" if it is alone.
        workers: how many processes train together.
        is_chief: whether this one writes the run's folder.
    """

    kind: str
    strategy: tf.distribute.Strategy
    task: str = ""
    workers: int = 1
    is_chief: bool = True

    @property
    def replicas(self) -> int:
        """Devices that train in step, those of all workers."""
        return self.strategy.num_replicas_in_sync

    def own_ops(self) -> contextlib.AbstractContextManager[None]:
        """Inside the block `monet.ops` are what these devices can run: on TPUs, the twins."""
        from monet import ops

        return ops.use("reference") if self.kind == TPU else contextlib.nullcontext()

    def ask_all(self, number: int) -> list[int]:
        """What every worker gives here; all of them have to come by, and wait for one another."""
        if self.workers == 1:
            return [number]
        return self._gather(number).numpy().tolist()

    def agree(self, number: int) -> int:
        """The largest that any worker gives here, as `ask_all`."""
        return max(self.ask_all(number))

    @functools.cached_property
    def _gather(self) -> Any:
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((), tf.int64)])
        def gather(number):
            each = self.strategy.run(lambda: number[None])
            return self.strategy.gather(each, axis=0)

        return gather

    @contextlib.contextmanager
    def noticing_losses(self) -> Iterator[None]:
        """Inside the block, `RunError` says it where another worker has gone.

        TensorFlow notices by its own means, in seconds if the process has ended and within a minute
        or two if its machine doesn't answer.
        """
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            if self.workers == 1 or isinstance(error, tf.errors.ResourceExhaustedError):
                raise
            raise RunError(
                "another worker has ended or can't be reached, so this one stops too; start all of "
                "them again with `resume`, which goes on from the last checkpoint."
            ) from error


def check_choice(choice: str, *, gpus: int | None = None, minutes: float | None = None) -> None:
    """Raises `RunError` if a run can't be spread that way."""
    if choice not in CHOICES:
        raise RunError(f"`distribute={choice!r}`: expected one of {', '.join(CHOICES)}.")
    if gpus is not None and (choice in (MULTIWORKER, TPU) or (choice == NONE and gpus > 1)):
        raise RunError(
            f"`gpus={gpus}` is for the GPUs of this machine, and `distribute={choice!r}` for other "
            f"devices; leave one out."
        )
    if minutes is not None and choice == MULTIWORKER:
        raise RunError(
            "workers would have to end by clocks of their own, so `distribute='multiworker'` "
            "trains for a number of epochs; give `epochs`, and no `minutes`."
        )


def find_devices(
    choice: str = AUTO, *, gpus: int | None = None, replicas: int | None = None
) -> Distribution:
    """Finds the devices that are to train.

    Args:
        choice: one of `CHOICES`. "auto": a TPU if there is one, else as "mirrored". "none": one
            device. "mirrored": all GPUs of this machine or, without any, logical CPUs (of which
            there is one). "multiworker": those of all machines that `TF_CONFIG` names; to be called
            before TensorFlow has computed anything. "tpu": the cores of a TPU.
        gpus: how many of this machine's; by default all.
        replicas: devices that the batches of a run are made for, where that is settled. Where fewer
            are here, each takes as many parts of a batch as it has to: the largest number of
            devices that divides `replicas` is used.

    Raises:
        RunError: there are no such devices.
    """
    check_choice(choice, gpus=gpus)
    if choice == MULTIWORKER:
        return _fitting(_workers(), replicas)
    if choice == TPU or (choice == AUTO and _tpu_name() is not None):
        return _fitting(Distribution(TPU, _tpu_strategy(_tpu_name())), replicas)
    return _on_this_machine(choice, gpus, replicas)


def count_used(replicas: int, available: int) -> int:
    """How many of the available devices can share batches that are made for `replicas`."""
    return next(n for n in range(min(replicas, available), 0, -1) if replicas % n == 0)


def _on_this_machine(choice: str, gpus: int | None, replicas: int | None) -> Distribution:
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if gpus is not None and not 1 <= gpus <= len(devices):
        raise RunError(f"`gpus={gpus}`, but TensorFlow can train on {len(devices)} here.")
    used = 1 if choice == NONE else count_used(replicas or gpus or len(devices), len(devices))
    kind = NONE if choice == NONE else MIRRORED
    if used == 1:
        return Distribution(kind, tf.distribute.get_strategy())
    names = [device.name for device in devices[:used]]
    return Distribution(kind, tf.distribute.MirroredStrategy(names))


def _fitting(found: Distribution, replicas: int | None) -> Distribution:
    if replicas is not None and replicas % found.replicas:
        raise RunError(
            f"the run's batches are for {replicas} devices, and `distribute={found.kind!r}` has "
            f"{found.replicas}, which can't share them evenly; give `distribute='mirrored'`, or "
            f"bring as many as before."
        )
    return found


def _tpu_name() -> str | None:
    """What TensorFlow's resolver is to look for; None if nothing says that there is a TPU."""
    import tensorflow as tf

    named = os.environ.get("TPU_NAME")
    return named or ("local" if tf.config.list_physical_devices("TPU") else None)


@functools.cache  # to connect again would take the memory from what is on it
def _tpu_strategy(name: str | None) -> tf.distribute.Strategy:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(name)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise RunError(
            f"TensorFlow finds no TPU ({reason}); choose a machine that has one, with TensorFlow's "
            f"TPU package, or give `distribute='mirrored'`."
        ) from error


@functools.cache  # TensorFlow joins a cluster once
def _workers() -> Distribution:
    import tensorflow as tf

    jobs, (job, index) = _read_cluster(os.environ.get("TF_CONFIG"))
    workers = sum(map(len, jobs.values()))
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:  # "Collective ops must be configured at program startup"
        raise RunError(
            "`distribute='multiworker'` has to come before anything else that TensorFlow computes; "
            "start a new process for it."
        ) from error
    except (ValueError, tf.errors.OpError) as error:
        raise RunError(
            f"TensorFlow can't join the workers that TF_CONFIG names: {error}; see that the "
            f"addresses are right and nothing else listens there."
        ) from error
    return Distribution(
        MULTIWORKER,
        strategy,
        task=f"{job} {index}",
        workers=workers,
        is_chief=strategy.extended.should_checkpoint,
    )


def _read_cluster(text: str | None) -> tuple[dict[str, list[str]], tuple[str, int]]:
    """The addresses of a `TF_CONFIG` by job, and the job and the number of this process.

    Raises:
        RunError: it isn't one.
    """
    try:
        config = json.loads(text or "")
        jobs = {str(job): list(addresses) for job, addresses in config["cluster"].items()}
        job, index = config["task"]["type"], int(config["task"]["index"])
        is_there = bool(jobs[job][index]) and index >= 0 and set(jobs) <= set(_JOBS)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        is_there = False
    if not is_there:
        raise RunError(
            f"`distribute='multiworker'` takes the workers from the environment variable "
            f"TF_CONFIG, which is {text or 'not set'}; set it for each of them, like {_EXAMPLE}."
        )
    return jobs, (job, index)
