"""What a user's environment sets for every program, and which of it would be in monet's way."""

from __future__ import annotations

import os
import sys

_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
_AS_IT_COMES = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # where there is no keras.json, and can't be
    "KERAS_NNX_ENABLED": None,
    **dict.fromkeys(_LIMITS),
}
_SHOWN = ("CUDA_", "KERAS_", "MONET_", "OMP_", "PYTHONWARNINGS", "TF_", "XLA_")
_TERRAFORMS = ("TF_CLI_", "TF_VAR_", "TF_LOG", "TF_PLUGIN_")

_overridden: dict[str, str] = {}


def is_own_process() -> bool:
    """Whether this process is a command of monet, and nobody else's program."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.partition(".")[0] == "monet"


def shield_keras() -> None:
    """Makes Keras, when a command of monet imports it, what it is by itself.

    Its backend, number format, image layout and limits can be set for all programs, in variables
    and in `~/.keras/keras.json`. These are for programs that leave them open.
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

    limits = [getattr(config, name, bool)() for name in ("max_epochs", "max_steps_per_epoch")]
    for what, found, needed, remedy in (
        ("backend", config.backend(), "tensorflow", "set KERAS_BACKEND=tensorflow"),
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
            raise RuntimeError(
                f"Keras's {what} is {found}, but monet needs {needed}; this program, a variable or "
                f"keras.json has set it: {remedy}."
            )


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
