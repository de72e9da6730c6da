from __future__ import annotations

from tests.losses.identities.image._shared import images, of_of_image


def _variation(rng):
    x, _ = images(rng)
    down, right = of_of_image("mean_absolute_error", x[:, :, 1:], x[:, :, :-1]), of_of_image("mean_absolute_error", x[..., 1:], x[..., :-1])
    return of_of_image("total_variation", x), down + right


IDENTITIES = [
    ("total_variation is the absolute error against the image shifted by one", _variation),
]
