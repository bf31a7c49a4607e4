"""Random calls of every native op, most of them impossible: each is done or refused, none kills.

    python tests/ops/survive_ops.py --calls 10000 --seed 1

Shapes don't go together, are empty, a single pixel or have sides that nothing has; graphs learn
them at run time only; memory is short, by a limit on the address space. Whether results are right,
fuzz_ops.py asks. Calls are made by the batch in processes of their own, whose exit code counts, and
each within a time of its own. What kills a process is tried again with the ops' twins, to tell what
plain TensorFlow does too. test_process_survives.py runs a short stretch.

A `MemoryError` ends a process in order: C++'s bad_alloc has passed frames of TensorFlow's, which is
built without exceptions and leaves its allocator's lock as it was (docs/trust.md). Where that makes
the call itself hang it doesn't again, and is told but is no fault.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import faulthandler
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from fuzz_ops import OPS

_BATCH = 1000  # calls in a process: its start takes as long as some hundred of them
_CALL_SECONDS = 90  # on a busy machine too; one that takes longer hangs
_HUNG = 1  # exit code of faulthandler
_HANG = "nothing: it hung"
_TRIES = 3  # of a call that hung short of memory
_SIDES = (0, 1, 1, 2, 3, 5, 8, 17, 40)
_NOBODYS_SIDES = (2**20, 2**31, 2**40, 2**61)
_LARGE = (1, 1024, 1024, 8)  # 32 MB in float32
_WIDE = (1, 4, 4, 2**19)  # too, but much more with a kernel over all channels
_DTYPES = ("float32", "float16", "bfloat16")
_MEGABYTES_LEFT = (40, 100, 300)  # for a call, where memory is short
_MOST_MEMORY = 4 << 30  # for a process; TensorFlow itself takes 1 or 2 of it


@dataclasses.dataclass(frozen=True)
class Call:
    """An op, the shapes of its tensors, and how it is called.

    Attributes:
        op: its name.
        shapes: of its tensors.
        options: by name.
        dtype: of the pictures and kernels.
        mode: "eager", "graph" with shapes unknown until it runs, or "xla".
        with_gradients: whether it is differentiated too.
        megabytes: address space left to it; None for as much as there is.
    """

    op: str
    shapes: list[list[int]]
    options: dict[str, Any]
    dtype: str
    mode: str
    with_gradients: bool
    megabytes: int | None


def random_call(rng: np.random.Generator) -> Call:
    """Any call, possible or not."""
    op = str(rng.choice(OPS))
    x = [int(side) for side in rng.choice(_SIDES, 4)]
    megabytes = None
    chance = rng.random()
    if chance < 0.1:  # huge and empty
        huge, empty = rng.permutation(4)[:2]
        x[huge], x[empty] = int(rng.choice(_NOBODYS_SIDES)), 0
    elif chance < 0.2:
        x, megabytes = list(_LARGE), int(rng.choice(_MEGABYTES_LEFT))
        if "conv" not in op and op != "residual_block" and rng.random() < 0.5:
            x = list(_WIDE)
    with_gradients = bool(rng.random() < 0.6)
    shapes, options = _arguments(rng, op, x)
    if rng.random() < 0.15:  # a tensor of another shape than it should have
        wrong = shapes[int(rng.integers(len(shapes)))]
        if wrong:
            wrong[int(rng.integers(len(wrong)))] = int(rng.choice(_SIDES))
    if op == "brush_strokes" and with_gradients:
        # These are made of TensorFlow's convolutions, which end the process when they get no
        # memory, and take minutes for large pictures, many channels and long strokes.
        megabytes = None
        huge = (max(_LARGE), max(_WIDE))
        shapes = [[min(side, 32) if side in huge else side for side in s] for s in shapes]
    return Call(
        op=op,
        shapes=shapes,
        options=options,
        dtype=str(rng.choice(_DTYPES)),
        mode=str(rng.choice(["eager", "graph", "xla"], p=[0.45, 0.5, 0.05])),
        with_gradients=with_gradients,
        megabytes=megabytes,
    )


def _arguments(
    rng: np.random.Generator, op: str, x: list[int]
) -> tuple[list[list[int]], dict[str, Any]]:
    channels, out_channels = x[3], int(rng.choice(_SIDES))
    kernel = [int(side) for side in rng.choice([0, 1, 2, 3, 3, 4, 7], 2)]
    small = int(rng.choice([-1, 0, 1, 2, 3, 9]))
    if op == "instance_norm":
        return [x, [channels], [channels]], {"pad": small}
    if op == "group_norm":
        return [x, [channels], [channels]], {"groups": small, "pad": int(rng.integers(3))}
    if op == "reflection_pad":
        return [x], {"pad": small}
    if op == "bilinear_upsampling":
        return [x], {}
    if op == "brush_strokes":
        sizes = {"length": float(rng.choice([0.1, 1, 3, 30])), "width": float(rng.choice([0.1, 2]))}
        return [x, [*x[:3], 1], x[:3]], sizes
    if op == "reflect_conv2d":
        return [x, [*kernel, channels, out_channels]], {}
    if op == "residual_block":
        layer = [[3, 3, channels, channels], [channels], [channels]]
        return [x, *layer, *map(list, layer)], {}
    assert op in ("conv2d", "conv2d_transpose"), f"{op} is to be called here too"
    pair = [channels, out_channels] if op == "conv2d" else [out_channels, channels]
    padding = str(rng.choice(["same", "valid"]))
    return [x, [*kernel, *pair]], {"strides": small, "padding": padding}


def make(call: Call) -> str:
    """Makes the call; returns "done", or the kind of error by which it was refused.

    Raises:
        Exception: another kind than is meant for the caller's eyes.
    """
    import tensorflow as tf

    from monet import ops

    function = getattr(ops, call.op)
    options = dict(call.options)
    positional = [options.pop("groups")] if call.op == "group_norm" else []

    def work(*tensors):
        floating = [tensor for tensor in tensors if tensor.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floating)
            y = function(*tensors, *positional, **options)
        return tape.gradient(y, floating) if call.with_gradients else y

    try:
        tensors = _tensors(call, call.shapes)
        if call.mode != "eager":
            signature = [tf.TensorSpec([None] * len(t.shape), t.dtype) for t in tensors]
            work = tf.function(work, input_signature=signature, jit_compile=call.mode == "xla")
        if call.megabytes is not None:  # threads and code want memory once
            work(*_tensors(call, [[min(side, 32) for side in shape] for shape in call.shapes]))
        with _short_of_memory(call.megabytes):
            work(*tensors)
    except (ValueError, TypeError, MemoryError, tf.errors.OpError) as error:
        return type(error).__name__
    return "done"


def _tensors(call: Call, shapes: list[list[int]]) -> list[Any]:
    import tensorflow as tf

    dtypes = [call.dtype if len(shape) == 4 else "float32" for shape in shapes]
    if call.op == "brush_strokes":
        dtypes = [call.dtype, "float32", "int32"]
    return [tf.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]


@contextlib.contextmanager
def _short_of_memory(megabytes: int | None) -> Iterator[None]:
    """Inside the block the address space may grow by that many megabytes, if it is a number."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    if megabytes is not None:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def calls(seed: int, first: int, last: int) -> list[Call]:
    """Calls number `first` to `last` - 1 of a seed."""
    return [random_call(np.random.default_rng([seed, index])) for index in range(first, last)]


