from __future__ import annotations

import numpy as np

from tests.losses.truth import per_sample, softplus


def _sides(fake, real, role, on_real, on_fake, generator):
    return per_sample(generator(fake) if role == "generator" else on_real(real) + on_fake(fake))


def gan_minimax(fake, real, role):
    return _sides(fake, real, role, lambda r: softplus(-r), softplus, lambda f: -softplus(f))


def gan_non_saturating(fake, real, role):
    return _sides(fake, real, role, lambda r: softplus(-r), softplus, lambda f: softplus(-f))


def lsgan(fake, real, role, real_label, fake_label, generator_label):
    def square(label):
        return lambda x: (x - label) ** 2 / 2

    return _sides(fake, real, role, square(real_label), square(fake_label), square(generator_label))


def wgan(fake, real, role):
    return _sides(fake, real, role, lambda r: -r, lambda f: f, lambda f: -f)


def gan_hinge(fake, real, role):
    return _sides(fake, real, role, lambda r: np.maximum(1 - r, 0), lambda f: np.maximum(1 + f, 0), lambda f: -f)
