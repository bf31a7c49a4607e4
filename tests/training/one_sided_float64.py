"""The losses of one-sided training in NumPy float64, written from their definitions."""

from __future__ import annotations

import numpy as np


def structure(pictures):
    """Grey, averaged over 4×4 pixels, contrast-normalised; `[N, H/4, W/4]`."""
    pictures = np.asarray(pictures, np.float64)
    grey = pictures @ np.array([0.299, 0.587, 0.114])
    count, height, width = grey.shape
    coarse = grey.reshape(count, height // 4, 4, width // 4, 4).mean(axis=(2, 4))
    coarse = coarse - coarse.mean(axis=(1, 2), keepdims=True)
    return coarse / np.sqrt((coarse**2).mean(axis=(1, 2), keepdims=True) + 0.01)


def content(photos, painted):
    return np.abs(structure(photos) - structure(painted)).mean()


def colour(photos, painted):
    """L1 distance of pictures averaged over 16×16 pixels."""

    def from_afar(pictures):
        whole = np.asarray(pictures, np.float64)[:, : 16 * (pictures.shape[1] // 16)]
        whole = whole[:, :, : 16 * (pictures.shape[2] // 16)]
        count, height, width, _ = whole.shape
        return whole.reshape(count, height // 16, 16, width // 16, 16, 3).mean(axis=(2, 4))

    return distance(from_afar(photos), from_afar(painted))


def distance(images, others):
    return np.abs(np.asarray(images, np.float64) - np.asarray(others, np.float64)).mean()


def adversarial(patch, deep):
    """Hinge of the patch head, cross-entropy of the deep head: the generator's side."""
    patch, deep = (np.asarray(logits, np.float64) for logits in (patch, deep))
    return -patch.mean() + np.log1p(np.exp(-deep)).mean()


def discriminator(real, fake):
    """The discriminator's side; `real` and `fake` are pairs of logits."""
    (real_patch, real_deep), (fake_patch, fake_deep) = (
        [np.asarray(logits, np.float64) for logits in heads] for heads in (real, fake)
    )
    hinge = np.maximum(1 - real_patch, 0).mean() + np.maximum(1 + fake_patch, 0).mean()
    return hinge + np.log1p(np.exp(-real_deep)).mean() + np.log1p(np.exp(fake_deep)).mean()
