from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def value_of_sequence(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
