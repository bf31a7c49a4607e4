"""CycleGAN in Keras on TensorFlow, with fused native ops.

Importing `monet` is cheap: TensorFlow is imported by the subpackages that need it.
"""

__version__ = "0.1.0"