def _work(seed: int, first: int, last: int, mode: str) -> None:
    """What a process does: says the number of each call, and then what became of it.

    Ends early after a `MemoryError`.
    """
    from monet import ops

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.RLIM_INFINITY))
    with ops.use(mode):
        for index, call in enumerate(calls(seed, first, last), start=first):
            print(index, end=" ", flush=True)
            faulthandler.dump_traceback_later(_CALL_SECONDS, exit=True)
            try:
                result = make(call)
            except Exception as error:  # that nobody was meant to see
                result = f"unexpected {type(error).__name__}: {error}".splitlines()[0]
            print(result, flush=True)
            if result == MemoryError.__name__:
                os._exit(0)  # what TensorFlow has left locked would keep it from ending


def _process(seed: int, first: int, last: int, mode: str) -> tuple[dict[int, str], str | None]:
    """Runs `_work`; what became of the calls, and by what the process ended, None if in order."""
    command = [sys.executable, __file__, "--work", mode, "--seed", str(seed)]
    command += ["--first", str(first), "--calls", str(last - first)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment()
    )
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    results = {int(index): result for index, _, result in lines if index}
    if not results:  # or every call would seem to end plain TensorFlow's process too
        raise RuntimeError(f"{' '.join(command)} made no call; run it to see why")
    ended = None
    if done.returncode == _HUNG:
        ended = _HANG
    elif done.returncode < 0:
        ended = signal.Signals(-done.returncode).name
    elif done.returncode:
        ended = f"exit code {done.returncode}"
    return results, ended


def _environment() -> dict[str, str]:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return {**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3"}


def survive(seed: int, first: int, count: int) -> tuple[dict[str, int], list[str]]:
    """Makes `count` calls; returns how many ended how, and a line about each fault."""
    ends: dict[str, int] = {}
    faults = []
    last, index = first + count, first
    while index < last:
        results, ended = _process(seed, index, min(index + _BATCH, last), "native")
        for number, result in results.items():
            kind = result.split(":")[0] or "ended the process"
            ends[kind] = ends.get(kind, 0) + 1
            if result.startswith("unexpected"):
                faults.append(f"call {number}: {calls(seed, number, number + 1)[0]}: {result}")
        reached = max(results)
        if ended is not None:
            call = calls(seed, reached, reached + 1)[0]
            excuse = _excuse(seed, reached, call, ended)
            text = f"call {reached}: {call}: ended by {ended}"
            if excuse is None:
                faults.append(text)
            else:
                print(f"{text}, {excuse}", flush=True)
        index = reached + 1
    return ends, faults


def _excuse(seed: int, index: int, call: Call, ended: str) -> str | None:
    """Why it is no fault of the op's that a call ended a process; None if it is one."""
    if _process(seed, index, index + 1, "reference")[1] is not None:
        return "and so was plain TensorFlow's"
    if ended == _HANG and call.megabytes is not None:
        again = [_process(seed, index, index + 1, "native")[1] for _ in range(_TRIES)]
        if again == [None] * _TRIES:
            return f"but not in {_TRIES} more tries: TensorFlow locks itself out"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first call")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", choices=["native", "reference"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        last = arguments.first + arguments.calls
        _work(arguments.seed, arguments.first, last, arguments.work)
        return 0
    ends, faults = survive(arguments.seed, arguments.first, arguments.calls)
    print(*faults, sep="\n")
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(ends.items())))
    print(f"{arguments.calls} calls, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
