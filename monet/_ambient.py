"""What a user's environment sets for every program, and which of it would be in monet's way."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys

_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
_AS_IT_COMES = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # where there is no keras.json, and can't be
    "KERAS_NNX_ENABLED": None,
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": None,  # XLA can't compile all that reads batches
    **dict.fromkeys(_LIMITS),
    # What can't be read ends the import of TensorFlow or of matplotlib, or a function's tracing.
    "AUTOGRAPH_STRICT_CONVERSION": None,
    "AUTOGRAPH_VERBOSITY": None,
    "MPLBACKEND": None,
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": None,
    "SOURCE_DATE_EPOCH": None,
}
_SHOWN = ("CUDA_", "KERAS_", "MONET_", "OMP_", "PYTHONWARNINGS", "TF_", "XLA_")
_TERRAFORMS = ("TF_CLI_", "TF_VAR_", "TF_LOG", "TF_PLUGIN_")

_XLA_FLAGS = ("XLA_FLAGS", "TF_XLA_FLAGS")
_THREADS = "TF_NUM_INTRAOP_THREADS"
DEADLY = (*_XLA_FLAGS, _THREADS)
_COMPILING = (
    "import tensorflow as tf; tf.function(lambda x: x + x, jit_compile=True)(tf.constant(1.0))"
)

_overridden: dict[str, str] = {}


def is_own_process() -> bool:
    """Whether this process is a command of monet, and nobody else's program."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.partition(".")[0] == "monet"


def shield() -> None:
    """Makes Keras, TensorFlow and their like, when a command of monet imports them, as they come.

    Keras's backend, number format, image layout and limits can be set for all programs, in
    variables and in `~/.keras/keras.json`, and that TensorFlow compiles every function. These are
    for programs that leave them open.
    """
    if not is_own_process():
        return
    for name, value in _AS_IT_COMES.items():
        given = os.environ.pop(name, None)
        if given not in (None, value):
            _overridden[name] = given
        if value is not None:
            os.environ[name] = value


def check_keras() -> None:
    """Makes sure that Keras is as monet needs it, whoever has set it.

    Raises:
        RuntimeError: it isn't; the message says what to change.
    """
    from keras import config

    check_backend()
    limits = [getattr(config, name, bool)() for name in ("max_epochs", "max_steps_per_epoch")]
    for what, found, needed, remedy in (
        ("floatx", config.floatx(), "float32", "keras.config.set_floatx('float32')"),
        (
            "image_data_format",
            config.image_data_format(),
            "channels_last",
            "keras.config.set_image_data_format('channels_last')",
        ),
        ("limit of epochs or steps", any(limits), False, f"unset {' and '.join(_LIMITS)}"),
    ):
        if found != needed:
            raise RuntimeError(_sentence(what, found, needed, remedy))


def check_backend() -> None:
    """The part of `check_keras` that can't change any more once Keras is imported."""
    from keras import config

    if config.backend() != "tensorflow":
        remedy = "set KERAS_BACKEND=tensorflow before Keras is imported"
        raise RuntimeError(_sentence("backend", config.backend(), "tensorflow", remedy))


def _sentence(what: str, found: object, needed: object, remedy: str) -> str:
    return (
        f"Keras's {what} is {found}, but monet needs {needed}; this program, a variable or "
        f"keras.json has set it: {remedy}."
    )


def remedies() -> list[str]:
    """What to change for programs of the user's own: the commands don't heed these settings."""
    return [
        f"programs of your own need {name}={value}, not {_overridden[name]}; the commands of monet "
        f"don't heed it"
        for name, value in _AS_IT_COMES.items()
        if name in _overridden and value is not None and name != "KERAS_HOME"
    ]


def what_ends_tensorflow() -> str | None:
    """Which of the variables `DEADLY` TensorFlow would end this process over; None if none."""
    with contextlib.suppress(ValueError):  # TensorFlow takes no notice of what is no number
        if int(os.environ.get(_THREADS, "")) < 0:
            return f"{_THREADS}: TensorFlow ends the process over a negative number; unset it"
    return _what_xla_says()


def _what_xla_says() -> str | None:
    """What TensorFlow's compiler ends a process with because of its flags; None if nothing.

    Where there are such flags, this costs the start of a second TensorFlow, some seconds. The
    compiler alone knows its flags, looks at them when it first compiles, and ends the process over
    one that it doesn't know, which can't be caught; nor may a process fork that has TensorFlow's
    threads in it.
    """
    flags = [name for name in _XLA_FLAGS if os.environ.get(name)]
    if not flags:
        return None
    done = subprocess.run(
        [sys.executable, "-c", _COMPILING],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        errors="replace",
    )
    said = re.search("Unknown flags? .*", done.stderr)
    if said is None or done.returncode == 0:
        return None
    return f"{' and '.join(flags)}: TensorFlow ends the process with {said[0]!r}; mend or unset it"


def variables() -> dict[str, str]:
    """The environment variables that TensorFlow, Keras or monet look at, as far as they are set."""
    found = {
        name: text
        for name, text in sorted(os.environ.items())
        if name.startswith(_SHOWN) and not name.startswith(_TERRAFORMS)
    }
    for name in _AS_IT_COMES if is_own_process() else ():
        found.pop(name, None)
        if name in _overridden:
            found[name] = f"{_overridden[name]} (not for the commands of monet)"
    return found
