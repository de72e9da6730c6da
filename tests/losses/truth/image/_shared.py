from __future__ import annotations


def steps_of_image(x):
    down = [(abs(x[..., i + 1, j] - x[..., i, j])) for i in range(x.shape[-2] - 1) for j in range(x.shape[-1])]
    across = [(abs(x[..., i, j + 1] - x[..., i, j])) for i in range(x.shape[-2]) for j in range(x.shape[-1] - 1)]
    return down, across
