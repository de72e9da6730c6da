"""Losses of generative adversarial networks, from the critic's scores of real and of generated samples.

`role` selects the network: the discriminator's loss takes both scores, the generator's only those of generated samples. A batch has as
many real as generated samples, and the discriminator's loss of a pair is the sum of both parts. Gradient penalties need the network
and are not included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus
from service.losses.registry import loss

Fake = Annotated[Array, TensorSpec("n ...", gradient="default", description="discriminator scores of generated samples")]
Genuine = Annotated[
    Array, TensorSpec("n ...", gradient="default", description="discriminator scores of real samples; only for the discriminator's loss")
]
Role = Annotated[Literal["discriminator", "generator"], annotated_types.doc("network whose loss is computed.")]
BOTH = {"fake": [-0.5, 0.3, 1.2], "real": [1.5, 0.2, -0.4]}
Derivative = Callable[[], Array]
Part = tuple[Array, Derivative, Derivative]  # values, and their first and second derivatives by the score
Function = Callable[[Array], Part]


def of_role(role: Role, fake: Array, real: Array | None, *, on_real: Function, on_fake: Function, generator: Function) -> Evaluation:
    """Evaluate the discriminator's loss, on_real(real) + on_fake(fake), or the generator's, of fake."""
    if role == "generator" and real is not None:
        raise InvalidTensor("real", "not allowed; expected none in the loss of the generator")
    if role == "discriminator" and real is None:
        raise InvalidTensor("real", "missing; expected in the loss of the discriminator")
    values, slope, curvature = generator(fake) if role == "generator" else on_fake(fake)
    gradients, hessian = {"fake": lambda c: c * slope()}, {"fake": lambda c: c * curvature()}
    if real is not None:
        of_real, slope_of_real, curvature_of_real = on_real(real)
        values = values + of_real
        gradients["real"], hessian["real"] = lambda c: c * slope_of_real(), lambda c: c * curvature_of_real()
    return elementwise(values, gradients, hessian)


def _softplus(sign: float, factor: float = 1.0) -> Function:
    """Return factor * log(1 + exp(sign * x))."""
    return lambda x: (factor * softplus(sign * x), lambda: (sign * factor) * sigmoid(sign * x), lambda: factor * (sigmoid(x) * sigmoid(-x)))


def _linear(slope: float) -> Function:
    return lambda x: (slope * x, lambda: np.full_like(x, slope), lambda: np.zeros_like(x))


def _half_square(target: float) -> Function:
    return lambda x: (0.5 * (x - target) * (x - target), lambda: x - target, lambda: np.ones_like(x))


def _hinge(sign: float) -> Function:
    """Return max(0, 1 - sign * x), with the slope 0 at the kink."""
    return lambda x: (np.maximum(1.0 - sign * x, 0.0), lambda: -sign * (sign * x < 1.0).astype(x.dtype), lambda: np.zeros_like(x))


@loss(example=BOTH, hessian_diagonal=True)
def gan_minimax(fake: Fake, *, real: Genuine | None = None, role: Role = "discriminator") -> Evaluation:
    r"""Minimax loss of the original GAN: binary cross entropy for the discriminator, and minus its term of generated samples for the generator.

    The generator's gradient vanishes where the discriminator is certain that a sample is generated; gan_non_saturating avoids this.

    Use: Training of a generative adversarial network (GAN) as first published; mostly for comparison.
    Formula: L_D = -\log \sigma(r) - \log(1 - \sigma(f)), \quad L_G = \log(1 - \sigma(f))
    Synonyms: minimax_gan, minimax_discriminator_loss, minimax_generator_loss, saturating_gan
    Reference: Goodfellow et al., Generative Adversarial Nets, 2014, arXiv:1406.2661, equation 1
    """
    return of_role(role, fake, real, on_real=_softplus(-1.0), on_fake=_softplus(1.0), generator=_softplus(1.0, -1.0))


@loss(example=BOTH, hessian_diagonal=True)
def gan_non_saturating(fake: Fake, *, real: Genuine | None = None, role: Role = "discriminator") -> Evaluation:
    r"""Non-saturating GAN loss: gan_minimax for the discriminator, and the negative log-probability of being real for the generator.

    Use: Training of a generative adversarial network (GAN); the usual form of the original loss.
    Formula: L_D = -\log \sigma(r) - \log(1 - \sigma(f)), \quad L_G = -\log \sigma(f)
    Synonyms: non_saturating_gan, modified_generator_loss, modified_discriminator_loss, ns_gan
    Reference: Goodfellow et al., Generative Adversarial Nets, 2014, arXiv:1406.2661, section 3
    """
    return of_role(role, fake, real, on_real=_softplus(-1.0), on_fake=_softplus(1.0), generator=_softplus(-1.0))


@loss(example=BOTH, hessian_diagonal=True)
def lsgan(
    fake: Fake,
    *,
    real: Genuine | None = None,
    role: Role = "discriminator",
    real_label: float = 1.0,
    fake_label: float = 0.0,
    generator_label: float = 1.0,
) -> Evaluation:
    r"""Least-squares GAN loss: half the squared differences of the scores from target labels, as in the paper; MONAI and others omit the factor 1/2.

    Use: Stable training of a generative adversarial network (GAN), also for image translation and speech vocoders.
    Formula: L_D = \tfrac12 (r - b)^2 + \tfrac12 (f - a)^2, \quad L_G = \tfrac12 (f - c)^2
    real_label: b, the discriminator's target for real samples.
    fake_label: a, its target for generated ones.
    generator_label: c, the generator's target for its samples.
    Synonyms: least_squares_gan, least_squares_discriminator_loss, least_squares_generator_loss
    Reference: Mao et al., Least Squares Generative Adversarial Networks, 2017, arXiv:1611.04076, equation 2
    """
    return of_role(role, fake, real, on_real=_half_square(real_label), on_fake=_half_square(fake_label), generator=_half_square(generator_label))


@loss(example=BOTH, hessian_diagonal=True, bound=ELEMENTWISE)
def wgan(fake: Fake, *, real: Genuine | None = None, role: Role = "discriminator") -> Evaluation:
    r"""Wasserstein GAN loss: differences of the scores, which estimate a Wasserstein distance if the discriminator is 1-Lipschitz.

    The constraint (weight clipping or a gradient penalty) is not included.

    Use: Training of a generative adversarial network (GAN) whose critic estimates the distance to the data.
    Formula: L_D = f - r, \quad L_G = -f
    Synonyms: wasserstein_gan, wasserstein_discriminator_loss, wasserstein_generator_loss, critic_loss
    Reference: Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, arXiv:1701.07875, algorithm 1
    """
    return of_role(role, fake, real, on_real=_linear(-1.0), on_fake=_linear(1.0), generator=_linear(-1.0))


@loss(example=BOTH, hessian_diagonal=True, bound=ELEMENTWISE)
def gan_hinge(fake: Fake, *, real: Genuine | None = None, role: Role = "discriminator") -> Evaluation:
    r"""Hinge GAN loss: hinge losses of both scores for the discriminator, and minus the score for the generator. The slope at a kink is 0.

    Use: Training of large generative adversarial networks (GAN) of images, as in SAGAN and BigGAN.
    Formula: L_D = \max(0, 1 - r) + \max(0, 1 + f), \quad L_G = -f
    Synonyms: hinge_gan, geometric_gan, gan_hinge_loss
    Reference: Lim and Ye, Geometric GAN, 2017, arXiv:1705.02894; Miyato et al., Spectral Normalization for GANs, 2018, arXiv:1802.05957, equation 17
    """
    return of_role(role, fake, real, on_real=_hinge(1.0), on_fake=_hinge(-1.0), generator=_linear(-1.0))
