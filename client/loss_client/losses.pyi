# Written by `make stubs` from the cards of the service.
from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

Array: TypeAlias = Any  # of NumPy, torch or jax, or nested lists of numbers
Output: TypeAlias = Literal["value", "per_sample", "gradients", "per_element", "hessian_diagonal"]
R_co = TypeVar("R_co", covariant=True)

class Losses(Generic[R_co]):
    def __call__(self, name: str, /, *tensors: Array | None, **fields: Any) -> R_co: ...

    def adaptive_log_softmax(
        self,
        predictions: Array,
        labels: Array,
        head_weight: Array,
        tail_projection: Array,
        tail_output: Array,
        cutoffs: Array,
        head_bias: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "head_weight", "tail_projection", "tail_output", "head_bias"]] = ...,
    ) -> R_co:
        """Adaptive softmax: cross entropy over many classes, first of a frequent class or a cluster of rare ones, then of the class within the
        cluster.

        Use: Language modeling with a large vocabulary of frequent and rare words.

        Each class before the first cutoff has a row of head_weight, and so has each of the k clusters after them. Cluster i has the classes
        from cutoffs[i] to cutoffs[i + 1] (the last one: to the end). Its matrix is tail_projection[i], and its classes' rows are
        consecutive in tail_output. torch gives rarer clusters fewer dimensions (div_value): pad with zeros to the widest cluster. Padding
        changes neither the value nor the other gradients, and its own gradients are 0, so it stays 0 in training.

        predictions: (n, f), all finite numbers; hidden states, the input of the linear layer

        labels: (n,), [0, infinity); index of the true class; classes are sorted by decreasing frequency

        head_weight: (h, f), all finite numbers; matrix of the head: a row for each frequent class, then one for each cluster

        tail_projection: (k, d, f), all finite numbers; each cluster's projection; zero rows pad those of fewer dimensions

        tail_output: (m, d), all finite numbers; a row for each class of the clusters, in order; zeros pad as in tail_projection

        cutoffs: (k,), [1, infinity); first class of each cluster, in increasing order, without the number of classes

        head_bias: (h,), all finite numbers; bias of the head

        Formula: \\ell = -\\log \\mathrm{softmax}(W_h h + b)_{c(y)} - \\log \\mathrm{softmax}(O_{c(y)} P_{c(y)} h)_y

        Divisor: the number of samples
        """

    def adaptive_wing(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 2.1,
        omega: float = 14.0,
        epsilon: float = 1.0,
        theta: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Wing loss for heatmaps: steep near zero where the true heat is 1, flat on the background.

        Use: Face alignment and pose estimation by heatmaps of landmarks.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), [0, 1]; true heat of each point, 1 at a landmark

        alpha: exponent where the heat is 0; at least 2, so that the slope is bounded where the heat is 1.

        omega: height of the logarithmic part.

        epsilon: scale of the errors.

        theta: error at which the loss changes from logarithmic to linear.

        Formula: \\ell = \\omega \\log\\left(1 + |e / \\epsilon|^p\\right) \\text{ where } |e| < \\theta, \\text{ else } A (|e| - \\theta) + \\omega
        \\log\\left(1 + q\\right), \\quad p = \\alpha - t, \\; q = (\\theta / \\epsilon)^p, \\; A = \\frac{\\omega p q}{\\theta (1 + q)}, \\; e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def aft(
        self,
        predictions: Array,
        lower_bound: Array,
        upper_bound: Array,
        right_censored: Array | None = None,
        *,
        distribution: Literal["normal", "logistic", "extreme"] = 'normal',
        scale: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of an accelerated failure time model, log t = x + scale * noise.

        Use: Survival analysis: the time of an event, with censored times, also in boosting.

        Equal bounds mean an observed time; lower_bound 0 means left-censored, and right_censored 1 is XGBoost's infinite upper bound. The
        differences of the distribution function are accurate in its tails, where XGBoost clips them from below at 1e-12.

        predictions: (n,), all finite numbers; predicted location of the logarithm of the time

        lower_bound: (n,), [0, infinity); lower bound of the time.

        upper_bound: (n,), [0, infinity); upper bound of the time.

        right_censored: (n,), {0, 1}; 1 where the time is above lower_bound, and upper_bound is unused

        distribution: distribution of the noise: normal, logistic, or extreme (the logarithm of an exponential time, which makes Weibull
        times).

        scale: sigma, scale of the noise.

        Formula: \\ell = -\\log \\frac{f(z)}{\\sigma t} \\text{ or } -\\log \\left( F(z_u) - F(z_l) \\right), \\quad z = \\frac{\\log t - x}{\\sigma}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def alpha_divergence(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        alpha: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Amari's alpha divergences: Kullback-Leibler (alpha 1), its reverse (0), four times hellinger (1/2), half of Pearson's chi squared
        (2).

        Use: Comparison of probability distributions, from mode-seeking to mass-covering.

        For masses that do not sum to one it is the generalized form, never negative. Here alpha 1 is the divergence of the labels from the
        predictions. The loss of a label 0 is infinite for alpha <= 0.

        predictions: (n, c, ...), (0, 1]; q.

        labels: (n, c, ...), [0, 1]; p.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        alpha: exponent; at 0 and 1 the loss is the limit.

        Formula: \\ell = \\sum_k \\frac{p_k^\\alpha q_k^{1 - \\alpha} - \\alpha p_k + (\\alpha - 1) q_k}{\\alpha (\\alpha - 1)}

        Divisor: the number of samples (of positions, with further axes) included
        """

    def alpha_iou(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 3.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Alpha-IoU loss: one minus a power of the intersection over union. Disjoint boxes have no gradient.

        Use: Bounding box regression in object detection at high overlaps, or with noisy boxes.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        alpha: exponent; values above 1 increase the weight of boxes with high overlap.

        Formula: \\ell = 1 - \\mathrm{IoU}^\\alpha

        Divisor: the number of boxes
        """

    def alphapo(
        self,
        chosen_logps: Array,
        rejected_logps: Array,
        *,
        alpha: float = 0.25,
        beta: float = 0.1,
        simpo_gamma: float = 0.5,
        label_smoothing: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_logps", "rejected_logps"]] = ...,
    ) -> R_co:
        """AlphaPO loss: SimPO with the reward (1 - p^-alpha) / alpha of the probability, whose limit for alpha 0 is the logarithm.

        Use: Fine-tuning of language models by preferences without a reference.

        Send log-probabilities averaged over tokens. The difference of rewards is computed from that of the log-probabilities, so that it is
        exact for small alpha and for nearly equal completions; TRL raises probabilities to the power.

        chosen_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        rejected_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        alpha: shape; 0 gives simpo.

        beta: scale of the difference.

        simpo_gamma: margin by which the chosen completion must win.

        label_smoothing: probability that the preference is wrong.

        Formula: \\ell = \\mathrm{softplus}\\left(\\gamma - \\beta (r_c - r_r)\\right), \\quad r = \\frac{1 - e^{-\\alpha \\overline{\\log
        \\pi}}}{\\alpha}

        Divisor: the number of pairs
        """

    def andrews_wave(
        self,
        predictions: Array,
        labels: Array,
        *,
        a: float = 1.339,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Andrews' wave: about half the squared error near zero, a cosine up to a pi, constant beyond.

        Use: Robust regression where outliers must have no influence, as in M-estimation.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        a: the loss is constant for errors beyond a pi; 1.339 is 95 % efficient for normal errors.

        Formula: \\ell = a^2 \\left( 1 - \\cos(e / a) \\right) \\text{ where } |e| \\le a \\pi, \\text{ else } 2 a^2, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def angle(
        self,
        input1: Array,
        input2: Array,
        labels: Array,
        *,
        scale: float = 20.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """AnglE loss: cosent with a similarity of vectors as complex numbers, their first half the real and their second half the imaginary
        parts.

        Use: Embeddings of sentences from graded similarity (semantic textual similarity), where cosines saturate.

        The similarity is the absolute value of the sum of the real and imaginary parts of the complex inner product over the lengths, as in
        sentence-transformers; the authors add cosent and an in-batch loss to it. It is the cosine with a turned vector, times the root of
        2. Vectors of an odd size have a 0 appended. The gradient where the sum is 0 is 0. Gradients are accurate relative to the largest
        element of each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; true similarity of each pair, of which only the order matters

        scale: lambda, factor of the similarities.

        Formula: \\ell = \\log \\left( 1 + \\sum_{y_i < y_j} e^{\\lambda (s_i - s_j)} \\right), \\quad s_i = \\frac{|\\mathrm{Re}\\, z_i +
        \\mathrm{Im}\\, z_i|}{|a_i| |b_i|}, \\quad z_i = \\sum_k a_{ik} \\bar b_{ik}

        Divisor: 1
        """

    def angular(
        self,
        embeddings: Array,
        labels: Array,
        *,
        alpha: float = 40.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Angular loss: for each pair of one class, keeps the angle at every negative, in the triangle with the pair, below alpha.

        Use: Metric learning of embeddings for image retrieval.

        Vectors are divided by their norms; pytorch-metric-learning leaves x_k unnormalized. Time is of the order of the number of pairs
        times n. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        alpha: the angle in degrees.

        Formula: \\ell_i = \\sum_{p \\in P_i} \\log \\left( 1 + \\sum_{y_k \\ne y_i} e^{4 \\tan^2 \\alpha \\, (x_i + x_p) \\cdot x_k - 2 (1 + \\tan^2
        \\alpha) \\, x_i \\cdot x_p} \\right)

        Divisor: the number of ordered pairs of one class
        """

    def approx_mrr(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        temperature: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative reciprocal rank of the first relevant item, with ranks approximated by sums of sigmoids.

        Use: Learning to rank that is judged by the first hit, as in question answering.

        Items with a label of at least 1 are relevant. Of equal ranks, the first item by position has the gradient. A list without a
        relevant item has loss 0. TensorFlow Ranking instead averages the reciprocal ranks of all relevant items.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        temperature: T; smaller values are closer to the metric (rax 1, TensorFlow Ranking 0.1).

        Formula: \\ell = -\\max_{y_i \\ge 1} \\frac{1}{\\hat r_i}, \\quad \\hat r_i = 1 + \\sum_{j \\ne i} \\sigma((s_j - s_i) / T)

        Divisor: the number of lists with items (rax)
        """

    def approx_ndcg(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        temperature: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative normalized discounted cumulative gain, with ranks approximated by sums of sigmoids.

        Use: Learning to rank that is judged by nDCG, the normalized discounted cumulative gain.

        A list without gain has loss 0.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, 64]; graded relevances y of the items; their gain is 2^y - 1

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        temperature: T; smaller values are closer to the metric (rax 1, TensorFlow Ranking 0.1).

        Formula: \\ell = -\\frac{\\sum_i (2^{y_i} - 1) / \\log_2(1 + \\hat r_i)}{\\max \\mathrm{DCG}}, \\quad \\hat r_i = 1 + \\sum_{j \\ne i}
        \\sigma((s_j - s_i) / T)

        Divisor: the number of lists with items (rax)
        """

    def arcface(
        self,
        embeddings: Array,
        weight: Array,
        labels: Array,
        *,
        margin: float = 0.5,
        scale: float = 64.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "weight"]] = ...,
    ) -> R_co:
        """ArcFace loss: softmax cross entropy of cosines, with an additive margin on the angle of the true class.

        Use: Face recognition, speaker verification and other recognition of many identities.

        Beyond theta = pi - m, where the cosine of the sum would increase again, it is replaced by cos(theta) - m sin(m) (InsightFace,
        pytorch-metric-learning). The margin is in radians as in the paper: pytorch-metric-learning's 28.6 degrees are 0.5. Where theta is 0
        or pi, the gradient of its sine is 0. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        weight: (c, d), all finite numbers; learned vector of each class, one per row (as torch.nn.Linear's weight)

        labels: (n,), class indices in [0, c); class of each sample

        margin: added to the angle of the true class, in radians.

        scale: factor of the cosines.

        Formula: \\ell = -\\log \\frac{e^{s \\cos(\\theta_y + m)}}{e^{s \\cos(\\theta_y + m)} + \\sum_{j \\ne y} e^{s \\cos \\theta_j}}

        Divisor: the number of samples
        """

    def arctan(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Arctangent of the squared error, as in scipy's least_squares.

        Use: Robust regression where a single residual must be bounded.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = \\arctan\\left((x - t)^2\\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def asymmetric(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma_pos: float = 1.0,
        gamma_neg: float = 4.0,
        clip: float = 0.05,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Asymmetric loss: binary cross entropy with separate focusing exponents for positives and negatives; easy negatives are discarded.

        Use: Multi-label classification where most of many classes are absent from a sample.

        With a label between 0 and 1 the exponent is gamma_pos z + gamma_neg (1 - z), and its base z (1 - p) + (1 - z) p_m multiplies both
        terms, as in the authors' code and timm. Labels are constant. The slope at the clip is 0. timm 1.0.31 defaults to reduction
        batchmean (older versions always return the sum), computes in float32 and clips the arguments of the logarithms from below at 1e-8;
        here they are exact.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), [0, 1]; true label of each class, mostly 0 or 1

        gamma_pos: focusing exponent of the positives.

        gamma_neg: focusing exponent of the negatives.

        clip: m, probability below which the loss of a negative is 0.

        Formula: \\ell = -q^\\gamma \\left( z \\log p + (1 - z) \\log(1 - p_m) \\right), \\quad q = z (1 - p) + (1 - z) p_m, \\; \\gamma = z \\gamma_+
        + (1 - z) \\gamma_-, \\quad p = \\sigma(x), \\; p_m = \\max(p - m, 0)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def asymmetric_single_label(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma_pos: float = 1.0,
        gamma_neg: float = 4.0,
        label_smoothing: float = 0.1,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Asymmetric focal loss of a softmax with smoothed labels, with separate focusing exponents for the true class and the other classes.

        Use: Multiclass classification with imbalanced classes.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        gamma_pos: focusing exponent of the true class.

        gamma_neg: focusing exponent of the others.

        label_smoothing: epsilon, share of the target spread evenly over all classes; timm's eps.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -\\sum_k q_k w_k \\log p_k, \\quad w_y = (1 - p_y)^{\\gamma_+}, \\; w_k = p_k^{\\gamma_-} \\text{ for } k \\ne y, \\quad q_k
        = (1 - \\epsilon) [k = y] + \\frac{\\epsilon}{C}, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of positions that are not ignored
        """

    def balanced_l1(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.5,
        gamma: float = 1.5,
        beta: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Balanced L1 loss: linear with slope gamma beyond beta, with a logarithmically rising slope near zero; the box loss of Libra R-CNN.

        Use: Bounding box regression in object detection, balanced between easy and hard samples.

        Value and slope are continuous for every beta. mmdetection's formula agrees for beta 1. Otherwise its value is continuous, but its
        slope is not 0 at 0 and jumps at beta. With beta 0.5, its loss of an error of 0.25 is 0.231137, here 0.200284; of an error of 1 it
        is 1.328594, here 1.289297.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        alpha: growth of the slope; smaller values increase the influence of small errors.

        gamma: slope beyond beta.

        beta: error from which the slope is gamma.

        Formula: \\ell = \\frac{\\alpha \\beta}{b} \\left( (1 + u) \\log(1 + u) - u \\right) \\text{ where } |e| < \\beta, \\text{ else } \\gamma |e| +
        \\frac{\\gamma \\beta}{b} - \\alpha \\beta, \\quad u = \\frac{b |e|}{\\beta}, \\quad b = e^{\\gamma / \\alpha} - 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def balanced_softmax(
        self,
        predictions: Array,
        labels: Array,
        class_counts: Array,
        *,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Balanced softmax: cross entropy of a softmax whose terms are multiplied by the class counts of the training data.

        Use: Long-tailed multiclass classification, with imbalanced class counts in training and balanced ones in use.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        class_counts: (c,), [1, 1e+12]; number of training samples of each class

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -\\log \\frac{n_y e^{x_y}}{\\sum_k n_k e^{x_k}}

        Divisor: the number of positions that are not ignored
        """

    def barlow_twins(
        self,
        input1: Array,
        input2: Array,
        *,
        lambd: float = 0.005,
        deviation: Literal["biased", "unbiased"] = 'biased',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """Barlow Twins loss: squared difference of the cross-correlation matrix of two views' features from the identity.

        Use: Self-supervised learning of image features without negatives.

        A feature that is constant over the batch has correlation 0. The correlations of two samples are always 1 or -1, so their gradient
        is 0. Correlations are exact; the paper's code (batch normalization) adds 1e-5 to the variances, MONAI 1e-6 to the deviations.
        Gradients are accurate relative to the largest element of each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        lambd: weight of the off-diagonal terms.

        deviation: standard deviation that divides the features; unbiased (MONAI) multiplies all correlations by (n - 1) / n.

        Formula: \\ell = \\sum_i (1 - C_{ii})^2 + \\lambda \\sum_{i \\ne j} C_{ij}^2, \\quad C_{ij} = \\frac{1}{n} \\sum_b \\hat z^1_{bi} \\hat
        z^2_{bj}

        Divisor: 1
        """

    def barron_general_robust(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 1.0,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """General robust loss of one family: squared error (alpha 2), pseudo_huber (1), cauchy (0), geman_mcclure (-2) and welsch (alpha to
        minus infinity).

        Use: Robust regression where the shape of the loss is tuned or learned.

        At the removable singularities, alpha 0 and 2, the loss is the limit.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        alpha: shape; smaller values reduce the influence of outliers.

        c: scale of the errors.

        Formula: \\ell = \\frac{b}{\\alpha} \\left( \\left( \\frac{(e/c)^2}{b} + 1 \\right)^{\\alpha / 2} - 1 \\right), \\quad b = |\\alpha - 2|, \\quad
        e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def batch_hard_triplet(
        self,
        embeddings: Array,
        labels: Array,
        *,
        margin: float = 1.0,
        distance: Literal["euclidean", "squared_euclidean", "cosine"] = 'euclidean',
        form: Literal["hinge", "soft"] = 'hinge',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Batch-hard triplet loss: for each anchor, the farthest sample of its class and the nearest sample of another class.

        Use: Metric learning of embeddings by triplets mined from the batch: re-identification of persons.

        Anchors without a positive or without a negative are excluded. Of ties the first is used; at the margin the gradient is that of the
        slope. The loss depends on the whole batch, so results over shards do not merge. Time is of the order of n^2 d. Gradients are
        accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        margin: margin by which the nearest negative must be farther than the farthest positive; unused by the soft form.

        distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).

        form: hinge, or soft: softplus of the difference, without margin.

        Formula: \\ell_i = \\max\\left(0, \\max_{y_p = y_i} d_{ip} - \\min_{y_n \\ne y_i} d_{in} + m\\right)

        Divisor: the number of anchors with a positive and a negative
        """

    def batch_semi_hard_triplet(
        self,
        embeddings: Array,
        labels: Array,
        *,
        margin: float = 1.0,
        distance: Literal["euclidean", "squared_euclidean", "cosine"] = 'euclidean',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Batch semi-hard triplet loss: for each pair of one class, the nearest sample of another class that is farther than the positive.

        Use: Metric learning of embeddings by triplets mined from the batch: face recognition (FaceNet).

        If no negative is farther than the positive, the farthest negative is used (TFA). Of ties the first is used; at the margin the
        gradient is that of the slope. The loss depends on the whole batch, so results over shards do not merge. Time is of the order of n^2
        (d + log n). Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        margin: margin by which the negative must be farther than the positive.

        distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).

        Formula: \\ell_i = \\sum_{y_p = y_i} \\max\\left(0, d_{ip} - d_{i n(p)} + m\\right), \\quad n(p) = \\arg\\min_{y_n \\ne y_i, \\, d_{in} >
        d_{ip}} d_{in}

        Divisor: the number of ordered pairs of one class whose anchor has a negative
        """

    def bco(
        self,
        logps: Array,
        ref_logps: Array,
        labels: Array,
        *,
        beta: float = 0.1,
        delta: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Binary classifier optimization: binary cross entropy of whether a completion is desirable, with the log-ratio to the reference as
        the score.

        Use: Fine-tuning of language models by thumbs up and down, without pairs.

        TRL weights undesirable completions by a density ratio of their prompts; use sample_weight for it.

        logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        ref_logps: (n,), all finite numbers; log-probabilities of the completions under the reference model

        labels: (n,), {0, 1}; 1 for a desirable completion, 0 for an undesirable one

        beta: strength of the regularization toward the reference.

        delta: constant subtracted from the rewards; in TRL the running mean of the rewards r over all batches so far, including this one.

        Formula: \\ell = \\mathrm{softplus}(\\mp (r - \\delta)), \\quad r = \\beta \\log\\frac{\\pi}{\\pi_{ref}}, \\quad - \\text{ for desirable, } +
        \\text{ for undesirable completions}

        Divisor: the number of completions
        """

    def berhu(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Reverse Huber loss: the absolute error up to c, quadratic beyond. The gradient at an error of 0 is 0.

        Use: Monocular depth estimation by regression.

        In the paper, c is a fifth of the largest error in the batch, and constant in the gradient.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: error at which the loss changes from linear to quadratic.

        Formula: \\ell = |e| \\text{ where } |e| \\le c, \\text{ else } \\frac{e^2 + c^2}{2 c}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def beta_divergence(
        self,
        predictions: Array,
        labels: Array,
        *,
        beta: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Beta divergences of matrix factorization: half_squared_error (beta 2), generalized Kullback-Leibler divergence (1), itakura_saito
        (0).

        Use: Non-negative matrix factorization (NMF), of spectra and of topics.

        The family has the Bregman divergences of powers. The loss of a label 0 is infinite for beta <= 0.

        predictions: (n, ...), (0, infinity); x, above 0.

        labels: (n, ...), [0, infinity); t, at least 0.

        beta: exponent; at 0 and 1 the loss is the limit.

        Formula: \\ell = \\frac{t^\\beta + (\\beta - 1) x^\\beta - \\beta t x^{\\beta - 1}}{\\beta (\\beta - 1)}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def beta_nll(
        self,
        predictions: Array,
        labels: Array,
        variance: Array,
        *,
        beta: float = 0.5,
        eps: float = 1e-06,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "variance"]] = ...,
    ) -> R_co:
        """Gaussian negative log-likelihood times a power of the variance that is constant in the gradient, so that points of large variance
        are fitted too.

        Use: Probabilistic regression with uncertainty: heteroscedastic, more stable than the plain likelihood.

        beta 0 gives gaussian_nll; with beta 1 the gradient of the mean is that of half_squared_error.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        variance: (n, ...), [0, infinity); predicted variances, clipped from below at eps

        beta: exponent of the variance.

        eps: lower bound of the variance.

        Formula: \\ell = \\lfloor v^\\beta \\rfloor \\, \\frac{1}{2} \\left( \\log v + \\frac{(x - t)^2}{v} \\right), \\quad v =
        \\max(\\mathrm{variance}, \\epsilon)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def beta_nll_distribution(
        self,
        concentration1: Array,
        concentration0: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["concentration1", "concentration0", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a beta distribution, of shares and probabilities.

        Use: Probabilistic regression of shares, rates and probabilities, such as click rates and cloud cover.

        beta_nll is another loss: a Gaussian likelihood weighted by a power of its variance.

        concentration1: (n, ...), (0, infinity); a, the exponents of t plus 1, above 0.

        concentration0: (n, ...), (0, infinity); b, the exponents of 1 - t plus 1, above 0.

        labels: (n, ...), (0, 1); true shares, in (0, 1)

        Formula: \\ell = \\log\\Gamma(a) + \\log\\Gamma(b) - \\log\\Gamma(a + b) - (a - 1) \\log t - (b - 1) \\log(1 - t)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def bi_tempered_logistic(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        t1: float = 0.8,
        t2: float = 1.2,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Bi-tempered logistic loss: t1 below 1 bounds the loss of outliers, and t2 above 1 gives the softmax heavy tails.

        Use: Multiclass classification with outliers and noisy labels.

        With both temperatures 1 it is cross entropy. Newton's method finds the normalizer to full accuracy and converges monotonically.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        weight: (c,), [0, infinity); weight of each class

        t1: temperature of the logarithm, from 0 to 1.

        t2: temperature of the exponential, from 1 on.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -\\log_{t_1} p_y - \\frac{1}{2 - t_1} \\left( 1 - \\sum_k p_k^{2 - t_1} \\right), \\quad \\log_t u = \\frac{u^{1-t} - 1}{1 -
        t}, \\quad p_k = \\left( 1 + (t_2 - 1)(\\lambda - x_k) \\right)^{-1 / (t_2 - 1)}, \\quad \\sum_k p_k = 1

        Divisor: the sum of the true classes' weights over positions that are not ignored
        """

    def binary_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        clamp: Literal["torch", "keras", "sklearn", "off"] = 'torch',
        label_smoothing: float = 0.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Binary cross entropy of probabilities and labels in [0, 1], with 0 log 0 = 0.

        Use: Log loss of binary classifiers that output probabilities; for raw scores, the version with logits is exact.

        predictions: (n, ...), [0, 1]; probabilities

        labels: (n, ...), [0, 1], or ignore_index; true probabilities, mostly 0 or 1

        weight: (n, ...), [0, infinity); weight of each element

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        clamp: treatment of probabilities near 0 and 1. torch: each logarithm is at least -100, and the gradient's denominator p (1 - p) at
        least 1e-12; keras: p is clipped to [1e-7, 1 - 1e-7]; sklearn: to [2.2e-16, 1 - 2.2e-16], the spacing of float64 at 1, as log_loss
        does; off: exact, thus infinite (an error) where p is 0 for the true class.

        label_smoothing: share of each label spread evenly over both classes, z (1 - e) + e / 2 (as in keras, and in timm for two classes).
        segmentation_models_pytorch's factor is half of it.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -w \\left( z \\log p + (1 - z) \\log(1 - p) \\right)

        Divisor: the number of elements included, also with element weights (torch's rule)
        """

    def binary_cross_entropy_with_logits(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        pos_weight: Array | None = None,
        mask: Array | None = None,
        *,
        label_smoothing: float = 0.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Binary cross entropy of the sigmoid of raw scores and labels in [0, 1].

        Use: Binary classification and multi-label classification by raw scores (logits), such as logistic regression.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), [0, 1], or ignore_index; true probabilities, mostly 0 or 1

        weight: (n, ...), [0, infinity); weight of each element

        pos_weight: (k,) or (k, 1) or (k, 1, 1) or (k, 1, 1, 1), [0, infinity); weight of the positive term: (k,) for each entry of the last
        axis, (k, 1, 1) for each channel of (n, k, h, w), as torch aligns them; one number, (1,), for all

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        label_smoothing: share of each label spread evenly over both classes, z (1 - e) + e / 2 (as in keras, and in timm for two classes).
        segmentation_models_pytorch's factor is half of it.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = w \\left( w^+ z \\, \\mathrm{softplus}(-x) + (1 - z) \\, \\mathrm{softplus}(x) \\right)

        Divisor: the number of elements included, also with element weights (torch's rule)
        """

    def binary_sparsemax(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Sparsemax loss of two classes: 0 for margins above 1, linear below -1, quadratic between. Labels are 0 and 1, as in optax.

        Use: Binary classification with sparse probabilities.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {0, 1}; true classes, 0 or 1

        Formula: \\ell = 0 \\text{ where } m \\ge 1, \\; -m \\text{ where } m \\le -1, \\text{ else } \\frac{(1 - m)^2}{4}, \\quad m = (2 z - 1) x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def binomial_nll(
        self,
        predictions: Array,
        labels: Array,
        total_count: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a binomial distribution: successes among a known number of trials, with all terms.

        Use: Regression of rates from counts, such as click rates, methylation and votes.

        Counts above 2^53 are rounded to the precision of the predictions, as in torch.

        predictions: (n, ...), all finite numbers; x, the logits of a success.

        labels: (n, ...), [0, infinity); true numbers of successes

        total_count: (n, ...), [0, infinity); numbers of trials, at least those of successes

        Formula: \\ell = n \\log\\left(1 + e^x\\right) - k x - \\log\\binom{n}{k}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_absolute(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Absolute error objective, with Hessian 1 (the true one is 0). The gradient at an error of 0 is 0.

        Use: Regression with gradient-boosted trees where labels have outliers; predicts a median.

        LightGBM and XGBoost afterwards replace each leaf's value by a median of residuals.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = |f - y|, \\quad g = \\mathrm{sign}(f - y), \\quad h = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Cross entropy objective: cross entropy of the sigmoid of the score against a probability.

        Use: Gradient-boosted trees for labels that are probabilities.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), [0, 1]; true probabilities, mostly 0 or 1

        Formula: \\ell = y \\, \\mathrm{softplus}(-f) + (1 - y) \\, \\mathrm{softplus}(f), \\quad g = \\sigma(f) - y, \\quad h = \\sigma(f)(1 -
        \\sigma(f))

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_cross_entropy_lambda(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cross entropy of the probability of at least one success in `weight` trials, whose rate is the softplus of the score.

        Use: Gradient-boosted trees for labels that are probabilities, with weights as numbers of trials.

        With weight 1, or without weight, it is boosting_cross_entropy. The weight is part of the loss, not a factor of it.

        predictions: (n, ...), all finite numbers; raw scores; their softplus is the rate.

        labels: (n, ...), [0, 1]; true probabilities, mostly 0 or 1

        weight: (n, ...), (0, infinity); number of trials of each row, above 0

        Formula: \\ell = -(1 - y) \\log(1 - z) - y \\log z, \\quad z = 1 - e^{-w \\lambda}, \\; \\lambda = \\log(1 + e^f), \\quad g = \\left( 1 -
        \\frac{y}{z} \\right) w \\sigma(f)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_expectile(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Expectile objective: half the asymmetric squared error; equal to expectile / 2.

        Use: Expectile regression with gradient-boosted trees.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        alpha: expectile to estimate; a single value of XGBoost's expectile_alpha.

        Formula: \\ell = \\tfrac12 w d^2, \\quad g = w d, \\quad h = w, \\quad w = 1 - \\alpha \\text{ where } d \\ge 0, \\text{ else } \\alpha, \\quad
        d = f - y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_exponential(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Exponential objective (AdaBoost) for two classes, 0 and 1; the score is half the log-odds.

        Use: AdaBoost with gradient-boosted trees.

        predictions: (n, ...), all finite numbers; raw scores; the probability is the sigmoid of twice the score.

        labels: (n, ...), [0, 1]; true classes, 0 or 1, or the probability of 1.

        Formula: \\ell = y e^{-f} + (1 - y) e^f, \\quad g = -y e^{-f} + (1 - y) e^f, \\quad h = \\ell

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_fair(
        self,
        predictions: Array,
        labels: Array,
        *,
        fair_c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Fair objective: about half the squared error near zero, nearly linear for large errors.

        Use: Regression with gradient-boosted trees where labels have outliers.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        fair_c: error at which the Hessian has fallen to a quarter.

        Formula: \\ell = c^2 \\left( \\tfrac{|d|}{c} - \\log(1 + \\tfrac{|d|}{c}) \\right), \\quad g = \\frac{c \\, d}{|d| + c}, \\quad h =
        \\frac{c^2}{(|d| + c)^2}, \\quad d = f - y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_gamma(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Gamma objective: negative log-likelihood of positive amounts whose log-mean is the score.

        Use: Regression of positive amounts with gradient-boosted trees, such as the severity of insurance claims.

        XGBoost's code of 2026, after 3.4, has (2 h + 1) / 3 for the Hessian.

        predictions: (n, ...), all finite numbers; raw scores, the logarithms of the means

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: \\ell = f + y e^{-f}, \\quad g = 1 - y e^{-f}, \\quad h = y e^{-f}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_hinge(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Hinge objective for two classes, 0 and 1. The gradient at the kink is 0.

        Use: Binary classification with gradient-boosted trees that predict classes instead of probabilities.

        As in XGBoost, the Hessian is 1 where the gradient is not 0 and float32's smallest normal number elsewhere; the true one is 0.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), {0, 1}; true classes, 0 or 1

        Formula: \\ell = \\max(0, 1 - s f), \\quad g = -s [s f < 1], \\quad h = [s f < 1], \\quad s = 2 y - 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_huber(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.9,
        convention: Literal["lightgbm", "sklearn"] = 'lightgbm',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Huber objective: half the squared error up to alpha, linear beyond.

        Use: Regression with gradient-boosted trees where labels have outliers.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        alpha: error at which the loss changes from quadratic to linear; scikit-learn's delta, which its boosting computes as a quantile of
        the errors.

        convention: the Hessian is 1 everywhere (lightgbm), or 1 inside and 0 beyond alpha (sklearn), the true one.

        Formula: \\ell = \\tfrac12 d^2 \\text{ where } |d| \\le \\alpha, \\text{ else } \\alpha (|d| - \\tfrac{\\alpha}{2}), \\quad g =
        \\mathrm{clip}(d, -\\alpha, \\alpha), \\quad d = f - y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_lambdarank(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        sigmoid: float = 1.0,
        lambdarank_truncation_level: int = 30,
        lambdarank_norm: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """LambdaRank objective of LightGBM: logistic losses of pairs, weighted by the change of NDCG when both items are swapped.

        Use: Learning to rank with gradient-boosted trees, for search results and recommendations.

        Pairs need at least one item above the truncation level. As in LightGBM, the gradient and the Hessian hold the weights and norms
        constant. With the norm, each weight is divided by 0.01 + |s_i - s_j| unless all scores of the list are equal, and the list's
        weights by their sum of lambdas L, times log2(1 + L). Ties keep the order of positions. LightGBM's sigmoid is read from a table of a
        million entries; this one is exact.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, 30]; relevance grades y of the items; their gain is 2^y - 1

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        sigmoid: factor of the scores.

        lambdarank_truncation_level: k of the NDCG; pairs of two items ranked below it are excluded.

        lambdarank_norm: divide by the distance of the scores and by the sum of the list.

        Formula: \\ell = \\sum_{y_i > y_j} w_{ij} \\, \\mathrm{softplus}(-\\sigma (s_i - s_j)), \\quad w_{ij} \\propto \\frac{(2^{y_i} - 2^{y_j})
        |D(r_i) - D(r_j)|}{\\max \\mathrm{DCG}}, \\quad D(r) = \\frac{1}{\\log_2(1 + r)}

        Divisor: the number of lists
        """

    def boosting_logistic(
        self,
        predictions: Array,
        labels: Array,
        *,
        sigmoid: float = 1.0,
        convention: Literal["lightgbm", "xgboost", "sklearn"] = 'lightgbm',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Binary logistic objective: cross entropy of the sigmoid of the score.

        Use: Binary classification with gradient-boosted trees, as LightGBM's and XGBoost's own objective.

        LightGBM computes the gradient as sigma(f) - y, which cancels; here it is (1 - y) sigma(f) - y sigma(-f).

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), [0, 1]; true classes, 0 or 1, or the probability of 1.

        sigmoid: s, LightGBM's factor of the scores; 1 in other libraries.

        convention: xgboost clips the Hessian from below at 1e-16; lightgbm and sklearn use the true one.

        Formula: \\ell = y \\, \\mathrm{softplus}(-sf) + (1 - y) \\, \\mathrm{softplus}(sf), \\quad g = s(\\sigma(sf) - y), \\quad h = s^2
        \\sigma(sf)(1 - \\sigma(sf))

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_mape(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Mean absolute percentage error objective: absolute error over max(1, |label|), with Hessian 1 (the true one is 0). The gradient at
        an error of 0 is 0.

        Use: Regression of relative errors with gradient-boosted trees, as in demand forecasting.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = \\frac{|f - y|}{\\max(1, |y|)}, \\quad g = \\frac{\\mathrm{sign}(f - y)}{\\max(1, |y|)}, \\quad h = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_one_vs_all(
        self,
        predictions: Array,
        labels: Array,
        *,
        sigmoid: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """One-vs-all objective: binary cross entropy of each class against all others.

        Use: Multiclass classification with gradient-boosted trees, one binary model per class.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c); index of the true class

        sigmoid: s, the factor of the scores.

        Formula: \\ell = \\sum_k \\mathrm{softplus}(\\mp s f_k), - \\text{ for } k = y, \\quad g_k = s(\\sigma(s f_k) - [k = y]), \\quad h_k = s^2
        \\sigma(s f_k)(1 - \\sigma(s f_k))

        Divisor: the number of rows
        """

    def boosting_poisson(
        self,
        predictions: Array,
        labels: Array,
        *,
        poisson_max_delta_step: float = 0.7,
        convention: Literal["lightgbm", "xgboost", "sklearn"] = 'lightgbm',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Poisson objective: negative log-likelihood of counts whose log-mean is the score.

        Use: Regression of counts with gradient-boosted trees.

        predictions: (n, ...), all finite numbers; raw scores, the logarithms of the means

        labels: (n, ...), [0, infinity); true values, at least 0

        poisson_max_delta_step: increases the Hessian of lightgbm and xgboost, which shortens the steps (XGBoost's max_delta_step).

        convention: the Hessian is e^(f + poisson_max_delta_step) (lightgbm, and xgboost up to 3.4; its code of 2026 has max(e^f, y)), or
        e^f (sklearn), the true one.

        Formula: \\ell = e^f - y f, \\quad g = e^f - y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_pseudo_huber(
        self,
        predictions: Array,
        labels: Array,
        *,
        huber_slope: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Pseudo-Huber objective: about half the squared error near zero, nearly linear for large errors.

        Use: Regression with gradient-boosted trees where labels have outliers; twice differentiable.

        XGBoost's code of 2026, after 3.4, has (1 + (d / delta)^2)^(-1/2) for the Hessian.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        huber_slope: delta, the slope for large errors.

        Formula: \\ell = \\delta^2 \\left( \\sqrt{1 + (d / \\delta)^2} - 1 \\right), \\quad g = \\frac{d}{\\sqrt{1 + (d / \\delta)^2}}, \\quad h =
        \\left( 1 + (d / \\delta)^2 \\right)^{-3/2}, \\quad d = f - y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_quantile(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.9,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Quantile objective: pinball loss, with Hessian 1 (the true one is 0). The gradient at an error of 0 is 1 - alpha (scikit-learn:
        -alpha).

        Use: Quantile regression and prediction intervals with gradient-boosted trees.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        alpha: quantile to estimate; scikit-learn's and XGBoost's default is 0.5.

        Formula: \\ell = \\max(\\alpha (y - f), (1 - \\alpha)(f - y)), \\quad g = 1 - \\alpha \\text{ where } f \\ge y, \\text{ else } -\\alpha, \\quad
        h = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_softmax(
        self,
        predictions: Array,
        labels: Array,
        *,
        convention: Literal["lightgbm", "xgboost", "sklearn"] = 'lightgbm',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Multiclass softmax objective: cross entropy of the softmax, with one tree per class.

        Use: Multiclass classification with gradient-boosted trees.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c); index of the true class

        convention: the Hessian is K / (K - 1) p (1 - p) (lightgbm, K classes), at least 1e-16 and otherwise 2 p (1 - p) (xgboost up to 3.4;
        its code of 2026 has |g| there), or p (1 - p) (sklearn), the true one.

        Formula: \\ell = -\\log p_y, \\quad g_k = p_k - [k = y], \\quad p = \\mathrm{softmax}(f)

        Divisor: the number of rows
        """

    def boosting_squared(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Squared error objective: half the squared error, with Hessian 1.

        Use: Regression with gradient-boosted trees.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = \\tfrac12 (f - y)^2, \\quad g = f - y, \\quad h = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_squared_log(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Squared log error objective: half the squared difference of log(1 + score) and log(1 + label), with 1 + score at least 1e-6.

        Use: Regression of growth with gradient-boosted trees, where relative errors matter.

        As in XGBoost, the gradient is that at the clipped score, the clipping is ignored in the chain rule, and the Hessian is at least
        1e-6.

        predictions: (n, ...), all finite numbers; raw scores, the sums of the trees

        labels: (n, ...), (-1, infinity); true values, above -1

        Formula: \\ell = \\tfrac12 e^2, \\quad g = \\frac{e}{1 + f}, \\quad h = \\max\\left( \\frac{1 - e}{(1 + f)^2}, 10^{-6} \\right), \\quad e =
        \\log(1 + f) - \\log(1 + y)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boosting_tweedie(
        self,
        predictions: Array,
        labels: Array,
        *,
        tweedie_variance_power: float = 1.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Tweedie objective: negative log-likelihood of amounts with zeros, whose log-mean is the score; between Poisson (1) and gamma (2).

        Use: Regression of amounts with many zeros with gradient-boosted trees, such as insurance claims.

        predictions: (n, ...), all finite numbers; raw scores, the logarithms of the means

        labels: (n, ...), [0, infinity); true values, at least 0

        tweedie_variance_power: rho; the variance is proportional to this power of the mean.

        Formula: \\ell = \\frac{e^{(2 - \\rho) f}}{2 - \\rho} - \\frac{y e^{(1 - \\rho) f}}{1 - \\rho}, \\quad g = e^{(2 - \\rho) f} - y e^{(1 -
        \\rho) f}, \\quad h = (2 - \\rho) e^{(2 - \\rho) f} - (1 - \\rho) y e^{(1 - \\rho) f}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def boundary(
        self,
        predictions: Array,
        distances: Array | None = None,
        labels: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Boundary loss: the predicted probability times the signed distance to the true boundary.

        Use: Segmentation of small structures in medical images, beside a Dice loss or cross entropy.

        Summed over an image, it is the integral between both boundaries, up to a constant. The minimum is negative. Omit classes to ignore.
        Used with dice or cross_entropy, with a weight that increases during training.

        predictions: (n, ...), [0, 1]; probabilities, after softmax or sigmoid.

        distances: (n, ...), all finite numbers; phi, 0 at the inner edge of the true region and negative within; by default computed from
        `labels`: distance_transform_edt of the outside, and 1 minus that of the inside.

        labels: (n, ...), [0, 1]; true masks (n, c, ...), foreground above 1/2; used if `distances` is not sent.

        Formula: \\ell = \\phi \\, p

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def bounded_iou(
        self,
        predictions: Array,
        labels: Array,
        *,
        beta: float = 0.2,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Bounded IoU loss: smooth L1 of one minus the best IoU possible given the center's x, its y, the width or the height.

        Use: Bounding box regression in two-stage object detection.

        Each box has four elements, as in mmdetection, which adds 1e-3 to the denominators; here they are exact, with 0 / 0 = 0. Where
        centers are so far apart that the bound is 1, the gradient is 0.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        beta: value at which the loss changes from quadratic to linear.

        Formula: \\ell = \\mathrm{smooth\\_l1}_\\beta(b), \\quad b_x = \\min\\left(1, \\frac{4 |\\Delta x|}{w^* + 2 |\\Delta x|}\\right), \\quad b_w = 1
        - \\min\\left(\\frac{w}{w^*}, \\frac{w^*}{w}\\right)

        Divisor: the number of elements, four for each box
        """

    def bradley_terry(
        self,
        chosen_rewards: Array,
        rejected_rewards: Array,
        margin: Array | None = None,
        *,
        center_rewards_coefficient: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_rewards", "rejected_rewards"]] = ...,
    ) -> R_co:
        """Bradley-Terry loss of reward models: negative log-probability that the chosen completion is preferred.

        Use: Reward models for human feedback (RLHF), and other pairwise preferences.

        chosen_rewards: (n,), all finite numbers; rewards of the completions

        rejected_rewards: (n,), all finite numbers; rewards of the completions

        margin: (n,), all finite numbers; margin by which the chosen completions are better

        center_rewards_coefficient: weight of the square of the rewards' sum, which keeps them near zero (TRL; 0.01 in the paper).

        Formula: \\ell = \\mathrm{softplus}(m - (r_c - r_r)) + \\lambda (r_c + r_r)^2

        Divisor: the number of pairs
        """

    def brier_score(
        self,
        predictions: Array,
        labels: Array,
        *,
        over_classes: Literal["each", "sum"] = 'each',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Brier score: the squared error of a probability.

        Use: Binary classification and forecasts that are judged by their calibration.

        predictions: (n, ...), [0, 1]; probabilities

        labels: (n, ...), [0, 1]; true probabilities, mostly 0 or 1

        over_classes: each: every probability is that of a separate event, and the mean is over all; sum: axis 1 has the classes, whose
        squares are summed (Brier's form, between 0 and 2; twice scikit-learn's scale_by_half).

        Formula: \\ell = (p - y)^2 \\text{ or } \\sum_k (p_k - y_k)^2

        Divisor: the number of elements; with over_classes sum, of elements over classes
        """

    def c51(
        self,
        predictions: Array,
        actions: Array,
        next_logits: Array,
        rewards: Array,
        done: Array,
        next_predictions: Array | None = None,
        *,
        v_min: float = -10.0,
        v_max: float = 10.0,
        discount: float = 0.99,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Categorical distributional Q-learning (C51): cross entropy of the taken action's distribution of returns against the Bellman
        target's projection.

        Use: Deep Q-learning of discrete actions by distributions of returns, as in Rainbow.

        The returns are z atoms, evenly from v_min to v_max. The best next action has the largest mean, by next_logits, or by
        next_predictions if sent (double DQN); its distribution is always from next_logits. Each atom of the target, clipped to the support,
        is shared between its two neighbors. The target is constant. 51 atoms give the algorithm its name. torchrl's DistributionalDQNLoss
        takes log-probabilities, which are logits too, and is double.

        predictions: (n, k, z), all finite numbers; raw scores of every action's returns, one for each atom

        actions: (n,), class indices in [0, k); the actions taken

        next_logits: (n, k, z), all finite numbers; raw scores of every action's returns in the next states, usually from a target network

        rewards: (n,), all finite numbers; rewards of the steps

        done: (n,), {0, 1}; 1 where the episode ended, 0 elsewhere

        next_predictions: (n, k, z), all finite numbers; raw scores of the online network in the next states, which select the action
        (double DQN)

        v_min: smallest return, z_1.

        v_max: largest return, above v_min.

        discount: gamma, discount factor.

        Formula: \\ell = -\\sum_i m_i \\log p_{ai}, \\quad m_i = \\sum_j p'_{a^* j} \\max\\left( 0, 1 - \\frac{|\\mathrm{clip}(r + (1 - d) \\gamma
        z_j) - z_i|}{\\Delta} \\right)

        Divisor: the number of samples
        """

    def cauchy(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Logarithm of one plus half the squared error; equal to barron_general_robust with alpha 0.

        Use: Robust regression with large outliers, as in bundle adjustment and registration.

        kornia uses this form with c = 1. scipy's least_squares has no factor 1/2 in the logarithm, which corresponds to c = 1 / sqrt 2.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: scale of the errors.

        Formula: \\ell = \\log\\left(1 + \\frac{e^2}{2 c^2}\\right), \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def center(
        self,
        embeddings: Array,
        centers: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "centers"]] = ...,
    ) -> R_co:
        """Center loss: half the squared distance of each sample to the center of its class.

        Use: Face recognition, beside cross entropy, by compact classes.

        The gradient of the centers is the derivative; the paper instead updates them by an average over each class's samples.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        centers: (c, d), all finite numbers; learned vector of each class

        labels: (n,), class indices in [0, c); class of each sample

        Formula: \\ell = \\frac{1}{2} |x - c_y|^2

        Divisor: the number of samples
        """

    def chamfer_distance(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Chamfer distance: the mean squared distance of each point to its nearest point in the other set, in both directions.

        Use: Reconstruction of point clouds and 3D shapes.

        Of equally near points the first is used, as in pytorch3d, where this is norm 2 with point_reduction mean.

        predictions: (n, p, d), all finite numbers; predicted points

        labels: (n, q, d), all finite numbers; true points

        Formula: \\ell_i = \\frac{1}{p} \\sum_a \\min_b \\|x_{ia} - t_{ib}\\|^2 + \\frac{1}{q} \\sum_b \\min_a \\|x_{ia} - t_{ib}\\|^2

        Divisor: the number of samples
        """

    def charbonnier(
        self,
        predictions: Array,
        labels: Array,
        *,
        eps: float = 0.001,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Charbonnier loss: the absolute error, smoothed near zero, where its value is eps.

        Use: Image restoration and super-resolution; optical flow and other regression with outliers.

        BasicSR's CharbonnierLoss and mmagic's add their eps outside of the square, so that 1e-12 there is 1e-6 here. It is pseudo_huber /
        eps + eps, with delta = eps.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        eps: error at which the loss changes from quadratic to linear.

        Formula: \\ell = \\sqrt{e^2 + \\epsilon^2}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ciou(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: Literal["constant", "differentiated"] = 'constant',
        convention: Literal["torchvision", "mmdetection"] = 'torchvision',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Complete IoU loss: diou plus a penalty on different aspect ratios, weighted by the overlap.

        Use: Bounding box regression in object detection, the usual choice of the YOLO detectors.

        The angle of a box without height is a right angle, and that of a point is 0. torchvision's gradient is NaN in these cases. For the
        boxes (0, 0, 2, 1) and (1, 0, 2, 2) mmdetection gives 0.729167, torchvision 0.762918.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        alpha: constant holds the weight alpha constant in the gradient (the paper, torchvision, detectron2); differentiated includes its
        derivative.

        convention: torchvision (also detectron2 and ultralytics) takes alpha as it is; mmdetection (and the authors' code) sets it to 0 for
        an IoU up to 0.5, which leaves diou.

        Formula: \\ell = \\mathrm{diou} + \\alpha v, \\quad v = \\frac{4}{\\pi^2} \\left( \\arctan \\frac{w^*}{h^*} - \\arctan \\frac{w}{h} \\right)^2,
        \\quad \\alpha = \\frac{v}{1 - \\mathrm{IoU} + v}

        Divisor: the number of boxes
        """

    def circle(
        self,
        embeddings: Array,
        labels: Array,
        *,
        gamma: float = 80.0,
        margin: float = 0.4,
        weights: Literal["constant", "differentiated"] = 'constant',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Circle loss: moves cosines within a class above 1 - margin and those between classes below margin, with weights that grow with the
        violation.

        Use: Metric learning of embeddings for face recognition and retrieval.

        The weights of pairs are max(0, 1 + m - s) for positives and max(0, s + m) for negatives. The paper, pytorch-metric-learning and
        TensorFlow Ranking hold them constant in the gradient, keras does not. Anchors without a positive or without a negative are
        excluded. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        gamma: scale; 80 for retrieval, 256 for faces, 64 in TensorFlow Ranking.

        margin: relaxation; 0.4 for retrieval, 0.25 for faces.

        weights: weights of the pairs in the gradient: constant, as in the paper, or differentiated, as in keras.

        Formula: \\ell_i = \\mathrm{softplus} \\left( \\log \\sum_{y_k \\ne y_i} e^{\\gamma (s_{ik} + m)_+ (s_{ik} - m)} + \\log \\sum_{p \\in P_i}
        e^{-\\gamma (1 + m - s_{ip})_+ (s_{ip} - 1 + m)} \\right)

        Divisor: the number of anchors with a positive and a negative
        """

    def cispo(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        epsilon_high: float = 5.0,
        lower_bound: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Clipped importance sampling policy optimization: the clipped ratio is constant, so that no token loses its gradient.

        Use: Reinforcement learning of language models for reasoning, with long completions.

        The clipped ratio is constant in the gradient, as in the method, so the gradient is not the derivative of the value. The equation of
        MiniMax-M1 and verl clip to [1 - e_low, 1 + e_high], which are the bounds here. TRL's epsilon_high is the bound itself, as here; if
        unset it is TRL's epsilon, 0.2, which multiplies all on-policy gradients by 0.2. The default here is ScaleRL's 5.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        old_logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the same actions under the behavior policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        epsilon_high: upper bound of the ratio (as in TRL and ScaleRL, the bound itself, not its distance from 1).

        lower_bound: lower bound of the ratio, at most epsilon_high; 0 for none, as in TRL and ScaleRL.

        Formula: \\ell = -\\mathrm{sg}(\\min(\\max(\\rho, \\rho_l), \\epsilon_h)) \\, A \\log \\pi

        Divisor: the number of elements, without those masked out
        """

    def cl_dice(
        self,
        predictions: Array,
        labels: Array,
        *,
        iterations: int = 3,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1.0,
        smooth_dr: float = 1.0,
        smooth: float = 0.0001,
        include_background: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Soft clDice loss: one minus the harmonic mean of the skeletons' shares within the other mask (topological precision and
        sensitivity).

        Use: Segmentation of tubular structures whose connectedness counts: vessels, neurons, roads; beside dice.

        Sums go over all classes and positions of a sample. Names and defaults are MONAI's; the authors' code has smooth 0 and sums over the
        whole batch too. A share of an empty skeleton without smoothing, 0 / 0, is 0. Gradients at ties of neighbors follow torch's pooling.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1] or class indices in [0, c); true masks (n, c, ...) in [0, 1], or the index of the true class
        (n, ...)

        iterations: number of erosions of the soft skeleton, about the largest radius of the structures in pixels.

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerators of both shares.

        smooth_dr: added to the denominators of both shares.

        smooth: s, added to the denominator of the harmonic mean.

        include_background: include class 0; a single class is always included.

        Formula: \\ell_i = 1 - \\frac{2 P S}{P + S + s}, \\quad P = \\frac{\\sum K(p) \\, t + s_{nr}}{\\sum K(p) + s_{dr}}, \\quad S = \\frac{\\sum
        K(t) \\, p + s_{nr}}{\\sum K(t) + s_{dr}}

        Divisor: the number of samples
        """

    def class_balanced(
        self,
        predictions: Array,
        labels: Array,
        class_counts: Array,
        *,
        beta: float = 0.999,
        gamma: float = 0.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Class-balanced loss: cross entropy or focal loss, with each class weighted by the inverse of its effective number of samples.

        Use: Multiclass classification with imbalanced classes, by weights from their counts.

        The weights are scaled to sum to the number of classes, as in the authors' code.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        class_counts: (c,), [1, 1e+12]; number of training samples of each class

        beta: contribution of each further sample of a class; 0 weights all classes equally, values near 1 weight each class by the inverse
        of its count.

        gamma: focusing exponent; 0 gives cross entropy.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = w_y (1 - p_y)^\\gamma (-\\log p_y), \\quad w_k \\propto \\frac{1 - \\beta}{1 - \\beta^{n_k}}, \\quad \\sum_k w_k = C, \\quad p
        = \\mathrm{softmax}(x)

        Divisor: the number of positions that are not ignored, regardless of the weights
        """

    def clip(
        self,
        image: Array,
        text: Array,
        logit_scale: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["image", "text", "logit_scale"]] = ...,
    ) -> R_co:
        """CLIP loss: symmetric cross entropy of matching each image with its text and each text with its image, by cosine similarity.

        Use: Contrastive learning of images and texts.

        Gradients are accurate relative to the largest element of each tensor.

        image: (n, d), all finite numbers; embeddings, one row per sample

        text: (n, d), all finite numbers; embeddings, one row per sample

        logit_scale: (1,), (0, infinity); factor of the cosines, 1 / 0.07 without it; the exponential of CLIP's learned parameter (which
        CLIP holds at 100 at most).

        Formula: \\ell_i = \\frac{1}{2} \\left( -\\log \\frac{e^{t s_{ii}}}{\\sum_j e^{t s_{ij}}} - \\log \\frac{e^{t s_{ii}}}{\\sum_j e^{t s_{ji}}}
        \\right)

        Divisor: the number of pairs
        """

    def concordance_correlation(
        self,
        predictions: Array,
        labels: Array,
        *,
        along: Literal["samples", "elements"] = 'samples',
        correction: int = 0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus the concordance correlation coefficient, which falls with differences of mean and scale too.

        Use: Regression of ratings, such as arousal and valence in affective computing, judged by agreement.

        With correction 0 it is the mean squared error over the largest that the two variances and means allow. For labels (3, -0.5, 2, 7)
        and predictions (2.5, 0, 2, 8) it is 0.023211, and with correction 1, as in torchmetrics, 0.022265. Predictions and labels that are
        all equal to one number are rejected. With along samples, the whole batch is one sample, so per_sample has one number. Gradients are
        accurate relative to the largest element of each tensor.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        along: axis of the correlation. samples: the batch, with one correlation for each entry of the further axes, as in torchmetrics and
        scikit-learn; elements: all further axes, with one correlation for each sample.

        correction: of the divisor m - correction of variances, as in torch.var; 0 in Lin's definition, 1 in torchmetrics.

        Formula: L = 1 - \\frac{2 s_{xt}}{s_x^2 + s_t^2 + (\\bar x - \\bar t)^2} = \\frac{s_{x - t}^2 + (\\bar x - \\bar t)^2}{s_x^2 + s_t^2 +
        (\\bar x - \\bar t)^2}

        Divisor: the number of correlations
        """

    def confidence_penalty(
        self,
        predictions: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative entropy of the predicted distribution, added with a small weight to a cross entropy to penalize overconfidence.

        Use: Calibration of classifiers and exploration of policies, by less confident predictions.

        predictions: (n, c, ...), all finite numbers; x, raw scores, one for each class.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell_i = \\sum_k p_k \\log p_k, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of samples (of positions, with further axes) included
        """

    def contrastive(
        self,
        input1: Array,
        input2: Array,
        labels: Array,
        *,
        margin: float = 1.0,
        convention: Literal["tfa", "hadsell", "pml"] = 'tfa',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """Contrastive loss: reduces the Euclidean distance of similar pairs, and increases that of dissimilar pairs up to a margin.

        Use: Embeddings of similar and dissimilar pairs by siamese networks: verification of faces and signatures.

        pytorch-metric-learning normalizes embeddings first and averages the non-zero losses of each kind. Here vectors are not normalized
        and every pair is included. MONAI's ContrastiveLoss is ntxent. The gradient is 0 where the distance is 0, and at the margin.
        Gradients are accurate relative to the largest element of each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), {0, 1}; 1 for a similar pair, 0 for a dissimilar one

        margin: smallest distance of dissimilar pairs without loss.

        convention: tfa uses squares, hadsell (the paper) half the squares, pml no squares.

        Formula: \\ell = y d^2 + (1 - y) \\max(0, m - d)^2, \\quad d = |a - b|

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def corn(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Conditional ordinal regression (CORN): binary cross entropy of going beyond each level that a sample has reached.

        Use: Ordinal regression of grades, ratings, ages or stages of a disease, with consistent ranks.

        The products of the conditional probabilities fall from level to level, so that the predicted ranks are consistent.

        predictions: (n, k), all finite numbers; scores of being above level 0, 1, ..., k - 1, each given that it is at that level or higher

        labels: (n,), lengths in [0, k]; levels, from 0 to the number of scores

        Formula: \\ell = \\sum_{k=0}^{\\min(y, K - 1)} \\left( \\mathrm{softplus}(x_k) - [y > k] \\, x_k \\right)

        Divisor: the number of scores of levels that the samples have reached, min(y + 1, K) of each sample
        """

    def cosent(
        self,
        input1: Array,
        input2: Array,
        labels: Array,
        *,
        scale: float = 20.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """CoSENT loss: logarithm of one plus the exponentials of all misorderings of the pairs' cosine similarities.

        Use: Embeddings of sentences from graded similarity (semantic textual similarity), by the order of their cosines.

        One number for the batch, as in sentence-transformers. Pairs of equal labels are not compared. The sums over pairs of pairs are
        cumulative sums in the order of the labels. A zero vector has cosine 0. Gradients are accurate relative to the largest element of
        each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; true similarity of each pair, of which only the order matters

        scale: lambda, factor of the cosines.

        Formula: \\ell = \\log \\left( 1 + \\sum_{y_i < y_j} e^{\\lambda (s_i - s_j)} \\right), \\quad s_i = \\cos(a_i, b_i)

        Divisor: 1
        """

    def cosface(
        self,
        embeddings: Array,
        weight: Array,
        labels: Array,
        *,
        margin: float = 0.35,
        scale: float = 64.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "weight"]] = ...,
    ) -> R_co:
        """CosFace loss: softmax cross entropy of cosines, with a margin subtracted from the cosine of the true class.

        Use: Face recognition, speaker verification and other recognition of many identities.

        Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        weight: (c, d), all finite numbers; learned vector of each class, one per row (as torch.nn.Linear's weight)

        labels: (n,), class indices in [0, c); class of each sample

        margin: subtracted from the cosine of the true class.

        scale: factor of the cosines.

        Formula: \\ell = -\\log \\frac{e^{s (\\cos \\theta_y - m)}}{e^{s (\\cos \\theta_y - m)} + \\sum_{j \\ne y} e^{s \\cos \\theta_j}}

        Divisor: the number of samples
        """

    def cosine_distance(
        self,
        predictions: Array,
        labels: Array,
        *,
        form: Literal["distance", "negative", "squared_chord"] = 'distance',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Cosine distance: one minus the cosine of the angle between two vectors.

        Use: Regression of directions and features; image or text features compared by cosine similarity.

        A zero vector has cosine 0 and gradient 0 (optax gives NaN, keras 0). Gradients are accurate relative to the largest element of each
        tensor.

        predictions: (n, ..., d), all finite numbers; vectors along the last axis

        labels: (n, ..., d), all finite numbers; vectors to point along

        form: distance is 1 - cos (optax); negative is -cos (keras, lightly, SimSiam); squared_chord is 2 - 2 cos, the squared distance of
        the directions (BYOL).

        Formula: \\ell = 1 - \\frac{a \\cdot b}{|a| |b|}

        Divisor: the number of vectors
        """

    def cosine_embedding(
        self,
        input1: Array,
        input2: Array,
        labels: Array,
        *,
        margin: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """Cosine embedding loss: one minus the cosine for similar pairs, and the cosine's excess over the margin for dissimilar ones.

        Use: Embeddings of similar and dissimilar pairs, such as sentences, compared by cosine similarity.

        The cosine is exact. torch adds 1e-12 to the squared norms, which affects norms below about 1e-4, and loses the digits of 1 - cos
        for nearly parallel vectors. A zero vector has cosine 0 and gradient 0. At cos = margin the gradient is that of the slope, as in
        torch. Gradients are accurate relative to the largest element of each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), {-1, 1}; 1 for a similar pair, -1 for a dissimilar one

        margin: largest cosine of dissimilar pairs without loss.

        Formula: \\ell = 1 - \\cos(a, b) \\text{ for } y = 1, \\quad \\max(0, \\cos(a, b) - m) \\text{ for } y = -1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def cox_ph(
        self,
        predictions: Array,
        times: Array,
        events: Array,
        strata: Array | None = None,
        entry: Array | None = None,
        *,
        ties: Literal["breslow", "efron"] = 'breslow',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cox proportional hazards: negative log partial likelihood of each event's subject among the subjects still at risk.

        Use: Survival analysis: the risk of an event, with censored times.

        A subject is at risk at a time if its own time is not earlier and its entry is earlier, in its own stratum (as in R's survival and
        in lifelines). Of several events at one time, Breslow (XGBoost) keeps all in each other's risk set; Efron removes them gradually,
        and each event's loss has the mean of the logarithms. XGBoost sums over events and marks censored subjects by negative labels.

        predictions: (n,), all finite numbers; logarithm of each subject's relative hazard

        times: (n,), all finite numbers; time of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        strata: (n,), [-9.0072e+15, 9.0072e+15]; number of each subject's stratum; only subjects of one stratum are compared

        entry: (n,), all finite numbers; time from which each subject is observed (left truncation), before `times`; by default all are from
        the start

        ties: treatment of simultaneous events, breslow or efron.

        Formula: \\ell_i = \\log \\sum_{j: t_j \\ge t_i > u_j, \\; s_j = s_i} e^{x_j} - x_i \\text{ for each event } i

        Divisor: the number of events; without any the value is 0
        """

    def cpo(
        self,
        chosen_logps: Array,
        rejected_logps: Array,
        chosen_nll: Array | None = None,
        *,
        loss_type: Literal["sigmoid", "hinge", "ipo"] = 'sigmoid',
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        cpo_alpha: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_logps", "rejected_logps", "chosen_nll"]] = ...,
    ) -> R_co:
        """Contrastive preference optimization: DPO without a reference, plus the negative log-likelihood of the chosen completion.

        Use: Fine-tuning of language models by preferences without a reference, as in translation.

        For `loss_type` ipo, send log-probabilities averaged over tokens, as TRL does. Triple preference optimization (TPO,
        arXiv:2405.16681) is this loss with the likelihood of a third, better completion for `chosen_nll` (TRL: beta 0.01, tpo_alpha for
        cpo_alpha).

        chosen_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        rejected_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        chosen_nll: (n,), all finite numbers; negative log-likelihood of the chosen completions, averaged over tokens

        loss_type: sigmoid; hinge max(0, 1 - x), slope 0 at the kink; ipo (x - 1/2)^2 / beta^2; x is beta times the difference.

        beta: scale of the difference.

        label_smoothing: probability that the preference is wrong; sigmoid only.

        cpo_alpha: weight of `chosen_nll`, if sent.

        Formula: \\ell = \\mathrm{softplus}(-\\beta (\\log \\pi(c) - \\log \\pi(r))) + \\alpha \\, \\mathrm{NLL}(c)

        Divisor: the number of pairs
        """

    def crf_nll(
        self,
        predictions: Array,
        labels: Array,
        transitions: Array,
        start_transitions: Array | None = None,
        end_transitions: Array | None = None,
        lengths: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "transitions", "start_transitions", "end_transitions"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of the true tags in a linear-chain conditional random field.

        Use: Sequence labelling: named entities, part-of-speech tags, and other tags of tokens.

        It is computed as the sum over the steps of the negative log-probability of a tag given the next one, so that a nearly certain path
        has an accurate loss. pytorch-crf has start and end scores, TensorFlow does not; pytorch-crf's mask is `lengths` here.

        predictions: (n, t, k), all finite numbers; score of each tag at each step

        labels: (n, t), class indices in [0, k); true tag of each step

        transitions: (k, k), all finite numbers; score of the transition from a tag (row) to a tag (column)

        start_transitions: (k,), all finite numbers; score of starting, or ending, with each tag

        end_transitions: (k,), all finite numbers; score of starting, or ending, with each tag

        lengths: (n,), lengths in [1, t]; number of steps of each sample

        Formula: \\ell = \\log \\sum_{y'} e^{s(y')} - s(y), \\quad s(y) = a_{y_1} + \\sum_t e_{t y_t} + \\sum_{t > 1} T_{y_{t-1} y_t} + b_{y_L}

        Divisor: the number of samples
        """

    def cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        class_mask: Array | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        predictions_are: Literal["logits", "probabilities", "log_probabilities"] = 'logits',
        log_base: Literal["e", "2"] = 'e',
        top_k: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Cross entropy: the negative log-probability of the true class, averaged over the classes if labels are probabilities.

        Use: Multiclass classification, the usual first choice: images, text, or each pixel in semantic segmentation.

        0 log 0 is 0. Probabilities are not renormalized. With top_k below 1, results over shards do not merge.

        predictions: (n, c, ...), all finite numbers; anything where class_mask is 0; scores of the classes, in the form given by
        `predictions_are`.

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...)

        weight: (c,), [0, infinity); weight of each class

        class_mask: (n, c, ...), {0, 1}; classes that are possible, as optax's where and the action masks of reinforcement learning have
        them; with logits and without label_smoothing. The scores of the others have no effect, and may be minus infinity; a true class
        among them has an infinite loss, an error.

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        label_smoothing: share of the target spread evenly over all classes.

        predictions_are: logits (a softmax is taken), probabilities, or their natural logarithms.

        log_base: e gives nats, 2 gives bits.

        top_k: share of the positions to keep, those with the largest losses (weights included) in the whole batch: hard example mining, the
        top-k loss of nnU-Net (0.1) and detectron2 (top_k_percent_pixels). The number is rounded down, but at least 1. Here ignored
        positions are no candidates; there they are, with the loss 0.

        Formula: \\ell = -\\sum_k w_k q_k \\log p_k, \\quad p = \\mathrm{softmax}(x)

        Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number
        of positions, regardless of the weights (torch's rule); with top_k below 1 the number of positions kept
        """

    def crps(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of a normal distribution, in the units of the label.

        Use: Probabilistic forecasting by a normal distribution, as in weather and energy.

        predictions: (n, ...), all finite numbers; mu, the means.

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); sigma, the standard deviations.

        Formula: \\ell = \\sigma \\left( \\omega (2 \\Phi(\\omega) - 1) + 2 \\varphi(\\omega) - \\frac{1}{\\sqrt{\\pi}} \\right), \\quad \\omega = \\frac{t
        - \\mu}{\\sigma}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_ensemble(
        self,
        predictions: Array,
        labels: Array,
        *,
        estimator: Literal["empirical", "fair"] = 'empirical',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of an ensemble.

        Use: Probabilistic forecasting by an ensemble of samples, as in weather and energy.

        It is summed over the gaps between neighbors, where no term is negative, so that it is accurate for members far from the label and
        close to each other. Equal numbers have no gradient with respect to each other.

        predictions: (n, m), all finite numbers; members of the predicted ensemble

        labels: (n,), all finite numbers; true values

        estimator: empirical: M = m^2, the score of the ensemble's own distribution; fair: M = m (m - 1), unbiased for the distribution that
        the members come from (two members or more).

        Formula: \\ell_i = \\frac{1}{m} \\sum_j |x_{ij} - t_i| - \\frac{1}{2 M} \\sum_{j,k} |x_{ij} - x_{ik}|

        Divisor: the number of samples
        """

    def crps_exponential(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of an exponential distribution with predicted rate, in the units of the label.

        Use: Probabilistic forecasting of waiting times and amounts of rain.

        predictions: (n, ...), (0, infinity); x, the rates, above 0.

        labels: (n, ...), [0, infinity); t, times, at least 0.

        Formula: \\ell = t - \\frac{2 (1 - e^{-x t})}{x} + \\frac{1}{2 x}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_laplace(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of a Laplace distribution, in the units of the label.

        Use: Probabilistic forecasting by a Laplace distribution, with outliers.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); b, the mean absolute deviation.

        Formula: \\ell = |x - t| + b \\left( e^{-|x - t| / b} - \\frac{3}{4} \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_logistic(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of a logistic distribution, in the units of the label.

        Use: Probabilistic forecasting by a logistic distribution, whose tails are heavier than those of a normal one.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); s; the standard deviation is pi s / sqrt 3.

        Formula: \\ell = s \\left( z - 2 \\log F(z) - 1 \\right), \\quad z = \\frac{t - x}{s}, \\; F = \\frac{1}{1 + e^{-z}}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_lognormal(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of a log-normal distribution, in the units of the label.

        Use: Probabilistic forecasting of positive, skewed amounts, such as stream flow, wind power and claims.

        predictions: (n, ...), all finite numbers; mu, the means of the logarithm.

        labels: (n, ...), (0, infinity); true values, above 0

        scale: (n, ...), (0, infinity); sigma, the standard deviations of the logarithm.

        Formula: \\ell = t (2 \\Phi(\\omega) - 1) - 2 e^{\\mu + \\sigma^2 / 2} \\left( \\Phi(\\omega - \\sigma) + \\Phi\\left(\\tfrac{\\sigma}{\\sqrt
        2}\\right) - 1 \\right), \\quad \\omega = \\frac{\\log t - \\mu}{\\sigma}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_poisson(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of a Poisson distribution with predicted mean, in counts.

        Use: Probabilistic forecasting of counts, such as demand, cases and goals.

        It is the sum over k of (F(k) - [t <= k])^2, the ranked probability score of counts.

        predictions: (n, ...), (0, infinity); lambda, the means, above 0.

        labels: (n, ...), [0, infinity); true counts

        Formula: \\ell = (t - \\lambda)(2 F(t) - 1) + 2 \\lambda f(t) - \\lambda e^{-2 \\lambda} \\left( I_0(2 \\lambda) + I_1(2 \\lambda) \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def crps_student_t(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        degrees_of_freedom: float = 3.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Continuous ranked probability score of Student's t distribution, in the units of the label.

        Use: Probabilistic forecasting with heavy tails.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); s, the scale of the errors.

        degrees_of_freedom: nu, above 1, where the score is infinite; smaller values give heavier tails. Digits are lost near 1.

        Formula: \\ell = s \\left( z (2 F_\\nu(z) - 1) + 2 f_\\nu(z) \\frac{\\nu + z^2}{\\nu - 1} - \\frac{2 \\sqrt{\\nu}}{\\nu - 1}
        \\frac{B(\\frac{1}{2}, \\nu - \\frac{1}{2})}{B(\\frac{1}{2}, \\frac{\\nu}{2})^2} \\right), \\quad z = \\frac{t - x}{s}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ctc(
        self,
        predictions: Array,
        labels: Array,
        input_lengths: Array,
        target_lengths: Array,
        *,
        blank: int = 0,
        zero_infinity: bool = False,
        predictions_are: Literal["log_probabilities", "logits"] = 'log_probabilities',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Connectionist temporal classification (CTC): negative log of the total probability of all alignments of the symbols to the frames.

        Use: Speech recognition and handwriting recognition (OCR), where labels are not aligned to frames.

        The gradient is the true derivative by the log-probabilities, minus the probability of each symbol at each frame. torch returns that
        plus exp(predictions), the derivative by the scores under a log-softmax; after a log-softmax both are equal. The loss of an
        infeasible target (more symbols and required blanks than frames) is infinite, which is an error unless zero_infinity. Long sequences
        need memory for s sqrt(t) places rather than s t: 6,000 frames and 3,000 symbols take some 50 MB and 4 s.

        predictions: (t, n, c), all finite numbers; log-probabilities of the symbols at each frame, or logits

        labels: (n, s), class indices in [0, c), or -1; true symbols without blanks; symbols beyond the length are padding

        input_lengths: (n,), lengths in [0, t]; number of frames of each sample

        target_lengths: (n,), lengths in [0, s]; number of symbols of each sample

        blank: index of the blank.

        zero_infinity: use 0 for infeasible targets, without gradient.

        predictions_are: log-probabilities, as in torch, or logits, of which a log-softmax over the classes is taken, as in keras and optax.

        Formula: \\ell = -\\log \\sum_{\\pi \\in B^{-1}(y)} \\prod_t p_t(\\pi_t)

        Divisor: each sample is divided by its target length (at least 1), then the mean is over the samples (torch's rule)
        """

    def decoupled_contrastive(
        self,
        input1: Array,
        input2: Array,
        *,
        temperature: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """Decoupled contrastive loss: NT-Xent of two views without the positive in the denominator.

        Use: Contrastive learning of image features in small batches.

        It may be negative. A single pair has no negatives: its loss is -s / T. Gradients are accurate relative to the largest element of
        each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        temperature: divisor of the cosines.

        Formula: \\ell_i = \\frac{1}{2} \\sum_{v} \\left( -\\frac{s(z_i^1, z_i^2)}{T} + \\log \\sum_{j \\ne i} \\left( e^{s(z_i^v, z_j^1) / T} +
        e^{s(z_i^v, z_j^2) / T} \\right) \\right)

        Divisor: the number of pairs; both directions of a pair are averaged
        """

    def decoupled_knowledge_distillation(
        self,
        predictions: Array,
        teacher: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: float = 4.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "teacher"]] = ...,
    ) -> R_co:
        """Decoupled knowledge distillation: divergences of the true class against all others, and among the others, with weights of their own.

        Use: Knowledge distillation of classifiers from a confident teacher (DKD).

        knowledge_distillation_kl is the first plus the second times the teacher's probability of the other classes. Defaults are the
        paper's for ImageNet and CIFAR; its beta differs by teacher, and its code raises the weight linearly over the first epochs.

        predictions: (n, c, ...), all finite numbers; the student's scores.

        teacher: (n, c, ...), all finite numbers; raw scores of the teacher, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        alpha: weight of the divergence of the true class against all others (TCKD).

        beta: weight of the divergence among the other classes (NCKD).

        temperature: T, divisor of the scores.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_i = T^2 \\left( \\alpha \\, \\mathrm{KL}(b^t \\| b^s) + \\beta \\, \\mathrm{KL}(\\hat t \\| \\hat s) \\right), \\quad b = (p_y, 1 -
        p_y), \\quad \\hat p_k = \\frac{p_k}{1 - p_y} \\text{ for } k \\ne y

        Divisor: the number of samples (of positions, with further axes) included
        """

    def deephit(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        *,
        alpha: float = 0.2,
        sigma: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """DeepHit loss for a single risk: pmf plus a ranking loss of the cumulative risks of subjects with earlier and later events.

        Use: Survival analysis in discrete time that also ranks subjects by risk.

        As in pycox, alpha is the weight of the likelihood (in the paper, of the ranking loss). Subjects censored in the same interval are
        treated as later. The ranking loss is a mean over all n subjects.

        predictions: (n, b), all finite numbers; raw scores of the intervals of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        alpha: weight of the likelihood; the ranking loss has 1 - alpha.

        sigma: scale of the differences of risk.

        Formula: \\ell_i = \\alpha \\, \\mathrm{pmf}_i + (1 - \\alpha) \\frac{1}{n} \\sum_{j : T_i < T_j} [d_i] \\exp\\left( \\frac{F_j(T_i) -
        F_i(T_i)}{\\sigma} \\right), \\quad F_i(t) = \\sum_{k \\le t} p_{ik}

        Divisor: the number of subjects
        """

    def deephit_competing(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        *,
        alpha: float = 0.2,
        sigma: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """DeepHit loss for competing risks: the likelihood of the interval and cause of each event, plus a ranking loss of each cause's
        cumulative risks.

        Use: Survival analysis in discrete time with several causes of an event, of which the first to come hides the others.

        The softmax is over all causes and intervals and one more, later than all, whose score is 0. A censored subject had no event of any
        cause in its interval or before. As in pycox, alpha is the weight of the likelihood (in the paper, of the ranking loss), and
        subjects censored in the same interval are treated as later. With one cause it is deephit. The ranking loss is a mean over all n
        subjects.

        predictions: (n, r, b), all finite numbers; raw scores of each cause in each interval of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), lengths in [0, r]; number of the cause of the event, 1 to r, or 0 where censored

        alpha: weight of the likelihood; the ranking loss has 1 - alpha.

        sigma: scale of the differences of risk.

        Formula: \\ell_i = -\\alpha \\log p_{i d_i y_i} \\text{ or } -\\alpha \\log \\left( 1 - \\sum_r F_{ir}(y_i) \\right), \\text{ plus } \\frac{1 -
        \\alpha}{n} \\sum_{j : T_i < T_j} \\exp\\left( \\frac{F_{j d_i}(T_i) - F_{i d_i}(T_i)}{\\sigma} \\right), \\quad F_{ir}(t) = \\sum_{k \\le t}
        p_{irk}

        Divisor: the number of subjects
        """

    def detr_set(
        self,
        class_logits: Array,
        boxes: Array,
        labels: Array,
        box_targets: Array,
        *,
        classification: Literal["softmax", "focal", "varifocal"] = 'softmax',
        no_object_weight: float = 0.1,
        alpha: float = 0.25,
        gamma: float = 2.0,
        class_weight: float = 1.0,
        box_weight: float = 5.0,
        giou_weight: float = 2.0,
        class_cost: float = 1.0,
        box_cost: float = 5.0,
        giou_cost: float = 2.0,
        cost_alpha: float = 0.25,
        cost_gamma: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "boxes", "box_targets"]] = ...,
    ) -> R_co:
        """DETR's Hungarian loss: each true object is matched to one query, and the target of all other queries is "no object".

        Use: Object detection by transformers (DETR, Deformable DETR, DINO, RT-DETR), with a set of predictions.

        Conventions are those of DETR and Hugging Face transformers. The matching minimizes the costs and is constant in the gradient. The
        cross entropy is a weighted mean over all queries; the focal and varifocal losses and the box terms are sums over the number of
        objects (at least 1). The target of the varifocal loss is the IoU of the matched boxes, which is constant in the gradient, as are
        its weights. The batch is one sample; `parts` returns the unweighted terms. Auxiliary outputs of other layers need separate
        requests. Deformable DETR and RT-DETR have class_cost 2; Deformable DETR has class_weight 2 too.

        class_logits: (n, q, k), all finite numbers; raw scores of each query; with classification softmax, the last class is no object

        boxes: (n, q, 4), [0, 1]; predicted boxes as center x, center y, width, height, in units of the image

        labels: (n, m), [-1, infinity); class of each true object, -1 for padding

        box_targets: (n, m, 4), [0, 1]; true boxes as center x, center y, width, height

        classification: softmax is a cross entropy with a last class for no object (DETR, MaskFormer); focal (Deformable DETR, DINO, Mask
        DINO) and varifocal (RT-DETR) are losses of independent scores without that class.

        no_object_weight: weight of the last class, no object, in the cross entropy.

        alpha: weight of positives in the focal loss, of negatives in the varifocal loss (0.75 in RT-DETR); unused by softmax.

        gamma: focusing exponent of the focal and varifocal losses; unused by softmax.

        class_weight: weight of the part `class`.

        box_weight: weight of the part `box`.

        giou_weight: weight of the part `giou`.

        class_cost: weight of the cost of the object's class in the matching: minus its probability, or its focal cost.

        box_cost: weight of the absolute differences of the boxes in the matching.

        giou_cost: weight of minus the generalized IoU in the matching.

        cost_alpha: weight of positives in the focal cost of a class in the matching.

        cost_gamma: focusing exponent of the focal cost of a class in the matching.

        Formula: L = \\lambda_c \\overline{\\mathrm{CE}}_w + \\frac{1}{N} \\sum_{\\text{matched}} \\left( \\lambda_b \\lVert b - b^* \\rVert_1 +
        \\lambda_g \\, \\mathrm{giou}(b, b^*) \\right)

        Divisor: 1; the cross entropy is divided by the sum of its weights, other terms by the number of objects
        """

    def dft(
        self,
        logps: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Dynamic fine-tuning: negative log-likelihood of the target tokens, each weighted by its own probability.

        Use: Supervised fine-tuning of language models that should generalize as after reinforcement learning.

        The probability is constant in the gradient, as in the method, so the gradient is not the derivative of the value.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        Formula: \\ell = -\\mathrm{sg}(\\pi) \\log \\pi

        Divisor: the number of elements, without those masked out
        """

    def dice(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        squared_pred: bool = False,
        include_background: bool = True,
        batch: bool = False,
        classes_are: Literal["apart", "together"] = 'apart',
        intersection: Literal["product", "minimum"] = 'product',
        absent: Literal["as_is", "zero", "leave_out"] = 'as_is',
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Dice loss: one minus twice the intersection over the sum of both masks, for each class.

        Use: Semantic segmentation where the foreground has few pixels or voxels; the usual choice for medical images.

        Names and defaults are MONAI's. Other libraries: keras smooth_nr 0, smooth_dr 1e-7, batch and classes_are together; optax smooth_nr
        = smooth_dr = 2 (its smooth of 1 counts twice); segmentation_models_pytorch 0 and 0 with batch, but there a class absent from all
        labels has the loss 0, included in the mean over classes. Here its loss is 1 if any prediction for it is above 0. If both masks are
        empty and there is no smoothing (0 / 0), the loss is 0. Without `batch`, results over shards of a batch merge.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerator.

        smooth_dr: added to the denominator.

        squared_pred: the denominator sums the squares of p and t (V-Net).

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        classes_are: apart gives each class a score of its own; together sums over all classes for one score, as keras does, and takes no
        weight.

        intersection: intersection of soft masks: product sums p t; minimum sums min(p, t), which is largest where p = t for any t in [0, 1]
        (MONAI's soft_label, segmentation_models_pytorch). Both are equal for labels of 0 and 1.

        absent: classes that the labels do not have, within the sample (or the batch): as_is counts them as any other class (MONAI, keras),
        zero gives them the loss 0 (segmentation_models_pytorch), leave_out excludes them from the mean.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = 1 - \\frac{2 \\sum p t + s_{nr}}{\\sum p + \\sum t + s_{dr}}

        Divisor: samples (1 with batch) times the classes included, regardless of their weights (MONAI's rule)
        """

    def dice_ce(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["softmax", "sigmoid"] = 'softmax',
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        squared_pred: bool = False,
        label_smoothing: float = 0.0,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Sum of Dice loss and cross entropy, each averaged within a sample.

        Use: Semantic segmentation of medical images; the default of nnU-Net and many others.

        With `batch`, both parts are averaged over the whole batch, as torch and MONAI average the cross entropy; class weights then give
        MONAI's number. Without it, the cross entropy is divided by each sample's own sum of weights. Results over shards merge, unless
        batch is true.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class.

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class, in the Dice loss, and in the cross entropy of class indices; with sigmoid, its
        weight of the positive term (MONAI's rule).

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions to include, 0 for the others. With softmax, a position is in the cross
        entropy if all its classes are included.

        activation: softmax with cross_entropy, or sigmoid with binary_cross_entropy_with_logits.

        lambda_dice: weight of the part `dice`.

        lambda_ce: weight of the part `ce`.

        smooth_nr: added to the numerator of the Dice loss.

        smooth_dr: added to the denominator of the Dice loss.

        include_background: include class 0 in the Dice loss; the cross entropy always includes it.

        squared_pred: the denominator of the Dice loss sums the squares of p and t.

        label_smoothing: share of the cross entropy's target spread evenly over all classes; the Dice loss has the labels as they are.

        batch: average over the whole batch instead of within each sample.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = \\lambda_1 \\, \\overline{\\mathrm{dice}}_c + \\lambda_2 \\, \\overline{\\mathrm{CE}}

        Divisor: the number of samples with a position included, or 1 with batch; dice is averaged over classes, cross entropy over
        positions (and classes, with sigmoid)
        """

    def dice_focal(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["softmax", "sigmoid"] = 'sigmoid',
        gamma: float = 2.0,
        lambda_dice: float = 1.0,
        lambda_focal: float = 1.0,
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        squared_pred: bool = False,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Sum of Dice loss and focal loss, each averaged within a sample.

        Use: Semantic segmentation with small and difficult foreground.

        With `batch`, both parts are averaged over the whole batch. Results over shards merge, unless batch is true.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class.

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class in both parts, which is no part of a divisor (MONAI's rule).

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions to include, 0 for the others. With softmax, a position is in the focal
        loss if all its classes are included.

        activation: sigmoid with sigmoid_focal (alpha off), as in MONAI, or softmax with softmax_focal, which takes class indices as labels
        and averages over positions. MONAI's softmax=True is that of the Dice part alone; its focal part keeps the sigmoid.

        gamma: focusing exponent.

        lambda_dice: weight of the part `dice`.

        lambda_focal: weight of the part `focal`.

        smooth_nr: added to the numerator of the Dice loss.

        smooth_dr: added to the denominator of the Dice loss.

        include_background: include class 0, in both parts with sigmoid (MONAI's rule), in the Dice loss alone with softmax; it is always
        included if it is the only class.

        squared_pred: the denominator of the Dice loss sums the squares of p and t.

        batch: average over the whole batch instead of within each sample.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = \\lambda_1 \\, \\overline{\\mathrm{dice}}_c + \\lambda_2 \\, \\overline{\\mathrm{focal}}_\\gamma

        Divisor: the number of samples with a position included, or 1 with batch; dice is averaged over classes, the focal loss over
        positions (and classes, with sigmoid)
        """

    def diffusion(
        self,
        predictions: Array,
        labels: Array,
        noise: Array | None = None,
        alpha: Array | None = None,
        sigma: Array | None = None,
        snr: Array | None = None,
        *,
        prediction_type: Literal["epsilon", "x0", "v_prediction", "flow"] = 'epsilon',
        weighting: Literal["none", "min_snr", "edm"] = 'none',
        snr_gamma: float = 5.0,
        sigma_data: float = 0.5,
        v_weight: Literal["snr_plus_one", "shifted", "plus_one"] = 'snr_plus_one',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Weighted squared error of a denoising network, with the target computed from clean sample and noise.

        Use: Training of diffusion and flow-matching models of images, audio or video, also with Min-SNR or EDM weights.

        The weights are defined for the error of the clean sample: min(SNR, gamma) and SNR + 1 / sigma_data^2, with SNR = alpha^2 / sigma^2.
        Multiplied by the squared change of x_0 per change of the network's output, they apply to any prediction type: 1 / SNR for epsilon,
        1 / (SNR + 1) for v_prediction, 1 / (sqrt(SNR) + 1)^2 for flow. They multiply the loss and not the divisor. At an SNR of 0 the min-
        SNR weight of epsilon is its limit 1, where diffusers has NaN. Targets with the opposite sign, such as data - noise of torchcfm, are
        given as labels without noise.

        predictions: (n, ...), all finite numbers; outputs of the denoising network

        labels: (n, ...), all finite numbers; targets of the network; the clean samples, if the noise is given too

        noise: (n, ...), all finite numbers; noise of each sample; with it the targets are computed from the clean samples

        alpha: (n,), [0, 1]; factor of the clean sample in the noisy one, at each sample's time step

        sigma: (n,), [0, infinity); factor of the noise in the noisy sample, at each sample's time step

        snr: (n,), [0, infinity); signal-to-noise ratio of each sample's time step, in place of alpha^2 / sigma^2

        prediction_type: target of the network for x_t = alpha x_0 + sigma epsilon: the noise, the clean sample (diffusers: sample), alpha
        epsilon - sigma x_0, or epsilon - x_0.

        weighting: weight of each sample: 1, of Hang et al. (2023), or of Karras et al. (2022).

        snr_gamma: gamma, largest weight of the clean sample's error in min_snr.

        sigma_data: standard deviation of the data in edm.

        v_weight: min_snr of v_prediction: min(SNR, gamma) / (SNR + 1); min(SNR + 1, gamma) / (SNR + 1) as in older training scripts of
        diffusers; or min(SNR, gamma) / SNR + 1 as in its DreamBooth script.

        Formula: \\ell = w \\, (p - t)^2, \\quad w_{\\text{min-SNR}} = \\min(\\mathrm{SNR}, \\gamma) \\, r, \\quad w_{\\text{EDM}} = \\left(
        \\mathrm{SNR} + \\frac{1}{\\sigma_d^2} \\right) r, \\quad r \\in \\left\\{ \\frac{1}{\\mathrm{SNR}}, 1, \\frac{1}{\\mathrm{SNR} + 1},
        \\frac{1}{(\\sqrt{\\mathrm{SNR}} + 1)^2} \\right\\}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def dino(
        self,
        predictions: Array,
        labels: Array,
        center: Array,
        *,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        center_momentum: float = 0.9,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """DINO loss: cross entropy of a student's view against a teacher's view of the same images, centered and sharpened.

        Use: Self-supervised learning of image features by self-distillation of vision transformers.

        Self-distillation without labels: send each pair of different views in its own request, or concatenated. `state` returns the center
        for the next request, a running mean of the teacher's scores. The teacher is constant.

        predictions: (n, k), all finite numbers; raw scores of the student's view

        labels: (n, k), all finite numbers; raw scores of the teacher's view

        center: (k,), all finite numbers; subtracted from the teacher's scores; zeros at first

        student_temperature: T_s, divisor of the student's scores.

        teacher_temperature: T_t, divisor of the teacher's scores.

        center_momentum: m, momentum of the center.

        Formula: \\ell_i = -\\sum_k t_{ik} \\log s_{ik}, \\quad s = \\mathrm{softmax}(x / T_s), \\quad t = \\mathrm{softmax}((y - c) / T_t), \\quad
        c \\leftarrow m c + (1 - m) \\bar y

        Divisor: the number of samples
        """

    def diou(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Distance IoU loss: 1 - IoU plus the squared distance of the centers over the squared diagonal of the enclosing box.

        Use: Bounding box regression in object detection, with fast convergence of the centers.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        Formula: \\ell = 1 - \\mathrm{IoU} + \\frac{\\rho^2}{c^2}

        Divisor: the number of boxes
        """

    def dirichlet_nll(
        self,
        concentration: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["concentration", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a Dirichlet distribution of shares that sum to 1.

        Use: Probabilistic regression of compositions, such as budgets, land cover and mixtures of topics.

        The shares are taken as given; torch rejects those whose sum differs from 1 by more than 1e-6. The gradient by the labels is that of
        the formula, for independent shares.

        concentration: (n, ..., k), (0, infinity); predicted concentration of each part, above 0

        labels: (n, ..., k), (0, 1]; true shares of k parts along the last axis

        Formula: \\ell = \\sum_k \\left( \\log\\Gamma(a_k) - (a_k - 1) \\log t_k \\right) - \\log\\Gamma\\left( \\sum_k a_k \\right)

        Divisor: the number of distributions
        """

    def distribution_focal(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Distribution focal loss: cross entropy of a distribution over bins against the two bins next to the true position, interpolated
        linearly.

        Use: Bounding box regression in object detection by distributions over bins, as in YOLOv8.

        The last bin is a valid position (mmdet fails on it).

        predictions: (n, c, ...), all finite numbers; raw scores, one for each bin.

        labels: (n, ...), [0, infinity); position among the bins, from 0 to their number minus 1

        Formula: \\ell = -(\\lfloor t \\rfloor + 1 - t) \\log p_{\\lfloor t \\rfloor} - (t - \\lfloor t \\rfloor) \\log p_{\\lfloor t \\rfloor + 1}

        Divisor: the number of positions
        """

    def dpo(
        self,
        chosen_logps: Array,
        rejected_logps: Array,
        ref_chosen_logps: Array,
        ref_rejected_logps: Array,
        *,
        loss_type: Literal["sigmoid", "hinge", "ipo", "robust", "exo_pair", "nca_pair", "bco_pair", "sppo_hard", "aot", "aot_unpaired", "apo_zero", "apo_down", "discopop"] = 'sigmoid',
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        discopop_tau: float = 0.05,
        f_divergence_type: Literal["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"] = 'reverse_kl',
        f_alpha_divergence_coef: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_logps", "rejected_logps"]] = ...,
    ) -> R_co:
        """Direct preference optimization: the policy's log-ratio to the reference is the reward of a Bradley-Terry model.

        Use: Fine-tuning of language models by pairs of preferences, without a reward model; instead of RLHF.

        With u and v for beta times the log-ratios of the chosen and the rejected completion and x = u - v, `loss_type` is one of sigmoid
        softplus(-x); hinge max(0, 1 - x), SLiC, slope 0 at the kink; ipo (x - 1/2)^2 / beta^2; robust the unbiased sigmoid of noisy labels,
        which can be negative; exo_pair KL(sigmoid(x) | 1 - label_smoothing), which must be positive there; nca_pair softplus(-u) +
        softplus(u)/2 + softplus(v)/2; bco_pair softplus(-u) + softplus(v), without the shift by a running mean, which the client applies;
        sppo_hard ((u - 1/2)^2 + (v + 1/2)^2) / beta^2; apo_zero sigmoid(-u) + sigmoid(v); apo_down sigmoid(u) + sigmoid(-x); discopop (1 -
        m) softplus(-x) + m exp(-x) with m = sigmoid(x / tau), which overflows in TRL below x = -709. TRL's DPO trainer averages log-
        probabilities over tokens for ipo, its CPO trainer sums; send either. TRL's sigmoid_norm is sigmoid of averages. With another
        f_divergence_type the reward is f'(t) for the ratio t = pi / pi_ref instead of log t; both aot have the reverse KL only. aot and
        aot_unpaired are the sigmoid of beta (a - b) with the batch's a and b sorted: in alignment by optimal transport, the k-th smallest a
        should exceed the k-th smallest b. With aot a is the pair's log-ratio log pi(c) - log pi(r) and b the reference's; with aot_unpaired
        they are the log-ratios to the reference of the chosen and of the rejected completions. A sample's loss is that of its a; ties keep
        the order of the samples. These two depend on the whole batch, so results over shards do not merge.

        chosen_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        rejected_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        ref_chosen_logps: (n,), all finite numbers; log-probabilities of the completions under the reference model

        ref_rejected_logps: (n,), all finite numbers; log-probabilities of the completions under the reference model

        loss_type: variant, as named in TRL.

        beta: strength of the regularization toward the reference; temperature of the reward.

        label_smoothing: probability that the preference is wrong, for sigmoid (conservative DPO), robust, exo_pair and both aot; ignored by
        the others.

        discopop_tau: temperature of discopop's mixture.

        f_divergence_type: divergence from the reference, as named in TRL; reward of the log-ratio d: reverse_kl d; forward_kl 1 - e^-d;
        js_divergence log(2 t / (1 + t)); alpha_divergence (e^((a - 1) d) - 1) / (a - 1).

        f_alpha_divergence_coef: a of alpha_divergence; 1 is the limit, reverse_kl. TRL computes e^((a - 1) d) in float32 and bounds its
        exponent by 80.

        Formula: \\ell = \\mathrm{softplus}\\left(-\\beta \\left(\\log\\frac{\\pi(c)}{\\pi_{ref}(c)} - \\log\\frac{\\pi(r)}{\\pi_{ref}(r)}\\right)\\right)

        Divisor: the number of pairs
        """

    def dppo(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        divergence: Literal["tv", "kl"] = 'tv',
        epsilon: float = 0.2,
        epsilon_high: float = 0.2,
        max_ratio: float = 20.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Divergence PPO: the policy gradient of the tokens that have not yet left a trust region, which is measured by a divergence instead
        of the ratio.

        Use: Reinforcement learning of language models, where a ratio misjudges tokens of small probability.

        The divergence is that of the two outcomes, this action or another. An action with a positive advantage loses its gradient once its
        probability has risen beyond the region, one with another advantage once it has fallen beyond it. Ratio and region are constant in
        the gradient, so the gradient is not the derivative of the value. verl's losses dppo_tv and dppo_kl, which add 1e-8 inside the
        logarithms of the divergence.

        logps: (n, ...), (-infinity, 0]; anything where mask is 0; log-probabilities of the actions or tokens under the policy

        old_logps: (n, ...), (-infinity, 0]; anything where mask is 0; log-probabilities of the same actions or tokens under the behavior
        policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        divergence: tv (total variation) or kl.

        epsilon: largest divergence of an action whose probability falls.

        epsilon_high: largest divergence of an action whose probability rises.

        max_ratio: upper bound of the ratio, verl's clip_ratio_c.

        Formula: \\ell = -[D \\le \\epsilon \\text{ or } \\pi \\text{ moves back}] \\; \\mathrm{sg}(\\min(\\rho, \\rho_m)) \\, A \\log \\pi, \\quad D_{tv}
        = |\\pi - \\pi_{old}|, \\; D_{kl} = \\pi_{old} \\log \\frac{\\pi_{old}}{\\pi} + (1 - \\pi_{old}) \\log \\frac{1 - \\pi_{old}}{1 - \\pi}

        Divisor: the number of elements, without those masked out
        """

    def dqn(
        self,
        predictions: Array,
        actions: Array,
        next_values: Array,
        rewards: Array,
        done: Array,
        next_predictions: Array | None = None,
        *,
        discount: float = 0.99,
        criterion: Literal["huber", "squared", "half_squared"] = 'huber',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Deep Q-learning: error of the taken action's value against the reward plus the discounted value of the best next action.

        Use: Deep Q-learning of discrete actions in reinforcement learning.

        With next_predictions, they determine the best action, the first of equal ones (double DQN); its value is always from next_values.

        predictions: (n, k), all finite numbers; values of every action in each state

        actions: (n,), class indices in [0, k); the actions taken

        next_values: (n, k), all finite numbers; values of every action in the next states, usually from a target network

        rewards: (n,), all finite numbers; rewards of the steps

        done: (n,), {0, 1}; 1 where the episode ended, 0 elsewhere

        next_predictions: (n, k), all finite numbers; values of the online network in the next states, which select the action (double DQN)

        discount: gamma, discount factor.

        criterion: c, function of the error: huber with delta 1 (Stable-Baselines3; clipped errors in the paper), squared e^2, or
        half_squared e^2 / 2.

        Formula: \\ell = c(Q_a - y), \\quad y = r + (1 - d) \\gamma \\max_{a'} Q'_{a'}

        Divisor: the number of samples
        """

    def dro(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        beta: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Direct reward optimization: the policy gradient plus half the squared log-ratio to the policy that generated the samples.

        Use: Offline and off-policy reinforcement learning of language models from rewards of single completions.

        verl has no default for beta.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        old_logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the same actions under the behavior policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        beta: weight of the squared log-ratio.

        Formula: \\ell = -A \\log \\pi + \\frac{\\beta}{2} (\\log \\pi - \\log \\pi_{old})^2

        Divisor: the number of elements, without those masked out
        """

    def eiou(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Efficient IoU loss: diou plus the squared differences of width and height over those of the enclosing box.

        Use: Bounding box regression in object detection, with separate terms of width and height.

        mmdetection's EIoULoss is another loss, the smooth Extended IoU of Peng and Yu. For the boxes (0, 0, 2, 1) and (1, 0, 2, 2) it gives
        0.616667, this one 1.229167.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        Formula: \\ell = \\mathrm{diou} + \\frac{(w - w^*)^2}{c_w^2} + \\frac{(h - h^*)^2}{c_h^2}

        Divisor: the number of boxes
        """

    def end_point_error(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """End-point error: the Euclidean distance of each predicted vector from the true one.

        Use: Optical flow, scene flow and displacement fields (RAFT, PWC-Net).

        The gradient of a distance of 0 is 0. For vectors on the last axis, as of poses, use mean_per_joint_position_error.

        predictions: (n, d, ...), all finite numbers; predicted vectors, with their coordinates on axis 1

        labels: (n, d, ...), all finite numbers; true vectors

        mask: (n, ...), {0, 1}; 1 for the vectors to include, 0 for the others, as the valid pixels of KITTI.

        Formula: \\ell = \\lVert x - t \\rVert_2

        Divisor: the number of vectors included
        """

    def energy_distance(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Energy distance of two samples in one dimension: twice the squared distance of their distribution functions.

        Use: Comparison of samples on a line without bins.

        It is summed over the gaps between neighbors, where no term is negative. scipy's energy_distance is its square root; for a single
        label it is twice crps_ensemble. The gradient of equal numbers is the mean of the one-sided gradients.

        predictions: (n, m), all finite numbers; numbers drawn from the predicted distribution

        labels: (n, k), all finite numbers; numbers drawn from the true distribution

        Formula: \\ell_i = 2 \\int (F_i - G_i)^2 = \\frac{2}{m k} \\sum_{j,l} |x_j - t_l| - \\frac{1}{m^2} \\sum_{j,l} |x_j - x_l| - \\frac{1}{k^2}
        \\sum_{j,l} |t_j - t_l|

        Divisor: the number of samples
        """

    def energy_score(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Energy score of an ensemble of vectors, the multivariate continuous ranked probability score; equal to crps_ensemble for one
        coordinate.

        Use: Probabilistic forecasting of vectors by an ensemble.

        The gradient of the distance of two equal vectors is 0.

        predictions: (n, m, d), all finite numbers; members of the predicted ensemble

        labels: (n, d), all finite numbers; true vectors

        Formula: \\ell_i = \\frac{1}{m} \\sum_j \\|x_{ij} - t_i\\| - \\frac{1}{2 m^2} \\sum_{j,k} \\|x_{ij} - x_{ik}\\|

        Divisor: the number of samples
        """

    def entmax(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 1.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Loss of alpha-entmax, between softmax (alpha near 1) and sparsemax (alpha 2); larger alphas give sparser probabilities.

        Use: Multiclass classification and attention with sparse probabilities, of a chosen sparsity.

        The loss is exactly 0 if the true class leads by 1 / (alpha - 1). The threshold is found by bisection to the last digit; the package
        entmax stops after 50 halvings and divides the probabilities by their sum. The loss is computed as a sum of non-negative terms.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c); index of the true class

        alpha: entropic index, above 1; 1.5 is entmax15 and 2 is multiclass_sparsemax.

        Formula: \\ell = \\frac{1 - \\sum_k p_k^\\alpha}{\\alpha (\\alpha - 1)} + \\sum_k p_k x_k - x_y, \\quad p_k = \\max\\left( 1 + (\\alpha -
        1)(x_k - \\lambda), 0 \\right)^{1 / (\\alpha - 1)}, \\quad \\sum_k p_k = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def entmax15(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Loss of 1.5-entmax, which gives sparse probabilities and is smoother than sparsemax.

        Use: Multiclass classification and attention with sparse probabilities.

        The loss is exactly 0 if the true class leads by 2. It is computed as a sum of non-negative terms.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c); index of the true class

        Formula: \\ell = \\frac{4}{3} \\left( 1 - \\sum_k p_k^{3/2} \\right) + \\sum_k p_k x_k - x_y, \\quad p_k = \\max\\left( \\frac{x_k}{2} - \\tau,
        0 \\right)^2, \\quad \\sum_k p_k = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def entropy(
        self,
        predictions: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Entropy of the predicted distribution, in nats; minimized as a regularizer of unlabeled samples.

        Use: Semi-supervised learning and adaptation to a new domain, by confident predictions.

        predictions: (n, c, ...), all finite numbers; x, raw scores, one for each class.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell_i = -\\sum_k p_k \\log p_k, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of samples (of positions, with further axes) included
        """

    def epsilon_insensitive(
        self,
        predictions: Array,
        labels: Array,
        *,
        epsilon: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Absolute error beyond a tolerance, as in support vector regression. The gradient at the tolerance is 0.

        Use: Support vector regression (SVR), where small errors do not matter.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        epsilon: tolerance; smaller errors have no loss.

        Formula: \\ell = \\max(0, |x - t| - \\epsilon)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def evidential_classification(
        self,
        predictions: Array,
        labels: Array,
        *,
        form: Literal["mse", "log", "digamma"] = 'mse',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Evidential classification: expected loss of class probabilities with a Dirichlet distribution, whose parameters are the evidence
        plus 1.

        Use: Classification with uncertainty of the model in one pass.

        The evidence is a network's output after a ReLU, softplus or exponential. The paper's annealed divergence from the uniform
        distribution, which reduces the evidence for wrong classes, is not included.

        predictions: (n, c), [0, infinity); e, the evidence.

        labels: (n,), class indices in [0, c); index of the true class

        form: mse: the expected squared error, the paper's choice (equation 5); log: minus the log of the marginal likelihood (3); digamma:
        the expected cross entropy (4).

        Formula: \\sum_k (y_k - p_k)^2 + \\frac{p_k (1 - p_k)}{S + 1}, \\quad \\log S - \\log \\alpha_y, \\quad \\psi(S) - \\psi(\\alpha_y); \\quad
        \\alpha = e + 1, \\; S = \\sum_k \\alpha_k, \\; p = \\alpha / S

        Divisor: the number of samples
        """

    def evidential_regression(
        self,
        predictions: Array,
        labels: Array,
        nu: Array,
        alpha: Array,
        beta: Array,
        *,
        coeff: float = 0.01,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "nu", "alpha", "beta"]] = ...,
    ) -> R_co:
        """Evidential regression: negative log-likelihood under a normal-inverse-gamma distribution, plus a penalty on evidence where the error
        is large.

        Use: Regression with uncertainty of the model and of the data in one pass.

        The likelihood is Student's t: 2 alpha degrees of freedom, squared scale beta (1 + nu) / (nu alpha). The gradient of the penalty at
        an error of 0 is 0.

        predictions: (n, ...), all finite numbers; gamma, the predicted means.

        labels: (n, ...), all finite numbers; true values

        nu: (n, ...), (0, infinity); number of virtual observations of the mean, above 0.

        alpha: (n, ...), (1, infinity); shape of the variance's distribution, above 1.

        beta: (n, ...), (0, infinity); scale of the variance's distribution, above 0.

        coeff: lambda, weight of the penalty; 0.01 in the paper's experiments.

        Formula: \\ell = \\tfrac{1}{2} \\log \\tfrac{\\pi}{\\nu} - \\alpha \\log \\Omega + \\left( \\alpha + \\tfrac{1}{2} \\right) \\log \\left( (t -
        \\gamma)^2 \\nu + \\Omega \\right) + \\log \\frac{\\Gamma(\\alpha)}{\\Gamma(\\alpha + \\frac{1}{2})} + \\lambda |t - \\gamma| (2 \\nu + \\alpha),
        \\quad \\Omega = 2 \\beta (1 + \\nu)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def expectile(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Asymmetric squared error, which an expectile minimizes; alpha 0.5 gives half the squared error.

        Use: Expectile regression, such as risk measures and the values of offline reinforcement learning (IQL).

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        alpha: expectile to estimate; underestimates have the weight alpha, overestimates 1 - alpha.

        Formula: \\ell = |\\alpha - [t \\le x]| \\, (t - x)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def exponential(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Exponential loss of AdaBoost: the exponential of minus the margin.

        Use: Boosting of binary classifiers, as in AdaBoost.

        In scikit-learn's boosting the score is half the log-odds; the formula is the same.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = e^{-t x}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def exponential_nll(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of an exponential distribution with predicted rate.

        Use: Regression of waiting times.

        predictions: (n, ...), (0, infinity); x, the rates, above 0.

        labels: (n, ...), [0, infinity); t, times, at least 0.

        Formula: \\ell = x t - \\log x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def fair(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Fair loss: about half the squared error near zero, nearly linear with slope c for large errors.

        Use: Robust regression with outliers; convex and smooth.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: error at which the second derivative has fallen to a quarter.

        Formula: \\ell = c^2 \\left( \\frac{|e|}{c} - \\log\\left(1 + \\frac{|e|}{c}\\right) \\right), \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def fast_rcnn(
        self,
        class_logits: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        *,
        background: Literal["first", "last"] = 'first',
        beta: float = 0.1111111111111111,
        box_weight: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "box_deltas", "box_targets"]] = ...,
    ) -> R_co:
        """Fast R-CNN loss: cross entropy of the class of each region, plus smooth L1 of the boxes of foreground regions.

        Use: The second stage of two-stage object detection.

        The box term uses the row of the true class, or the only row (class-agnostic boxes, detectron2's CLS_AGNOSTIC_BBOX_REG), summed over
        its four numbers. Both terms are divided by the number of all regions.

        class_logits: (r, k), all finite numbers; class logits of each region, background included

        box_deltas: (r, b, 4), all finite numbers; predicted box deltas: a row for each class, with or without one for background, or one
        for all

        labels: (r,), class indices in [0, k); class of each region

        box_targets: (r, 4), all finite numbers; target box deltas; used for foreground regions

        background: position of the background class; first in torchvision, last in detectron2.

        beta: beta of smooth_l1; 1/9 in torchvision, 0 in detectron2, 1 in the paper.

        box_weight: lambda, weight of the box loss.

        Formula: L = \\frac{1}{R} \\sum_i \\left( \\mathrm{CE}(x_i, u_i) + \\lambda [u_i \\text{ is foreground}] \\, \\mathrm{smooth\\_l1}(d_i^{u_i}
        - v_i) \\right)

        Divisor: the number of regions
        """

    def faster_rcnn(
        self,
        objectness: Array,
        rpn_box_deltas: Array,
        rpn_labels: Array,
        rpn_box_targets: Array,
        class_logits: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        *,
        objectness_weight: float = 1.0,
        rpn_box_weight: float = 1.0,
        classifier_weight: float = 1.0,
        box_weight: float = 1.0,
        beta: float = 0.1111111111111111,
        background: Literal["first", "last"] = 'first',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["objectness", "rpn_box_deltas", "rpn_box_targets", "class_logits", "box_deltas", "box_targets"]] = ...,
    ) -> R_co:
        """Faster R-CNN loss: the four terms that torchvision sums, those of rpn and of fast_rcnn, each with its own mean.

        Use: Two-stage object detection (Faster R-CNN), all terms together.

        The whole batch is one sample, so per_sample has one number. `parts` returns the unweighted terms.

        objectness: (a,), all finite numbers; objectness logit of each anchor

        rpn_box_deltas: (a, 4), all finite numbers; predicted box deltas of each anchor

        rpn_labels: (a,), {-1, 0, 1}; 1 object, 0 background, -1 not sampled

        rpn_box_targets: (a, 4), all finite numbers; target box deltas; used where the label is 1

        class_logits: (r, k), all finite numbers; class logits of each region, background included

        box_deltas: (r, b, 4), all finite numbers; predicted box deltas: a row for each class, with or without one for background, or one
        for all

        labels: (r,), class indices in [0, k); class of each region

        box_targets: (r, 4), all finite numbers; target box deltas; used for foreground regions

        objectness_weight: weight of the part `objectness`.

        rpn_box_weight: weight of the part `rpn_box_reg`.

        classifier_weight: weight of the part `classifier`.

        box_weight: weight of the part `box_reg`.

        beta: beta of both smooth_l1 terms.

        background: position of the background class; first in torchvision, last in detectron2.

        Formula: L = w_1 L_{objectness} + w_2 L_{rpn\\_box} + w_3 L_{classifier} + w_4 L_{box}

        Divisor: 1; each term has the divisor of rpn (torchvision's) or fast_rcnn
        """

    def fcos(
        self,
        class_logits: Array,
        distances: Array,
        centerness: Array,
        labels: Array,
        distance_targets: Array,
        *,
        alpha: float = 0.25,
        gamma: float = 2.0,
        box_weight: float = 1.0,
        centerness_weight: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "distances", "centerness"]] = ...,
    ) -> R_co:
        """FCOS loss: focal loss of all locations and classes, plus GIoU of the boxes and cross entropy of the centerness for foreground
        locations.

        Use: One-stage object detection without anchors (FCOS), classes, boxes and centerness together.

        As in torchvision, all terms are divided by the number of locations with an object in the batch (at least 1), so that results over
        shards do not merge. The true centerness is constant, and 0 for a location on a corner of its box. `parts` returns the unweighted
        terms.

        class_logits: (n, a, k), all finite numbers; raw scores of each anchor, one for each class

        distances: (n, a, 4), [0, infinity); predicted distances from each location to left, top, right and bottom

        centerness: (n, a), all finite numbers; raw scores of the centerness of each location in its object

        labels: (n, a), [-2, infinity); class of each anchor, -1 for background, -2 to ignore

        distance_targets: (n, a, 4), [0, infinity); true distances to left, top, right and bottom; used for locations with an object

        alpha: weight of positives in the focal loss; negatives have 1 - alpha. A negative alpha disables the weighting.

        gamma: focusing exponent.

        box_weight: lambda_b, weight of the box loss.

        centerness_weight: lambda_c, weight of the centerness loss.

        Formula: L = \\frac{1}{\\max(1, N)} \\sum_a \\left( \\sum_k \\mathrm{focal}(x_{ak}, [y_a = k]) + [y_a \\ge 0] \\left( \\lambda_b \\,
        \\mathrm{giou}(d_a, d_a^*) + \\lambda_c \\, \\mathrm{BCE}(c_a, c_a^*) \\right) \\right), \\quad c^* = \\sqrt{\\frac{\\min(l^*, r^*)}{\\max(l^*,
        r^*)} \\frac{\\min(t^*, b^*)}{\\max(t^*, b^*)}}

        Divisor: the number of locations with an object in the batch, at least 1, shared evenly by the images
        """

    def focal_tversky(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.3333333333333333,
        exponent: Literal["inverse", "gamma"] = 'inverse',
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        batch: bool = False,
        intersection: Literal["product", "minimum"] = 'product',
        absent: Literal["as_is", "zero", "leave_out"] = 'as_is',
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Focal Tversky loss: the Tversky loss of each class raised to a power, which emphasizes small or difficult regions.

        Use: Segmentation of small lesions in medical images.

        The paper's alpha is beta here. segmentation_models_pytorch applies the exponent gamma to the mean over the classes. MONAI's
        exponent 1 - gamma corresponds to `exponent` gamma with that number, and MONAI does not apply it to the background. The gradient at
        loss 0 is 0. A negative Tversky loss (possible if smooth_nr > smooth_dr) is replaced by 0.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        alpha: weight of false positives.

        beta: weight of false negatives.

        gamma: focusing parameter.

        exponent: exponent of the loss; inverse is 1 / gamma (the paper), gamma is gamma itself.

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerator.

        smooth_dr: added to the denominator.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        intersection: intersection of soft masks: product sums p t; minimum sums min(p, t), which is largest where p = t for any t in [0, 1]
        (MONAI's soft_label, segmentation_models_pytorch). Both are equal for labels of 0 and 1.

        absent: classes that the labels do not have, within the sample (or the batch): as_is counts them as any other class (MONAI, keras),
        zero gives them the loss 0 (segmentation_models_pytorch), leave_out excludes them from the mean.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = (1 - TI_c)^{1 / \\gamma}, \\quad 1 - TI_c \\text{ as in tversky}

        Divisor: samples (1 with batch) times the classes included, regardless of their weights
        """

    def gamma_deviance(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Gamma deviance: twice the negative log-likelihood minus its minimum.

        Use: Regression of positive amounts judged as a generalized linear model (GLM).

        predictions: (n, ...), (0, infinity); estimates, above 0

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: D = 2 \\left( \\log \\frac{x}{t} + \\frac{t}{x} - 1 \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gamma_nll(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a gamma distribution with given shape, in units of the shape, without terms independent of the
        prediction.

        Use: Regression of positive amounts, such as costs, rainfall and waiting times.

        predictions: (n, ...), all finite numbers; x, the logarithms of the means.

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: \\ell = x + t e^{-x}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gamma_nll_distribution(
        self,
        concentration: Array,
        rate: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["concentration", "rate", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a gamma distribution with predicted concentration (shape) and rate, with all terms.

        Use: Probabilistic regression of positive amounts with uncertainty, such as rainfall, costs and waiting times.

        Its scale is 1 / rate, and its mean concentration / rate. gamma_nll has a given shape and predicts the mean alone.

        concentration: (n, ...), (0, infinity); k, the shapes, above 0.

        rate: (n, ...), (0, infinity); r, the rates, above 0.

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: \\ell = \\log\\Gamma(k) - k \\log r - (k - 1) \\log t + r t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gan_hinge(
        self,
        fake: Array,
        real: Array | None = None,
        *,
        role: Literal["discriminator", "generator"] = 'discriminator',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["fake", "real"]] = ...,
    ) -> R_co:
        """Hinge GAN loss: hinge losses of both scores for the discriminator, and minus the score for the generator. The slope at a kink is 0.

        Use: Training of large generative adversarial networks (GAN) of images, as in SAGAN and BigGAN.

        fake: (n, ...), all finite numbers; discriminator scores of generated samples

        real: (n, ...), all finite numbers; discriminator scores of real samples; only for the discriminator's loss

        role: network whose loss is computed.

        Formula: L_D = \\max(0, 1 - r) + \\max(0, 1 + f), \\quad L_G = -f

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gan_minimax(
        self,
        fake: Array,
        real: Array | None = None,
        *,
        role: Literal["discriminator", "generator"] = 'discriminator',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["fake", "real"]] = ...,
    ) -> R_co:
        """Minimax loss of the original GAN: binary cross entropy for the discriminator, and minus its term of generated samples for the
        generator.

        Use: Training of a generative adversarial network (GAN) as first published; mostly for comparison.

        The generator's gradient vanishes where the discriminator is certain that a sample is generated; gan_non_saturating avoids this.

        fake: (n, ...), all finite numbers; discriminator scores of generated samples

        real: (n, ...), all finite numbers; discriminator scores of real samples; only for the discriminator's loss

        role: network whose loss is computed.

        Formula: L_D = -\\log \\sigma(r) - \\log(1 - \\sigma(f)), \\quad L_G = \\log(1 - \\sigma(f))

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gan_non_saturating(
        self,
        fake: Array,
        real: Array | None = None,
        *,
        role: Literal["discriminator", "generator"] = 'discriminator',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["fake", "real"]] = ...,
    ) -> R_co:
        """Non-saturating GAN loss: gan_minimax for the discriminator, and the negative log-probability of being real for the generator.

        Use: Training of a generative adversarial network (GAN); the usual form of the original loss.

        fake: (n, ...), all finite numbers; discriminator scores of generated samples

        real: (n, ...), all finite numbers; discriminator scores of real samples; only for the discriminator's loss

        role: network whose loss is computed.

        Formula: L_D = -\\log \\sigma(r) - \\log(1 - \\sigma(f)), \\quad L_G = -\\log \\sigma(f)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gaussian_focal(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 2.0,
        gamma: float = 4.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Gaussian focal loss of a heatmap whose peaks are 1; negatives near a peak have a lower weight.

        Use: Object detection and pose estimation by heatmaps of points, as in CenterNet.

        Detection heads divide the sum by the number of peaks: use `reduction` sum. A probability of 0 at a peak, or of 1 elsewhere, is
        infinite (an error), where mmdet adds 1e-12 inside the logarithms.

        predictions: (n, ...), [0, 1]; probabilities

        labels: (n, ...), [0, 1]; true heatmap; 1 at peaks

        alpha: focusing exponent.

        gamma: exponent of the weight of positions near peaks.

        Formula: \\ell = -(1 - p)^\\alpha \\log p \\text{ where } t = 1, \\quad -(1 - t)^\\gamma p^\\alpha \\log(1 - p) \\text{ elsewhere}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def gaussian_kl(
        self,
        mean: Array,
        log_variance: Array,
        prior_mean: Array | None = None,
        prior_log_variance: Array | None = None,
        *,
        free_bits: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["mean", "log_variance", "prior_mean", "prior_log_variance"]] = ...,
    ) -> R_co:
        """Kullback-Leibler divergence of a diagonal normal distribution from a prior, by default the standard one: the regularizer of
        variational autoencoders.

        Use: The regularizer of a variational autoencoder (VAE), also hierarchical or with a learned prior; world models.

        The paper of free bits takes the maximum after an average over the batch; here each latent dimension of each sample has its own, in
        nats.

        mean: (n, ...), all finite numbers; mu, the means.

        log_variance: (n, ...), all finite numbers; s, the logarithms of the variances.

        prior_mean: (n, ...), all finite numbers; m, the means of the prior; 0 by default.

        prior_log_variance: (n, ...), all finite numbers; p, the logarithms of the variances of the prior; 0 by default.

        free_bits: smallest divergence of a latent dimension, in nats; below it the gradient is 0.

        Formula: \\ell_i = \\frac{1}{2} \\sum_k \\left( \\frac{(\\mu_k - m_k)^2}{e^{p_k}} + e^{s_k - p_k} - 1 - (s_k - p_k) \\right)

        Divisor: the number of samples; latent dimensions are summed
        """

    def gaussian_nll(
        self,
        predictions: Array,
        labels: Array,
        variance: Array,
        *,
        full: bool = False,
        eps: float = 1e-06,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "variance"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a normal distribution with predicted mean and variance.

        Use: Probabilistic regression with uncertainty: heteroscedastic, with a predicted mean and variance.

        The variance is clipped from below at eps, which is not added. As in torch, the gradient is that at the clipped variance, and the
        clipping is ignored in the chain rule.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        variance: (n, ...), [0, infinity); predicted variances, clipped from below at eps

        full: add the constant log(2 pi) / 2.

        eps: lower bound of the variance.

        Formula: \\ell = \\frac{1}{2} \\left( \\log v + \\frac{(x - t)^2}{v} \\right) + [\\mathrm{full}] \\frac{\\log 2\\pi}{2}, \\quad v =
        \\max(\\mathrm{variance}, \\epsilon)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def geman_mcclure(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Rational function of the squared error that tends to 2; equal to barron_general_robust with alpha -2, as in kornia.

        Use: Robust regression where outliers must have little influence, as in pose graphs.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: scale of the errors; the classic form e^2 / (e^2 + s^2) is half this loss with c = s / 2.

        Formula: \\ell = \\frac{2 (e / c)^2}{(e / c)^2 + 4}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def generalized_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        q: float = 0.5,
        ignore_index: int = -100,
        predictions_are: Literal["logits", "probabilities"] = 'logits',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Generalized cross entropy, robust to label noise: between cross entropy (q near 0) and the absolute error of the probability (q =
        1).

        Use: Multiclass classification with noisy labels.

        The default of q is keras's, which takes probabilities as they are; the paper has q = 0.7. With probabilities t as labels, p_y is
        the expected probability of the true class, the sum of t p over the classes, as in keras; its weight is the sum of t w.

        predictions: (n, c, ...), all finite numbers; [0, 1] with predictions_are probabilities; raw scores or probabilities, one for each
        class

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...)

        weight: (c,), [0, infinity); weight of each class

        q: exponent; 1 gives half of mae_probability.

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        predictions_are: logits (a softmax is taken), or probabilities.

        Formula: \\ell = w_y \\frac{1 - p_y^q}{q}, \\quad p = \\mathrm{softmax}(x)

        Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number
        of positions, as for cross_entropy
        """

    def generalized_dice(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        convention: Literal["monai", "optax"] = 'monai',
        weighting: Literal["square", "simple", "uniform"] = 'square',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Generalized Dice loss: Dice over all classes, each weighted by the inverse of its true size.

        Use: Segmentation with several imbalanced classes in medical images.

        Two losses have this name. monai (and the paper): one ratio of weighted sums for each sample; a class absent from a sample has the
        sample's largest weight. optax: the weighted mean of the classes' Dice losses, with weights 1 / (T^2 + 1e-7) from the whole batch,
        scaled to the mean 1; its smooth of 1 is smooth_nr = smooth_dr = 2. The weights are constant, so labels have no gradient. With soft
        labels, the true size of a class must be 0 or at least 1e-100.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        convention: monai for one ratio, optax for a mean of ratios.

        weighting: weight of a class: square is 1 / size^2, simple 1 / size, uniform 1; optax always uses square.

        smooth_nr: added to the numerator.

        smooth_dr: added to the denominator.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = 1 - \\frac{2 \\sum_c w_c \\sum p t + s_{nr}}{\\sum_c w_c (\\sum p + \\sum t) + s_{dr}}, \\quad w_c = 1 / (\\sum t)^2

        Divisor: the number of samples; with optax times the classes included
        """

    def generalized_jsd(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        beta: float = 0.5,
        temperature: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Generalized Jensen-Shannon divergence of a student's and a teacher's probabilities, which interpolates between both directions.

        Use: Knowledge distillation of language models from a teacher (GKD).

        beta 0 is the divergence of the student from the teacher (forward), beta 1 the reverse, and 1/2 jensen_shannon. As in TRL, there is
        no factor of the squared temperature.

        predictions: (n, c, ...), all finite numbers; the student's scores; s is their softmax at the temperature.

        labels: (n, c, ...), all finite numbers; the teacher's scores; t is their softmax at the temperature.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        beta: the teacher's share in the mixture.

        temperature: divisor of the scores.

        Formula: \\ell_i = \\beta \\, \\mathrm{KL}(t \\| m) + (1 - \\beta) \\, \\mathrm{KL}(s \\| m), \\quad m = \\beta t + (1 - \\beta) s; \\quad
        \\mathrm{KL}(t \\| s) \\text{ at } 0, \\quad \\mathrm{KL}(s \\| t) \\text{ at } 1

        Divisor: the number of samples (of positions, with further axes) included
        """

    def generalized_kl_divergence(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Generalized Kullback-Leibler divergence, element by element, of masses that need not sum to one; never negative.

        Use: Non-negative matrix factorization (NMF), and comparison of masses that are not normalized.

        predictions: (n, ...), all finite numbers; log q, the logarithms of the predicted masses.

        labels: (n, ...), [0, infinity); p.

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        Formula: \\ell = p \\log\\frac{p}{q} - p + q

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ghm_c(
        self,
        predictions: Array,
        labels: Array,
        counts: Array | None = None,
        *,
        bins: int = 10,
        momentum: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Gradient harmonized loss for classification: binary cross entropy divided by the number of elements with a gradient of similar size.

        Use: Object detection with imbalanced classes and noisy outliers.

        The weights reduce the influence of easy elements and outliers, and are constant in the gradient. Empty bins keep their running
        mean. `state` returns the counts for the next request. Results over shards of a batch do not merge.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), {0, 1}; 1 where the class is present, else 0

        counts: (b,), [0, infinity); S_b from the previous request, one for each bin.

        bins: number of equal bins of the gradient's size |sigmoid(x) - t|.

        momentum: mu, momentum of the counts; 0 uses the counts of the call (mmdetection's default).

        Formula: \\ell = w_b \\, \\mathrm{BCE}(\\sigma(x), t), \\quad w_b = \\frac{N}{M S_b}, \\quad S_b \\leftarrow \\mu S_b + (1 - \\mu) R_b \\text{
        where } R_b = |\\{|\\sigma(x) - t| \\in b\\}| > 0, \\quad M = |\\{b: R_b > 0\\}|

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def giou(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Generalized IoU loss: 1 - IoU plus the fraction of the enclosing box that neither box covers, so that disjoint boxes have a
        gradient.

        Use: Bounding box regression in object detection, also where boxes do not overlap.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        Formula: \\ell = 1 - \\mathrm{IoU} + \\frac{C - U}{C}

        Divisor: the number of boxes
        """

    def gmpo(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        epsilon: float = 0.4,
        epsilon_high: float = 0.4,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Geometric-mean policy optimization: the advantage of a completion times the geometric mean of its tokens' ratios, each clipped.

        Use: Reinforcement learning of language models for reasoning, less sensitive to the ratios of single tokens than grpo.

        The logarithm of a ratio is clipped to [-epsilon, epsilon_high], where that lowers the objective; at the edge the gradient is that
        of the inside. The defaults are the paper's e^-0.4 and e^0.4; verl's geo_mean takes them from clip_ratio, 0.2 by default. A
        completion without tokens is included with loss 0.

        logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy

        old_logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy that generated
        them

        advantages: (n,), all finite numbers; advantage of each completion within its group

        mask: (n, t), {0, 1}; 1 for the completion's tokens, 0 for the others

        epsilon: lower clip range of the logarithm of a token's ratio.

        epsilon_high: upper clip range of the logarithm of a token's ratio.

        Formula: \\ell_i = -A_i \\exp\\left( \\frac{1}{T_i} \\sum_t s_i \\min(s_i r_{it}, s_i \\mathrm{clip}(r_{it}, -\\epsilon, \\epsilon_h))
        \\right), \\quad r = \\log \\pi - \\log \\pi_{old}, \\; s_i = \\mathrm{sign}(A_i)

        Divisor: the number of completions
        """

    def gradient_difference(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: int = 1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Gradient difference loss: differences between the absolute image gradients and the true ones, which counteract blur.

        Use: Video prediction and image restoration with sharp edges.

        It is summed over both directions and all channels, for each image. The gradient is 0 at a pixel difference of 0, and where
        differences agree.

        predictions: (n, c, h, w), all finite numbers; predicted images

        labels: (n, c, h, w), all finite numbers; true images

        alpha: power of the differences, 1 or 2.

        Formula: \\ell_i = \\sum_{c u v} \\big| |\\partial_u t| - |\\partial_u x| \\big|^\\alpha + \\big| |\\partial_v t| - |\\partial_v x|
        \\big|^\\alpha

        Divisor: the number of images
        """

    def grpo(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        ref_logps: Array | None = None,
        mask: Array | None = None,
        entropy: Array | None = None,
        importance_weights: Array | None = None,
        sampling_logps: Array | None = None,
        *,
        loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo", "luspo", "sapo"] = 'dapo',
        importance_sampling_level: Literal["token", "sequence"] = 'token',
        epsilon: float = 0.2,
        epsilon_high: float = 0.2,
        beta: float = 0.0,
        max_completion_length: int = 0,
        delta: float = 0.0,
        sapo_temperature_pos: float = 1.0,
        sapo_temperature_neg: float = 1.05,
        entropy_coefficient: float = 0.0,
        off_policy_threshold: float = 0.0,
        use_bias_correction_kl: bool = False,
        top_entropy_quantile: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps", "entropy"]] = ...,
    ) -> R_co:
        """Group relative policy optimization (GRPO): PPO's clipped objective per token, with the completion's advantage, plus a divergence
        penalty.

        Use: Reinforcement learning of language models with verifiable rewards, for reasoning.

        The variants differ in the weight of a token. grpo: a completion's tokens share a weight of 1, and the divisor is the number of
        completions. bnpo and dapo: the divisor is the number of tokens in the request; TRL's dapo uses that of the whole generation batch
        over all processes, which merging results by their normalizers gives. dr_grpo: the divisor is completions times
        max_completion_length. luspo: a completion's tokens are summed and the divisor is the number of completions. sapo averages as grpo
        and has a soft gate, (4 / T) sigmoid(T (ratio - 1)) times the advantage, for the clipped objective. TRL's cispo and vespo are
        separate losses here, as is gmpo. With `sequence` the ratio is the geometric mean over the completion's tokens (GSPO). A completion
        without tokens is included with loss 0. With top_entropy_quantile below 1, results over shards do not merge.

        logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy

        old_logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy that generated
        them

        advantages: (n,) or (n, t), all finite numbers; advantage of each completion within its group (n,), or of each token (n, t)

        ref_logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the reference model

        mask: (n, t), {0, 1}; 1 for the completion's tokens, 0 for the others

        entropy: (n, t), all finite numbers; anything where mask is 0; entropies of the policy at the tokens

        importance_weights: (n,) or (n, t), [0, infinity); constant factor of the clipped objective, for each completion (n,) or token (n,
        t), such as the ratio of the training to the sampling engine

        sampling_logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities under the inference engine that sampled the
        tokens, for off_policy_threshold; default old_logps

        loss_type: averaging of tokens, as named in TRL.

        importance_sampling_level: one ratio per token, or one per completion (sequence).

        epsilon: lower clip range of the ratio, to 1 - epsilon.

        epsilon_high: upper clip range of the ratio, to 1 + epsilon_high (DAPO 0.28).

        beta: weight of the divergence from `ref_logps` (estimator k3), 0 to omit it; 0.04 in the paper.

        max_completion_length: divisor of a completion in dr_grpo; 0 uses the length of the padded completions sent.

        delta: upper bound of the ratio in the unclipped term, at least 1 + epsilon_high; 0 for no bound. It acts where the advantage is
        negative: two-sided or dual clipping, verl's clip_ratio_c.

        sapo_temperature_pos: T of tokens with a positive advantage.

        sapo_temperature_neg: T of the others.

        entropy_coefficient: weight of the entropy bonus, whose tokens are averaged as those of the objective (verl); TRL averages them over
        all tokens for every loss_type.

        off_policy_threshold: largest mean of sampling_logps - logps over a completion with a negative advantage; the objective of one
        beyond it is left out, but not its tokens from the divisor (DeepSeek-V3.2, TRL's off_policy_mask_threshold). 0 for no threshold.

        use_bias_correction_kl: multiply the divergence by the ratio, unclipped, which makes its gradient that of the reverse divergence
        also off-policy (DeepSeek-V3.2). The default is that of the paper; TRL 1.16 has true.

        top_entropy_quantile: share of the tokens of the request, those with the largest entropy, that the objective and the entropy bonus
        act on (0.2 in the paper); the others still count in the divisor. Below 1 it needs `entropy`.

        Formula: \\ell_{it} = -\\min(\\rho_{it} A_i, \\mathrm{clip}(\\rho_{it}, 1 - \\epsilon, 1 + \\epsilon_h) A_i) + \\beta (e^{d} - 1 - d), \\quad
        d = \\log \\pi_{ref} - \\log \\pi

        Divisor: given by loss_type
        """

    def half_squared_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Half the squared error, which statistics and boosting libraries call L2; equal to mean_squared_error / 2.

        Use: Regression, with the factor of statistics and boosting.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = \\frac{(x - t)^2}{2}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def hampel(
        self,
        predictions: Array,
        labels: Array,
        *,
        a: float = 2.0,
        b: float = 4.0,
        c: float = 8.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Hampel's three-part loss: half the squared error up to a, linear up to b, with falling slope up to c, constant beyond.

        Use: Robust regression where outliers must have no influence, as in M-estimation.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        a: error at which the loss changes from quadratic to linear.

        b: error from which the slope falls; at least a.

        c: error from which the slope is 0; more than b.

        Formula: \\ell = \\frac{e^2}{2} \\text{ to } a, \\; a |e| - \\frac{a^2}{2} \\text{ to } b, \\; \\frac{a (b + c - a)}{2} - \\frac{a (c -
        |e|)^2}{2 (c - b)} \\text{ to } c, \\; \\frac{a (b + c - a)}{2} \\text{ beyond}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def hausdorff_dt(
        self,
        predictions: Array,
        labels: Array,
        prediction_distances: Array | None = None,
        label_distances: Array | None = None,
        *,
        alpha: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Hausdorff distance loss: squared error of the probabilities, weighted by powers of the distances to both boundaries.

        Use: Segmentation that is judged by the Hausdorff distance of its boundaries.

        MONAI's loss on the channels sent (MONAI excludes the background by default). The distances are those of the foreground and of the
        background, added; 0 where all or none of a mask is foreground.

        predictions: (n, ...), [0, 1]; probabilities

        labels: (n, ...), [0, 1]; true probabilities, mostly 0 or 1

        prediction_distances: (n, ...), [0, infinity); d_p, distances to the boundary of the predicted region, p > 1/2; constant in the
        gradient; by default computed from the predictions.

        label_distances: (n, ...), [0, infinity); d_t, distances to the boundary of the true region; by default computed from the labels.

        alpha: power of the distances; larger values increase the weight of distant errors.

        Formula: \\ell = (p - t)^2 \\left( d_p^\\alpha + d_t^\\alpha \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def hellinger(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Squared Hellinger distance, between 0 and 1 for distributions. The gradient of a probability of 0 is infinite where the other is not
        0, and 0 where both are 0.

        Use: Comparison of probability distributions, symmetric and bounded.

        predictions: (n, c, ...), [0, 1]; predicted probability of each class

        labels: (n, c, ...), [0, 1]; true probability of each class

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell = \\frac{1}{2} \\sum_k \\left( \\sqrt{p_k} - \\sqrt{q_k} \\right)^2

        Divisor: the number of samples (of positions, with further axes) included
        """

    def hinge(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Hinge loss: linear below the margin 1, zero above. The slope at the kink is 0.

        Use: Binary classification with a maximum margin, as in a linear support vector machine (SVM).

        keras converts labels 0 and 1 to -1 and 1; here a label 0 is an error.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\max(0, 1 - t x)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def hinge_embedding(
        self,
        predictions: Array,
        labels: Array,
        *,
        margin: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Hinge embedding loss: the distance for similar pairs, and the margin minus the distance (at least 0) for dissimilar ones.

        Use: Embeddings of similar and dissimilar pairs whose distance is given.

        At x = margin the gradient of a dissimilar pair is -1, as in torch.

        predictions: (n, ...), all finite numbers; scores or distances

        labels: (n, ...), {-1, 1}; 1 or -1

        margin: smallest distance of dissimilar pairs without loss.

        Formula: \\ell = x \\text{ for } y = 1, \\quad \\max(0, m - x) \\text{ for } y = -1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def hl_gauss(
        self,
        predictions: Array,
        labels: Array,
        *,
        v_min: float = -10.0,
        v_max: float = 10.0,
        sigma: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Histogram loss with a Gaussian (HL-Gauss): cross entropy of a histogram of values against a normal distribution about the true
        value.

        Use: Regression by classification, of values in reinforcement learning, ratings, ages or depths.

        The c bins divide the range from v_min to v_max evenly. The normal distribution is truncated to the range. A value that is predicted
        is the mean of the bins' centres. The label is constant.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), all finite numbers; true values, from v_min to v_max

        v_min: smallest value, the lower edge of the first bin.

        v_max: largest value, the upper edge of the last bin, above v_min.

        sigma: standard deviation of the normal distribution; 0 is three quarters of a bin's width, as in the paper on reinforcement
        learning.

        Formula: \\ell = -\\sum_k q_k \\log p_k, \\quad q_k = \\frac{\\Phi((e_{k+1} - y) / \\sigma) - \\Phi((e_k - y) / \\sigma)}{\\Phi((e_{c+1} - y)
        / \\sigma) - \\Phi((e_1 - y) / \\sigma)}, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of positions
        """

    def huber(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        delta: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Huber loss: quadratic up to delta, linear with slope delta beyond.

        Use: Regression with outliers, the usual robust choice.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        weight: (n, ...), [0, infinity); weight of each element

        delta: error at which the loss changes from quadratic to linear.

        Formula: \\ell = \\frac{e^2}{2} \\text{ where } |e| \\le \\delta, \\text{ else } \\delta (|e| - \\frac{\\delta}{2}), \\quad e = x - t

        Divisor: the number of elements, also with element weights (torch's rule)
        """

    def importance_sampling(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Off-policy policy gradient: the advantage times the unclipped importance ratio.

        Use: Off-policy reinforcement learning, and of language models whose samples are a little old.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        old_logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the same actions under the behavior policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        Formula: \\ell = -e^{\\log \\pi - \\log \\pi_{old}} A

        Divisor: the number of elements, without those masked out
        """

    def info_nce(
        self,
        query: Array,
        positive: Array,
        negative: Array | None = None,
        *,
        temperature: float = 0.1,
        similarity: Literal["cosine", "dot"] = 'cosine',
        in_batch: Literal["without_negative", "always"] = 'without_negative',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["query", "positive", "negative"]] = ...,
    ) -> R_co:
        """InfoNCE loss: cross entropy of identifying a query's positive document among its negatives by similarity.

        Use: Contrastive learning of embeddings for retrieval and semantic search, with in-batch or hard negatives (InfoNCE).

        The negatives are the positives of the other queries, or those given: shared by all queries, (m, d), which info-nce-pytorch calls
        unpaired, or each query's own, (n, m, d), which it calls paired. sentence-transformers' MultipleNegativesRankingLoss is in_batch
        always, with temperature 1 / scale = 0.05 and the hard negatives of all queries shared. A zero vector has cosine 0. clip adds the
        direction from documents to queries. Similarities are computed in blocks of queries, again for the gradients, so that no matrix of
        them is kept. Gradients are accurate relative to the largest element of each tensor.

        query: (n, d), all finite numbers; embeddings, one row per sample

        positive: (n, d), all finite numbers; embeddings, one row per sample

        negative: (m, d) or (n, m, d), all finite numbers; negatives that all queries share, (m, d), or m of each query's own, (n, m, d)

        temperature: divisor of the similarities; 0.1 in info-nce-pytorch, 0.05 in sentence-transformers, 1 for dot in DPR.

        similarity: cosine, or dot for the inner product of the vectors as they are.

        in_batch: the positives of the other queries are negatives only without `negative` (info-nce-pytorch), or always (sentence-
        transformers).

        Formula: \\ell_i = -\\log \\frac{e^{s(q_i, p_i) / T}}{e^{s(q_i, p_i) / T} + \\sum_{k \\in N_i} e^{s(q_i, k) / T}}

        Divisor: the number of queries
        """

    def interval_score(
        self,
        lower: Array,
        upper: Array,
        labels: Array,
        *,
        alpha: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["lower", "upper", "labels"]] = ...,
    ) -> R_co:
        """Interval score: the width of a central prediction interval plus a penalty on labels outside it. The penalty's gradient at the edge
        is 0.

        Use: Prediction intervals in forecasting.

        lower: (n, ...), all finite numbers; l, the lower ends: quantiles alpha / 2.

        upper: (n, ...), all finite numbers; u, the upper ends: quantiles 1 - alpha / 2.

        labels: (n, ...), all finite numbers; true values

        alpha: expected share of labels outside; 0.1 for a 90 % interval.

        Formula: \\ell = (u - l) + \\frac{2}{\\alpha} \\max(0, l - t) + \\frac{2}{\\alpha} \\max(0, t - u)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def inverse_depth_smoothness(
        self,
        predictions: Array,
        image: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Edge-aware smoothness of inverse depths: absolute differences of neighbors, with lower weights at edges of the image.

        Use: Self-supervised depth estimation, beside a photometric loss.

        As in kornia, it is the mean over horizontal differences plus the mean over vertical ones. A single row or column has no
        differences.

        predictions: (n, 1, h, w), all finite numbers; predicted inverse depths, or disparities

        image: (n, c, h, w), all finite numbers; images, at whose edges depths may be discontinuous

        Formula: \\ell_i = \\overline{|\\partial_u d| \\, e^{-\\overline{|\\partial_u I|}}} + \\overline{|\\partial_v d| \\,
        e^{-\\overline{|\\partial_v I|}}}, \\quad \\text{the inner mean over channels}

        Divisor: the number of images
        """

    def inverse_gaussian_deviance(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Inverse Gaussian deviance: twice the negative log-likelihood minus its minimum.

        Use: Regression of positive, very skewed amounts as a generalized linear model (GLM).

        predictions: (n, ...), (0, infinity); estimates, above 0

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: D = \\frac{(t - x)^2}{x^2 t}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def iou(
        self,
        predictions: Array,
        labels: Array,
        *,
        form: Literal["linear", "log", "square"] = 'linear',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """IoU loss: one minus the intersection over union, or its negative logarithm. Disjoint boxes have no gradient.

        Use: Bounding box regression in object detection, where boxes overlap.

        The logarithm is infinite (an error) for disjoint boxes, where mmdet uses the logarithm of 1e-6.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        form: linear, log (UnitBox) or square.

        Formula: \\ell = 1 - \\mathrm{IoU}, \\quad -\\log \\mathrm{IoU}, \\quad 1 - \\mathrm{IoU}^2

        Divisor: the number of boxes
        """

    def itakura_saito(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Itakura-Saito divergence of spectra, which depends only on their ratio; equal to gamma_deviance / 2.

        Use: Comparison of power spectra, as in audio source separation by matrix factorization.

        predictions: (n, ...), (0, infinity); estimates, above 0

        labels: (n, ...), (0, infinity); true values, above 0

        Formula: \\ell = \\frac{t}{x} - \\log\\frac{t}{x} - 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def jaccard(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        batch: bool = False,
        intersection: Literal["product", "minimum"] = 'product',
        absent: Literal["as_is", "zero", "leave_out"] = 'as_is',
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Jaccard (soft IoU) loss: one minus the intersection over the union of both masks, for each class.

        Use: Semantic segmentation that is judged by intersection over union (IoU).

        Equal to tversky with alpha = beta = 1. MONAI's DiceLoss(jaccard=True) uses twice the intersection over twice the union, thus half
        the smoothing; segmentation_models_pytorch has smooth 0 and batch, and another intersection for labels between 0 and 1. The loss of
        0 / 0 is 0.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerator.

        smooth_dr: added to the denominator.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        intersection: intersection of soft masks: product sums p t; minimum sums min(p, t), which is largest where p = t for any t in [0, 1]
        (MONAI's soft_label, segmentation_models_pytorch). Both are equal for labels of 0 and 1.

        absent: classes that the labels do not have, within the sample (or the batch): as_is counts them as any other class (MONAI, keras),
        zero gives them the loss 0 (segmentation_models_pytorch), leave_out excludes them from the mean.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = 1 - \\frac{\\sum p t + s_{nr}}{\\sum p + \\sum t - \\sum p t + s_{dr}}

        Divisor: samples (1 with batch) times the classes included, regardless of their weights
        """

    def jensen_shannon(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Jensen-Shannon divergence, in nats, at most log 2; scipy's jensenshannon is its square root.

        Use: Comparison of probability distributions, symmetric and bounded.

        The gradient of a probability of 0 is infinite where the other is not 0, and 0 where both are 0.

        predictions: (n, c, ...), [0, 1]; predicted probability of each class

        labels: (n, c, ...), [0, 1]; true probability of each class

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell = \\frac{1}{2} \\sum_k \\left( p_k \\log\\frac{p_k}{m_k} + q_k \\log\\frac{q_k}{m_k} \\right), \\quad m = \\frac{p + q}{2}

        Divisor: the number of samples (of positions, with further axes) included
        """

    def jsd_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 12.0,
        smoothing: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cross entropy of the clean view plus the Jensen-Shannon divergence of all views, as in AugMix.

        Use: Multiclass image classification with augmented views (AugMix), for robustness to corruptions.

        As in timm, with the views on axis 1 (timm concatenates them along the batch). timm clips the mixture's probabilities from below at
        1e-7; here they are exact.

        predictions: (n, v, c), all finite numbers; raw scores of each view, one for each class; the first view is the clean one

        labels: (n,), class indices in [0, c); index of the true class

        alpha: weight of the divergence; 12 in timm and the paper.

        smoothing: share of the cross entropy's target spread evenly over all classes.

        Formula: \\ell_i = \\mathrm{CE}(x_{i1}, y_i) + \\frac{\\alpha}{V} \\sum_v \\mathrm{KL}(p_{iv} \\| m_i), \\quad m_i = \\frac{1}{V} \\sum_v
        p_{iv}, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of samples
        """

    def keypoint_mse(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Mean squared error of keypoint heatmaps, each map with a weight.

        Use: Human pose estimation by heatmaps of keypoints.

        As in mmpose, weights multiply the errors but not the divisor. The maps of a keypoint of weight 0 may have any values.

        predictions: (n, k, h, w), all finite numbers; a predicted map for each keypoint

        labels: (n, k, h, w), all finite numbers; true maps

        weight: (n, k), [0, infinity); weight of each keypoint's map, 0 for one that is not visible

        Formula: \\ell = w_k (x - t)^2

        Divisor: the number of pixels of all maps
        """

    def keypoint_rcnn(
        self,
        predictions: Array,
        labels: Array,
        visible: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cross entropy of a softmax over all cells of the heatmap, for each visible keypoint.

        Use: Human pose estimation and keypoint detection, as in Keypoint R-CNN.

        detectron2 divides by a fixed number of keypoints instead: use `reduction` sum with a factor.

        predictions: (n, k, h, w), all finite numbers; a map of raw scores for each keypoint of each region

        labels: (n, k), all finite numbers; true cell of each visible keypoint, row times width plus column; any integer for others

        visible: (n, k), {0, 1}; 1 for a visible keypoint, 0 for one to ignore

        Formula: \\ell_{ik} = -\\log \\mathrm{softmax}(x_{ik})_{t_{ik}} \\text{ over the } hw \\text{ cells, where keypoint } k \\text{ is
        visible}

        Divisor: the number of visible keypoints; without any the value is 0
        """

    def kl_divergence(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        log_target: bool = False,
        direction: Literal["forward", "reverse"] = 'forward',
        predictions_are: Literal["log_probabilities", "probabilities"] = 'log_probabilities',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Kullback-Leibler divergence of the labels from the predictions, element by element, with 0 log 0 = 0.

        Use: Comparison of probability distributions; distillation and variational inference.

        The predictions are logarithms, as in torch and optax, or probabilities, as in keras, which has the labels first. Torch's mean
        divides by all elements; use reduction batchmean for the divergence averaged over the batch. The gradient with respect to a label of
        0 is infinite.

        predictions: (n, ...), all finite numbers; [0, 1] with predictions_are probabilities; log q, the logarithms of the predicted
        probabilities, or q itself.

        labels: (n, ...), all finite numbers; [0, infinity) with log_target False; p, or log p with log_target.

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        log_target: labels are logarithms too.

        direction: forward weights by the labels, as in all libraries; reverse weights by the predictions, which penalizes probability where
        the labels have none.

        predictions_are: natural logarithms of probabilities, as in torch and optax, or probabilities. keras clips both sides to [1e-7, 1];
        here the loss is infinite, an error, where a probability is 0 and the label is not.

        Formula: \\ell = p (\\log p - \\log q) \\text{ (forward)}, \\quad q (\\log q - \\log p) \\text{ (reverse)}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def kl_estimator(
        self,
        logps: Array,
        ref_logps: Array,
        mask: Array | None = None,
        *,
        estimator: Literal["k1", "k2", "k3", "k1+", "k3+"] = 'k3',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps", "ref_logps"]] = ...,
    ) -> R_co:
        """Estimators of KL(policy | reference) from log-probabilities of the policy's own samples.

        Use: The penalty that keeps a policy near its reference in RLHF.

        k1 is unbiased and of either sign; k2 is biased with low variance; k3 is unbiased and never negative. k3 is exact near 0, where
        exp(d) - d - 1 loses all digits. The gradients are those of the estimates, not of the divergence (except k2's, on average). k1+ and
        k3+ have the values of k1 and k3 and the gradient of k2 (verl's straight-through estimators), which is that of the divergence on
        average. verl clips d to 20 and k3 to 10.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        ref_logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the same actions under a reference

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        estimator: k1, k2 or k3; k1+ and k3+ are their values with the gradient of k2.

        Formula: k_1 = -d, \\quad k_2 = \\tfrac{d^2}{2}, \\quad k_3 = e^d - 1 - d, \\quad d = \\log \\pi_{ref} - \\log \\pi

        Divisor: the number of elements, without those masked out
        """

    def knowledge_distillation_kl(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        temperature: float = 3.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Kullback-Leibler divergence of a student's softened probabilities from a teacher's, times the squared temperature.

        Use: Knowledge distillation from a teacher to a smaller student.

        keras divides by samples, as here; mmdetection (temperature 10) also by classes.

        predictions: (n, c, ...), all finite numbers; x, the student's scores.

        labels: (n, c, ...), all finite numbers; y, the teacher's scores.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        temperature: T, divisor of the scores.

        Formula: \\ell_i = T^2 \\sum_k t_k \\log\\frac{t_k}{s_k}, \\quad s = \\mathrm{softmax}(x / T), \\quad t = \\mathrm{softmax}(y / T)

        Divisor: the number of samples (of positions, with further axes) included
        """

    def koleo(
        self,
        embeddings: Array,
        *,
        eps: float = 1e-08,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """KoLeo regularizer: negative log-distance of each normalized vector to its nearest neighbor, the Kozachenko-Leonenko entropy
        estimator.

        Use: Spreading features over the sphere in self-supervised learning, as in DINOv2.

        The neighbor has the largest cosine (of equal ones, the first). Both vectors have a gradient; that of a distance of 0 is 0. DINOv2
        also adds eps to every coordinate of the difference. A single vector has no neighbor and is excluded. Gradients are accurate
        relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        eps: added to the distance.

        Formula: \\ell_i = -\\log \\left( \\min_{j \\ne i} \\| \\hat x_i - \\hat x_j \\| + \\epsilon \\right), \\quad \\hat x = \\frac{x}{\\|x\\|}

        Divisor: the number of samples
        """

    def kto(
        self,
        logps: Array,
        ref_logps: Array,
        labels: Array,
        *,
        beta: float = 0.1,
        kl: float = 0.0,
        desirable_weight: float = 1.0,
        undesirable_weight: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Kahneman-Tversky optimization: single completions are desirable or undesirable relative to a reference point, the KL divergence.

        Use: Fine-tuning of language models by thumbs up and down, without pairs.

        logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        ref_logps: (n,), all finite numbers; log-probabilities of the completions under the reference model

        labels: (n,), {0, 1}; 1 for a desirable completion, 0 for an undesirable one

        beta: strength of the regularization toward the reference.

        kl: reference point z, a constant. TRL's estimate is max(0, mean of log pi - log pi_ref over mismatched prompts and completions); 0
        is its apo_zero_unpaired.

        desirable_weight: weight of the desirable completions.

        undesirable_weight: weight of the undesirable completions.

        Formula: \\ell = w_y \\, \\sigma\\left(\\mp \\beta \\left(\\log\\frac{\\pi}{\\pi_{ref}} - z\\right)\\right), - for desirable, + for undesirable
        completions

        Divisor: the number of completions
        """

    def lambda_loss(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        weighting: Literal["ndcg", "ndcg1", "ndcg2", "ndcg2++", "mrr"] = 'ndcg',
        topn: int = 0,
        sigma: float = 1.0,
        mu: float = 10.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Lambda loss: pairwise logistic loss, each pair weighted by the change of the ranking metric when its items are swapped.

        Use: Learning to rank search results that are judged by nDCG (LambdaRank, LambdaMART).

        `weighting` ndcg is LambdaRank's (rax.dcg_lambdaweight; TensorFlow Ranking with smooth_fraction 1), ndcg2 that of the LambdaLoss
        paper (NDCG-Loss2; rax.dcg2_lambdaweight; TensorFlow Ranking's DCGLambdaWeightV2 and, but for topn, its create_ndcg_lambda_weight),
        which uses the discount of the rank difference: |D(|r_i - r_j|) - D(|r_i - r_j| + 1)|; ndcg2++ is that of ndcg plus mu times that of
        ndcg2. ndcg1 (NDCG-Loss1) is g_i D(r_i) of all pairs of items, in both orders and of an item with itself, whatever their relevances
        (allRank; 1 / log2(1 + r) is there the reciprocal of D). A weight of items multiplies both their gains and their pairs, as in rax.
        allRank sums instead of averaging, over pairs within its k, and takes logarithms to base 2. The weights are constant in the
        gradient, as in LambdaRank; they are piecewise constant in the scores anyway. As in rax and TensorFlow Ranking, weights are
        multiplied by the number of items (rax: of the padded list, so that padding changes its value).

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, 64]; graded relevances y of the items; their gain is 2^y - 1

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        weighting: ndcg, ndcg1 and ndcg2 have gains g = 2^y - 1 and discounts D(r) = 1 / log2(1 + r); mrr has g = y and D(r) = 1 / r
        (TensorFlow Ranking's reciprocal rank weights).

        topn: discounts beyond this place are 0, and with ndcg2 a pair's is divided by 1 - D(r) where the lower item's place r is beyond it;
        0 for no limit.

        sigma: factor of the differences of scores (allRank, LambdaMART).

        mu: weight of ndcg2 in ndcg2++ (allRank 10).

        Formula: \\ell = \\sum_{y_i > y_j} m \\frac{|g_i - g_j| \\, |D(r_i) - D(r_j)|}{\\sum_k g_{(k)} D(k)} \\mathrm{softplus}(-\\sigma (s_i -
        s_j))

        Divisor: the number of pairs, over all lists (rax), including those with weight 0
        """

    def laplace_nll(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a Laplace distribution. The gradient at an error of 0 is 0.

        Use: Probabilistic regression with uncertainty and outliers, such as trajectories and optical flow.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); b, the mean absolute deviation.

        Formula: \\ell = \\log 2b + \\frac{|x - t|}{b}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ldam(
        self,
        predictions: Array,
        labels: Array,
        class_counts: Array,
        weight: Array | None = None,
        *,
        max_margin: float = 0.5,
        scale: float = 30.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Label-distribution-aware margin loss: scaled cross entropy with a margin on the true class, larger for rarer classes.

        Use: Long-tailed multiclass classification with imbalanced classes, by larger margins for rare classes.

        The rarest class has the margin max_margin, as in the paper's code.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        class_counts: (c,), [1, 1e+12]; number of training samples of each class

        weight: (c,), [0, infinity); weight of each class

        max_margin: m, the margin of the rarest class.

        scale: s, factor of the scores.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = w_y \\, \\mathrm{CE}\\left( s (x - \\Delta_y e_y), y \\right), \\quad \\Delta_k = m \\left( \\min_j n_j / n_k \\right)^{1/4}

        Divisor: the sum of the true classes' weights over positions that are not ignored
        """

    def lifted_structured(
        self,
        embeddings: Array,
        labels: Array,
        *,
        margin: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Lifted structured loss: the distance of each pair of one class against a smooth minimum of both samples' distances to other classes.

        Use: Metric learning of embeddings for image retrieval.

        Distances are Euclidean, between unnormalized vectors. Each sample of a pair has half of its loss. Without negatives, and where J is
        negative, the loss is 0; the gradient of a distance that is 0 is 0. Gradients are accurate relative to the largest element of each
        tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        margin: margin of the negatives' distances.

        Formula: \\ell_i = \\frac{1}{4} \\sum_{p \\in P_i} \\max(0, J_{ip})^2, \\quad J_{ij} = \\log \\left( \\sum_{y_k \\ne y_i} e^{m - d_{ik}} +
        \\sum_{y_l \\ne y_j} e^{m - d_{jl}} \\right) + d_{ij}

        Divisor: the number of (unordered) pairs of one class, half of each for either sample
        """

    def linear_cross_entropy(
        self,
        predictions: Array,
        linear_weight: Array,
        labels: Array,
        linear_bias: Array | None = None,
        weight: Array | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "linear_weight", "labels", "linear_bias"]] = ...,
    ) -> R_co:
        """Cross entropy of the scores of a linear layer, with gradients to hidden states, matrix and bias.

        Use: Language modeling with a large vocabulary, the last layer included.

        The scores (n, c, ...) are held in memory. Further axes are torch's out_features: positions, each with its own matrix, applied to
        the same hidden state.

        predictions: (n, f), all finite numbers; hidden states, the input of the linear layer

        linear_weight: (c, ..., f), all finite numbers; matrix of the linear layer, a row for each class (and position)

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...).

        linear_bias: (c, ...), all finite numbers; bias of the linear layer

        weight: (c,), [0, infinity); weight of each class

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        label_smoothing: share of the target spread evenly over all classes.

        Formula: \\ell_j = \\mathrm{CE}(W_j h + b_j, y_j)

        Divisor: as for cross_entropy
        """

    def listmle(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """ListMLE loss: negative log-likelihood of the order by relevance under a Plackett-Luce model of the scores.

        Use: Learning to rank search results and recommendations, list by list.

        Items of equal relevance are ordered by position (rax without a key; TensorFlow Ranking and allRank shuffle them).

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        Formula: \\ell = \\sum_k \\left( \\log \\sum_{l \\ge k} e^{s_{(l)}} - s_{(k)} \\right), \\quad (k) \\text{ in the order of falling } y

        Divisor: the number of lists with items (rax)
        """

    def listnet(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """ListNet loss: cross entropy between the softmax of the scores and that of the relevances (top-one probabilities).

        Use: Learning to rank search results and recommendations, list by list.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; scores whose softmax is the target

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        Formula: \\ell = -\\sum_i \\mathrm{softmax}(y)_i \\log \\mathrm{softmax}(s)_i

        Divisor: the number of lists with items
        """

    def lncc(
        self,
        predictions: Array,
        labels: Array,
        *,
        kernel_size: int = 3,
        kernel: Literal["rectangular", "triangular", "gaussian"] = 'rectangular',
        smooth_nr: float = 0.0,
        smooth_dr: float = 1e-05,
        convention: Literal["monai", "voxelmorph"] = 'monai',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Local normalized cross-correlation loss: minus the squared correlation of both images in the window around each pixel.

        Use: Registration of medical images, whose brightness may differ by a local linear map.

        The image is surrounded by zeros, which count in the windows at the edges. Sums of a window are weighted by the kernel, whose
        weights are 1 (rectangular), sum to 1 (triangular), or are at most 1 (gaussian, with a standard deviation of a third of its size).
        Pixels are at most 1e100 in size. MONAI makes the gaussian and triangular kernels in float32, and computes variances as differences
        of sums. VoxelMorph has kernel_size 9. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, c, ...), all finite numbers; predicted (registered) images, volumes or signals

        labels: (n, c, ...), all finite numbers; target images, volumes or signals

        kernel_size: side of the windows, an odd number.

        kernel: weights of the pixels of a window: rectangular (equal), triangular or gaussian.

        smooth_nr: added to the numerator; unused by voxelmorph.

        smooth_dr: smallest variance; with voxelmorph, added to the product of both variances.

        convention: monai bounds each variance from below; voxelmorph adds smooth_dr to their product.

        Formula: \\ell = - \\frac{C^2 + s_{nr}}{\\max(V_x, s_{dr}) \\max(V_t, s_{dr})}, \\quad C = \\sum k (x - \\bar x)(t - \\bar t), \\quad V_x =
        \\sum k (x - \\bar x)^2

        Divisor: the number of pixels of all channels
        """

    def log_cosh(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Logarithm of the hyperbolic cosine of the error: about half its square near zero, and its absolute value minus log 2 for large
        errors.

        Use: Regression with outliers by optimizers that need a smooth loss.

        Small errors keep all their digits; the usual form |e| + log1p(exp(-2|e|)) - log 2 has none left below 1e-8.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        Formula: \\ell = \\log \\cosh(x - t)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def log_cosh_dice(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Logarithm of the hyperbolic cosine of the Dice loss of each class.

        Use: Segmentation of medical images by a smoother Dice loss.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerator of the Dice loss.

        smooth_dr: added to the denominator of the Dice loss.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = \\log \\cosh(\\mathrm{dice}_c)

        Divisor: samples (1 with batch) times the classes included, regardless of their weights
        """

    def log_lin_quantile(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Pinball loss of the exponential of the estimate. The gradient at an error of 0 is 0.

        Use: Quantile regression of positive numbers by a model of their logarithm.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        alpha: quantile to estimate.

        Formula: \\ell = \\max(\\alpha u, (\\alpha - 1) u), \\quad u = t - e^x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def logistic_hazard(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Logistic hazard (Nnet-survival): binary cross entropy of the hazard in each interval up to the event or censoring.

        Use: Survival analysis in discrete time, with censored times.

        As in pycox, a subject censored in an interval survived it.

        predictions: (n, b), all finite numbers; raw scores of the intervals of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        Formula: \\ell_i = \\sum_{k < y_i} \\mathrm{softplus}(x_{ik}) + \\mathrm{softplus}(\\mp x_{i y_i}), \\quad - \\text{ for an event, } +
        \\text{ if censored}

        Divisor: the number of subjects
        """

    def logistic_nll(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a logistic distribution: like the normal distribution near its mean, like Laplace's for large errors.

        Use: Probabilistic regression with uncertainty and moderate outliers.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); s; the standard deviation is pi s / sqrt 3.

        Formula: \\ell = \\log s + z + 2 \\log\\left(1 + e^{-z}\\right), \\quad z = \\frac{t - x}{s}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def logit_adjusted(
        self,
        predictions: Array,
        labels: Array,
        priors: Array,
        *,
        tau: float = 1.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cross entropy of scores shifted by tau times the logarithm of each class's prior.

        Use: Long-tailed multiclass classification with imbalanced classes, aimed at the balanced error.

        With tau 1 it is balanced_softmax.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        priors: (c,), (0, 1]; share of each class; only the ratios matter

        tau: strength of the adjustment; 0 gives cross entropy.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -\\log \\frac{e^{x_y + \\tau \\log \\pi_y}}{\\sum_k e^{x_k + \\tau \\log \\pi_k}}

        Divisor: the number of positions that are not ignored
        """

    def lognormal_nll(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a log-normal distribution.

        Use: Regression of positive, skewed amounts with uncertainty, such as prices and durations.

        predictions: (n, ...), all finite numbers; x, the means of the logarithm.

        labels: (n, ...), (0, infinity); true values, above 0

        scale: (n, ...), (0, infinity); sigma, the standard deviations of the logarithm.

        Formula: \\ell = \\log t + \\log \\sigma + \\frac{\\log 2\\pi}{2} + \\frac{(\\log t - x)^2}{2 \\sigma^2}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def lovasz_hinge(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Lovász hinge: the convex extension of the Jaccard loss to hinge errors of a binary mask.

        Use: Binary segmentation of pixels that is judged by intersection over union (IoU).

        All positions of a sample (or of the batch) are sorted by error. Equal errors keep their order, which determines their gradients.
        The gradient of an error of exactly 0 is 0. Without `batch`, results over shards merge.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), {0, 1}, or ignore_index; true mask, 0 or 1

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        batch: sort over the whole batch instead of within each sample (segmentation_models_pytorch's per_image=False).

        ignore_index: label of the positions to ignore.

        Formula: \\ell = \\sum_i \\max(0, e_{(i)}) \\, \\Delta J_i, \\quad e_i = 1 - (2 t_i - 1) x_i \\text{ in descending order}

        Divisor: the number of samples with a position included, or 1 with batch
        """

    def lovasz_softmax(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        activation: Literal["softmax", "none"] = 'softmax',
        classes: Literal["present", "all"] = 'present',
        ignore_index: int = -100,
        batch: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Lovász-softmax: the convex extension of the Jaccard loss to the errors of class probabilities, averaged over classes.

        Use: Semantic segmentation of pixels that is judged by mean intersection over union (IoU).

        Equal errors keep their order, which determines their gradients. Without `batch`, results over shards merge.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        activation: softmax takes predictions as logits, none as probabilities.

        classes: classes in the mean: those present in the labels (Berman, segmentation_models_pytorch), or all (kornia).

        ignore_index: label of the positions to ignore.

        batch: sort over the whole batch instead of within each sample (per_image=False of Berman's code).

        Formula: \\ell = \\frac{1}{|C|} \\sum_{c \\in C} \\sum_i e^c_{(i)} \\, \\Delta J^c_i, \\quad e^c_i = |[y_i = c] - p_{ic}| \\text{ in
        descending order}

        Divisor: the number of samples, or 1 with batch
        """

    def lp(
        self,
        predictions: Array,
        labels: Array,
        *,
        p: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Power p of the absolute error. The gradient at an error of 0 is 0.

        Use: Regression with a chosen sensitivity to outliers.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        p: exponent; 1 gives the absolute error, 2 the squared error.

        Formula: \\ell = |x - t|^p

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def lsgan(
        self,
        fake: Array,
        real: Array | None = None,
        *,
        role: Literal["discriminator", "generator"] = 'discriminator',
        real_label: float = 1.0,
        fake_label: float = 0.0,
        generator_label: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["fake", "real"]] = ...,
    ) -> R_co:
        """Least-squares GAN loss: half the squared differences of the scores from target labels, as in the paper; MONAI and others omit the
        factor 1/2.

        Use: Stable training of a generative adversarial network (GAN), also for image translation and speech vocoders.

        fake: (n, ...), all finite numbers; discriminator scores of generated samples

        real: (n, ...), all finite numbers; discriminator scores of real samples; only for the discriminator's loss

        role: network whose loss is computed.

        real_label: b, the discriminator's target for real samples.

        fake_label: a, its target for generated ones.

        generator_label: c, the generator's target for its samples.

        Formula: L_D = \\tfrac12 (r - b)^2 + \\tfrac12 (f - a)^2, \\quad L_G = \\tfrac12 (f - c)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def mae_probability(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Sum over the classes of the absolute errors of the softmax probabilities.

        Use: Multiclass classification with noisy labels.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        weight: (c,), [0, infinity); weight of each class

        ignore_index: label of the positions to ignore.

        Formula: \\ell = w_y \\sum_k |p_k - q_k| = 2 w_y (1 - p_y), \\quad p = \\mathrm{softmax}(x)

        Divisor: the sum of the true classes' weights over positions that are not ignored
        """

    def margin_ranking(
        self,
        input1: Array,
        input2: Array,
        labels: Array,
        *,
        margin: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """Margin ranking loss: the amount by which one score falls short of exceeding the other by a margin.

        Use: Learning to rank from pairs of scores whose order is known.

        Exactly at the margin the gradient is that of the slope, as in torch: with margin 0 and equal scores it is -y.

        input1: (n, ...), all finite numbers; scores or distances

        input2: (n, ...), all finite numbers; scores or distances

        labels: (n, ...), {-1, 1}; 1 or -1

        margin: required difference of the scores.

        Formula: \\ell = \\max(0, m - y (x_1 - x_2))

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def mask_rcnn(
        self,
        objectness: Array,
        rpn_box_deltas: Array,
        rpn_labels: Array,
        rpn_box_targets: Array,
        class_logits: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        mask_logits: Array,
        masks: Array,
        mask_classes: Array,
        *,
        objectness_weight: float = 1.0,
        rpn_box_weight: float = 1.0,
        classifier_weight: float = 1.0,
        box_weight: float = 1.0,
        mask_weight: float = 1.0,
        beta: float = 0.1111111111111111,
        background: Literal["first", "last"] = 'first',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["objectness", "rpn_box_deltas", "rpn_box_targets", "class_logits", "box_deltas", "box_targets", "mask_logits", "masks"]] = ...,
    ) -> R_co:
        """Mask R-CNN loss: the four terms of faster_rcnn plus mask_rcnn_mask of the foreground regions.

        Use: Instance segmentation (Mask R-CNN), all terms together.

        The whole batch is one sample, so per_sample has one number. `parts` returns the unweighted terms.

        objectness: (a,), all finite numbers; objectness logit of each anchor

        rpn_box_deltas: (a, 4), all finite numbers; predicted box deltas of each anchor

        rpn_labels: (a,), {-1, 0, 1}; 1 object, 0 background, -1 not sampled

        rpn_box_targets: (a, 4), all finite numbers; target box deltas; used where the label is 1

        class_logits: (r, k), all finite numbers; class logits of each region, background included

        box_deltas: (r, b, 4), all finite numbers; predicted box deltas: a row for each class, with or without one for background, or one
        for all

        labels: (r,), class indices in [0, k); class of each region

        box_targets: (r, 4), all finite numbers; target box deltas; used for foreground regions

        mask_logits: (n, c, h, w), all finite numbers; mask logits, a channel for each class

        masks: (n, h, w), [0, 1]; true masks, in [0, 1]

        mask_classes: (n,), class indices in [0, c); class of each region, which selects the channel

        objectness_weight: weight of the part `objectness`.

        rpn_box_weight: weight of the part `rpn_box_reg`.

        classifier_weight: weight of the part `classifier`.

        box_weight: weight of the part `box_reg`.

        mask_weight: weight of the part `mask`.

        beta: beta of both smooth_l1 terms.

        background: position of the background class; first in torchvision, last in detectron2.

        Formula: L = L_{Faster R-CNN} + w_5 L_{mask}

        Divisor: 1; each term has the divisor of rpn (torchvision's), fast_rcnn or mask_rcnn_mask
        """

    def mask_rcnn_mask(
        self,
        predictions: Array,
        labels: Array,
        classes: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Mean binary cross entropy of the mask of each region's true class; all other channels are ignored.

        Use: Instance segmentation: the masks of Mask R-CNN.

        predictions: (n, c, h, w), all finite numbers; mask logits, a channel for each class

        labels: (n, h, w), [0, 1]; true masks, in [0, 1]

        classes: (n,), class indices in [0, c); class of each region, which selects the channel

        Formula: \\ell_i = \\frac{1}{hw} \\sum_{uv} \\mathrm{BCE}(x_{i k_i u v}, t_{i u v})

        Divisor: the number of pixels of all regions; without regions the value is 0
        """

    def mask_set(
        self,
        class_logits: Array,
        mask_logits: Array,
        labels: Array,
        masks: Array,
        matches: Array | None = None,
        *,
        classification: Literal["softmax", "focal"] = 'softmax',
        mask_loss: Literal["bce", "focal"] = 'bce',
        no_object_weight: float = 0.1,
        alpha: float = 0.25,
        gamma: float = 2.0,
        class_weight: float = 2.0,
        mask_weight: float = 5.0,
        dice_weight: float = 5.0,
        class_cost: float = 2.0,
        mask_cost: float = 5.0,
        dice_cost: float = 5.0,
        cost_alpha: float = 0.25,
        cost_gamma: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "mask_logits"]] = ...,
    ) -> R_co:
        """Mask2Former's Hungarian loss: each true mask is matched to one query, whose mask has a cross entropy and a Dice loss.

        Use: Instance, panoptic and semantic segmentation by transformers (MaskFormer, Mask2Former, Mask DINO, OneFormer), with a set of
        masks.

        Conventions and defaults are those of Mask2Former and Hugging Face transformers. MaskFormer has mask_loss focal, weights and costs 1
        (class), 20 (mask) and 1 (dice), and all pixels in place of points. The mask losses of a pair are means over its points, summed and
        divided by the number of objects (at least 1); the cross entropy of classes is a weighted mean over all queries. The focal mask loss
        has alpha 0.25 and gamma 2. The Dice loss has 1 added to both sides of the quotient. The matching minimizes the costs and is
        constant in the gradient. `state` returns `matches`. A client that samples points of each matched mask sends them in a second
        request with `matches`: the row of a query and the row of its object then have points of their own, and nothing is matched again.
        The batch is one sample; `parts` returns the unweighted terms.

        class_logits: (n, q, k), all finite numbers; raw scores of each query; with classification softmax, the last class is no object

        mask_logits: (n, q, ...), all finite numbers; mask logits of each query, at all pixels or at points that the client sampled

        labels: (n, m), [-1, infinity); class of each true object, -1 for padding

        masks: (n, m, ...), [0, 1]; true masks in [0, 1], at the same places

        matches: (n, m), [-1, infinity); query of each object, from the state of a previous request, -1 for none

        classification: softmax is a cross entropy with a last class for no object; focal (Mask DINO) is a loss of independent scores
        without that class.

        mask_loss: bce (Mask2Former) or focal (MaskFormer), in the matching too.

        no_object_weight: weight of the last class, no object, in the cross entropy.

        alpha: weight of positives in the focal loss, of negatives in the varifocal loss (0.75 in RT-DETR); unused by softmax.

        gamma: focusing exponent of the focal and varifocal losses; unused by softmax.

        class_weight: weight of the part `class`.

        mask_weight: weight of the part `mask`.

        dice_weight: weight of the part `dice`.

        class_cost: weight of the cost of the object's class in the matching: minus its probability, or its focal cost.

        mask_cost: weight of the mask loss in the matching.

        dice_cost: weight of the Dice loss in the matching.

        cost_alpha: weight of positives in the focal cost of a class in the matching.

        cost_gamma: focusing exponent of the focal cost of a class in the matching.

        Formula: L = \\lambda_c \\overline{\\mathrm{CE}}_w + \\frac{1}{N} \\sum_{\\text{matched}} \\left( \\lambda_m \\overline{\\mathrm{BCE}}(x, t) +
        \\lambda_d \\left( 1 - \\frac{2 \\sum p t + 1}{\\sum p + \\sum t + 1} \\right) \\right), \\quad p = \\sigma(x)

        Divisor: 1; the cross entropy of classes is divided by the sum of its weights, other terms by the number of objects
        """

    def mcc(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        include_background: bool = True,
        batch: bool = False,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus the Matthews correlation coefficient of predicted and true masks, for each class.

        Use: Segmentation with imbalanced classes, where pixels of the background count too.

        The correlation of a constant mask, 0 / 0, is defined as 0 with gradient 0, as in scikit-learn. Libraries instead add 1e-5 to the
        four counts (segmentation_models_pytorch, over the whole batch) or to the denominator (MONAI).

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = 1 - \\frac{TP \\cdot TN - FP \\cdot FN}{\\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}}

        Divisor: samples (1 with batch) times the classes included, regardless of their weights
        """

    def mean_absolute_error(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Absolute error. The gradient at an error of 0 is 0, as in torch.

        Use: Regression with outliers, where errors of all sizes count alike; predicts a median.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        weight: (n, ...), [0, infinity); weight of each element

        Formula: \\ell = |x - t|

        Divisor: the sum of the element weights (the number of elements without them)
        """

    def mean_absolute_percentage_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        denominator: Literal["sklearn", "keras", "torchmetrics", "lightgbm"] = 'sklearn',
        scale: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Absolute error as a fraction of the true number, or in percent with scale 100.

        Use: Forecasting of demand or sales, where relative errors matter.

        The gradient at an error of 0 is 0. A true number equal to the floor is treated as below it.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        denominator: the floor epsilon. sklearn: 2.220446049250313e-16; keras: 1e-7 (and scale 100); torchmetrics: 1.17e-6; lightgbm and
        CatBoost: 1.

        scale: factor of the loss; 100 for keras, 1 for the others.

        Formula: \\ell = s \\frac{|x - t|}{\\max(|t|, \\epsilon)}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def mean_absolute_scaled_error(
        self,
        predictions: Array,
        labels: Array,
        history: Array,
        *,
        seasonality: int = 1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Absolute error relative to the mean absolute error of the seasonal naive forecast (the value one season earlier) over the history.

        Use: Forecasting of time series of different scales, against a naive forecast.

        A history that repeats itself exactly is rejected, since the naive forecast has no error. The gradient at an error of 0 is 0.

        predictions: (n, h), all finite numbers; forecasts, one for each step of the horizon

        labels: (n, h), all finite numbers; true values over the horizon

        history: (n, k), all finite numbers; the series before the forecast, oldest first

        seasonality: m, steps per season; 1 compares with the previous value.

        Formula: \\ell_{ik} = \\frac{|x_{ik} - t_{ik}|}{\\frac{1}{K - m} \\sum_{j=m+1}^{K} |y_{ij} - y_{i,j-m}|}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def mean_per_joint_position_error(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Mean per joint position error (MPJPE): the Euclidean distance of each predicted joint from the true one, in the units of the
        coordinates.

        Use: Human pose estimation in two or three dimensions, and other point sets in correspondence.

        It is end_point_error of vectors on the last axis. The gradient of a distance of 0 is 0. The alignment of a pose (root, scale or
        Procrustes) is the client's.

        predictions: (n, ..., d), all finite numbers; predicted positions, with their coordinates on the last axis

        labels: (n, ..., d), all finite numbers; true positions

        mask: (n, ...), {0, 1}; 1 for the joints to include, 0 for those that are not visible.

        Formula: \\ell_{ik} = \\lVert x_{ik} - t_{ik} \\rVert_2

        Divisor: the number of joints included
        """

    def mean_squared_error(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Squared error, without a factor 1/2.

        Use: Regression, the usual first choice; predicts a mean.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        weight: (n, ...), [0, infinity); weight of each element

        Formula: \\ell = (x - t)^2

        Divisor: the sum of the element weights (the number of elements without them)
        """

    def mean_squared_logarithmic_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Squared difference of log(1 + prediction) and log(1 + label).

        Use: Regression of positive numbers over several orders of magnitude, where ratios matter.

        Numbers at or below -1 are rejected, as in scikit-learn. keras first clips numbers from below at 1e-7. XGBoost has a factor 1/2.

        predictions: (n, ...), (-1, infinity); estimates, above -1

        labels: (n, ...), (-1, infinity); true values, above -1

        Formula: \\ell = (\\log(1 + x) - \\log(1 + t))^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def mixture_density(
        self,
        predictions: Array,
        scale: Array,
        weight_logits: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "scale", "weight_logits", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a mixture of normal distributions, as predicted by a mixture density network.

        Use: Probabilistic regression where several outcomes are possible.

        predictions: (n, m), all finite numbers; mu, the means.

        scale: (n, m), (0, infinity); sigma, the standard deviations.

        weight_logits: (n, m), all finite numbers; x, logits of the component weights.

        labels: (n,), all finite numbers; true values

        Formula: \\ell_i = -\\log \\sum_k \\pi_k \\, \\mathcal{N}(t_i; \\mu_{ik}, \\sigma_{ik}^2), \\quad \\pi = \\mathrm{softmax}(x)

        Divisor: the number of samples
        """

    def mmd(
        self,
        predictions: Array,
        labels: Array,
        bandwidth: Array,
        *,
        estimator: Literal["biased", "unbiased"] = 'biased',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Squared maximum mean discrepancy of two sets of points, with a sum of Gaussian kernels.

        Use: Domain adaptation, generative models and two-sample tests, by the distance of distributions given by samples.

        The median heuristic takes the median distance of the points of both sets for the bandwidth; multiples of it by powers of two are
        common. The bandwidths are constant in the gradient. Kernels are computed as their differences from 1, which a wide bandwidth does
        not round to 0. The value is a difference of means: its absolute error is about 1e-16 for each kernel. Gradients are accurate
        relative to the largest element of each tensor.

        predictions: (n, m, d), all finite numbers; m predicted points of each sample

        labels: (n, k, d), all finite numbers; k true points of each sample

        bandwidth: (b,), (0, infinity); bandwidths (standard deviations) of the Gaussian kernels

        estimator: biased includes the pairs of a point with itself (V-statistic), and is never negative; unbiased divides by m (m - 1) and
        k (k - 1) without them (U-statistic).

        Formula: \\ell_i = \\frac{1}{m^2} \\sum_{a,b} k(x_a, x_b) + \\frac{1}{k^2} \\sum_{a,b} k(t_a, t_b) - \\frac{2}{m k} \\sum_{a,b} k(x_a,
        t_b), \\quad k(u, v) = \\sum_s e^{-|u - v|^2 / (2 \\sigma_s^2)}

        Divisor: the number of samples
        """

    def modified_huber(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Modified Huber loss: the squared hinge loss, continued linearly for margins below -1.

        Use: Binary classification with outliers, by scores that can be read as probabilities.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\max(0, 1 - m)^2 \\text{ where } m \\ge -1, \\text{ else } -4 m, \\quad m = t x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def moe_load_balancing(
        self,
        predictions: Array,
        mask: Array | None = None,
        *,
        top_k: int = 2,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Load-balancing loss: the fraction of tokens routed to each expert times its mean probability, summed over the experts.

        Use: Balanced experts in mixtures of experts (MoE) in language models.

        The loss is one number for the batch, least for a uniform load; results over shards do not merge. A token's experts are the top_k of
        its scores, of equal ones the first; the selection is constant in the gradient. As in transformers, fractions sum to top_k. Layers
        may be concatenated. The router z-loss is `z_loss`.

        predictions: (n, e), all finite numbers; the router's raw scores of the experts for each token

        mask: (n,), {0, 1}; 1 for tokens, 0 for padding

        top_k: experts per token; 1 in Switch Transformers, 2 in Mixtral.

        Formula: L = E \\sum_e f_e P_e, \\quad f_e = \\frac{1}{N} |\\{i : e \\in \\mathrm{top}_k(x_i)\\}|, \\quad P_e = \\frac{1}{N} \\sum_i
        \\mathrm{softmax}(x_i)_e

        Divisor: 1, or 0 without tokens
        """

    def ms_ssim(
        self,
        predictions: Array,
        labels: Array,
        scale_weight: Array | None = None,
        *,
        window: Literal["gaussian", "uniform"] = 'gaussian',
        window_size: int = 11,
        sigma: float = 1.5,
        data_range: float = 1.0,
        k1: float = 0.01,
        k2: float = 0.03,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Multi-scale SSIM loss of images or volumes: one minus the weighted product of contrast-structure at several scales and of luminance
        at the coarsest.

        Use: Image similarity and restoration as people see it, at several scales.

        Means are taken over the windows inside the image, for each channel; a negative mean is replaced by 0, without gradient. Each scale
        has half the pixels of the previous one on each axis, by averages of two by two (by two). The default scale_weight has Wang's five
        scales, which need images of at least 16 * window_size pixels a side (176). kornia's loss of this name is different: a mixture with
        the absolute error.

        predictions: (n, c, h, w) or (n, c, d, h, w), all finite numbers; predicted images (n, c, h, w) or volumes (n, c, d, h, w)

        labels: (n, c, h, w) or (n, c, d, h, w), all finite numbers; true images or volumes

        scale_weight: (s,), [0, infinity); weight of each scale, finest first, one per scale

        window: weights of the pixels of a window: gaussian, or uniform for equal ones. sigma is unused by uniform.

        window_size: side of the windows, an odd number.

        sigma: standard deviation of the Gaussian, in pixels.

        data_range: range of the pixel values (maximum minus minimum).

        k1: factor of the constant that stabilizes the luminance.

        k2: factor of the constant that stabilizes the contrast.

        Formula: \\ell = 1 - \\prod_{j=1}^{M} \\overline{cs}_j^{\\,w_j}, \\quad cs_M \\text{ with the luminance, } SSIM

        Divisor: the number of channels of all images
        """

    def mtlr(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Multi-task logistic regression (MTLR): pmf of scores that are sums of the given ones from each interval on.

        Use: Survival analysis in discrete time, with probabilities that change smoothly from interval to interval.

        As in pycox, the last of the intervals is followed by one whose score is 0, and a censored subject survived its interval.

        predictions: (n, b), all finite numbers; raw scores of the intervals of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        Formula: \\ell_i = \\mathrm{pmf}(z_i, y_i), \\quad z_{ik} = \\sum_{j \\ge k} x_{ij}

        Divisor: the number of subjects
        """

    def multi_margin(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        p: int = 1,
        margin: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Multi-class hinge loss of the true class against every other class, each term to the power p. The slope at a kink is 0.

        Use: Multiclass classification with a maximum margin.

        predictions: (n, c), all finite numbers; raw scores of the classes

        labels: (n,), class indices in [0, c); index of the true class

        weight: (c,), [0, infinity); weight of each class

        p: 1, or 2 for squares.

        margin: m, required lead of the true class's score.

        Formula: \\ell = \\frac{w_y}{C} \\sum_{j \\ne y} \\max(0, m - x_y + x_j)^p

        Divisor: the number of samples, also with class weights (torch's rule)
        """

    def multi_quantile(
        self,
        predictions: Array,
        labels: Array,
        quantiles: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Pinball losses of several quantiles of each label at once, averaged.

        Use: Probabilistic forecasts of time series: several quantiles of each value.

        Equal to `quantile` for each entry of the last axis. The gradient at an error of 0 is 0. neuralforecast's MQLoss averages over the
        quantiles, as here; pytorch-forecasting's QuantileLoss is twice this loss.

        predictions: (n, ..., q), all finite numbers; estimates of each quantile

        labels: (n, ...), all finite numbers; true values

        quantiles: (q,), [0, 1]; quantiles to estimate, in [0, 1], as the last axis of predictions has them

        Formula: \\ell_q = \\max(q u_q, (q - 1) u_q), \\quad u_q = t - x_q

        Divisor: the number of predictions: labels times quantiles
        """

    def multi_resolution_stft(
        self,
        predictions: Array,
        labels: Array,
        fft_sizes: Array | None = None,
        hop_sizes: Array | None = None,
        win_lengths: Array | None = None,
        *,
        w_sc: float = 1.0,
        w_log_mag: float = 1.0,
        w_lin_mag: float = 0.0,
        eps: float = 1e-08,
        norms_over: Literal["signal", "batch"] = 'signal',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Multi-resolution STFT loss: spectral convergence and absolute difference of log-magnitudes, averaged over resolutions.

        Use: Waveform generation by vocoders, speech enhancement and audio effects, where magnitudes matter more than phases.

        Each short-time Fourier transform has a periodic Hann window and centered frames with reflection at the ends, as torch.stft.
        Magnitudes below the square root of eps count as that, with the gradient 0. Conventions are those of auraloss, whose channels are
        further signals here: version 0.4 divides norms over the batch, later code those of each signal. Parallel WaveGAN has eps = 1e-7 and
        norms over the batch. `parts` returns the unweighted terms. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, t), all finite numbers; estimated signals, one per row

        labels: (n, t), all finite numbers; true signals

        fft_sizes: (r,), [1, infinity); FFT size of each resolution, at most 64 of them; by default 1024, 2048 and 512

        hop_sizes: (r,), [1, infinity); samples between frames, at least a sixteenth of the FFT size; by default 120, 240 and 50, or a
        quarter of each given FFT size

        win_lengths: (r,), [1, infinity); length of each Hann window; by default 600, 1200 and 240, or each given FFT size

        w_sc: weight of the spectral convergence.

        w_log_mag: weight of the log-magnitudes.

        w_lin_mag: weight of the magnitudes.

        eps: smallest squared magnitude.

        norms_over: part of the batch whose norms the spectral convergence divides.

        Formula: \\ell = \\frac{1}{M} \\sum_m \\left( w_{sc} \\frac{\\left\\| |S_m t| - |S_m p| \\right\\|_F}{\\left\\| |S_m t| \\right\\|_F} +
        \\frac{w_{log}}{N_m} \\left\\| \\log |S_m t| - \\log |S_m p| \\right\\|_1 + \\frac{w_{lin}}{N_m} \\left\\| |S_m t| - |S_m p| \\right\\|_1
        \\right)

        Divisor: the number of signals
        """

    def multi_similarity(
        self,
        embeddings: Array,
        labels: Array,
        *,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Multi-similarity loss: smooth sums of the positives' cosines below a threshold and of the negatives' cosines above it.

        Use: Metric learning of embeddings for image retrieval, by hard pairs.

        All pairs are used; the paper's mining of pairs is a separate step before the loss. Gradients are accurate relative to the largest
        element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        alpha: sharpness for positives.

        beta: sharpness for negatives.

        base: lambda, threshold of the cosines.

        Formula: \\ell_i = \\frac{1}{\\alpha} \\log \\left( 1 + \\sum_{p \\in P_i} e^{-\\alpha (s_{ip} - \\lambda)} \\right) + \\frac{1}{\\beta} \\log
        \\left( 1 + \\sum_{y_k \\ne y_i} e^{\\beta (s_{ik} - \\lambda)} \\right)

        Divisor: the number of samples
        """

    def multiclass_hinge(
        self,
        predictions: Array,
        labels: Array,
        *,
        convention: Literal["crammer_singer", "keras"] = 'crammer_singer',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Crammer-Singer hinge loss: the amount by which the true class's lead over the best other class falls short of 1.

        Use: Multiclass classification by a support vector machine (SVM).

        The gradient goes to the first of equal rivals, and is 0 at the kink. With probabilities q as labels, crammer_singer is the largest
        of x + 1 - q minus the sum of q x, and keras the positive part of 1 plus the largest of (1 - q) x minus the sum of q x.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...) or (n, c, ...), class indices in [0, c) or [0, 1]; index of the true class (n, ...), or the probability of each
        class (n, c, ...)

        convention: crammer_singer is that of optax and scikit-learn; keras includes a score of 0 among the others, so that it differs if
        all others are negative.

        Formula: \\ell = \\max(0, 1 + \\max_{j \\ne y} x_j - x_y)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def multiclass_perceptron(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Multi-class perceptron loss: the largest score minus the true class's. The gradient goes to the first of equal rivals, and is 0 at a
        tie with the true class.

        Use: Multiclass or structured classification by a linear model.

        With probabilities as labels, the second term is the expected score of the true class.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...) or (n, c, ...), class indices in [0, c) or [0, 1]; index of the true class (n, ...), or the probability of each
        class (n, c, ...)

        Formula: \\ell = \\max_j x_j - x_y

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def multiclass_sparsemax(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Sparsemax loss: the analogue of cross entropy for sparsemax, exactly 0 if the true class leads by 1.

        Use: Multiclass classification and attention with sparse probabilities.

        It is computed as half the squared distance of sparsemax(x) from the label, plus the distance of the label's score below the
        threshold: sums of non-negative terms.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c); index of the true class

        Formula: \\ell = \\frac{1}{2} \\sum_{j \\in S} (x_j^2 - \\tau^2) + \\frac{1}{2} - x_y, \\quad S = \\{j : x_j > \\tau\\}, \\quad \\sum_{j \\in S}
        (x_j - \\tau) = 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def multilabel_margin(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Multi-label hinge loss of every true class against every other class. The slope at a kink is 0.

        Use: Multi-label classification with a margin between present and absent classes.

        A class listed twice counts twice, as in torch.

        predictions: (n, c), all finite numbers; raw scores of the classes

        labels: (n, c), class indices in [0, c), or -1; indices of the true classes; those before a row's first -1 count

        Formula: \\ell = \\frac{1}{C} \\sum_{j \\in y} \\sum_{i \\notin y} \\max(0, 1 - x_j + x_i)

        Divisor: the number of samples
        """

    def multilabel_soft_margin(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Binary cross entropy averaged over the classes, one value per sample.

        Use: Multi-label classification, with several classes true of one sample.

        predictions: (n, c), all finite numbers; raw scores of the classes

        labels: (n, c), [0, 1]; true label of each class, mostly 0 or 1

        weight: (c,), [0, infinity); weight of each class

        Formula: \\ell = \\frac{1}{C} \\sum_k w_k \\left( z_k \\, \\mathrm{softplus}(-x_k) + (1 - z_k) \\, \\mathrm{softplus}(x_k) \\right)

        Divisor: the number of samples, also with class weights
        """

    def multivariate_gaussian_nll(
        self,
        predictions: Array,
        labels: Array,
        scale_tril: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale_tril"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a normal distribution with full covariance, given by its Cholesky factor as in torch.distributions.

        Use: Probabilistic regression of correlated numbers with uncertainty.

        A column of the factor may have either sign; the covariance is the same.

        predictions: (n, d), all finite numbers; predicted means

        labels: (n, d), all finite numbers; true vectors

        scale_tril: (n, d, d), all finite numbers; lower factor of each covariance, without 0 on its diagonal; entries above it are ignored

        Formula: \\ell_i = \\sum_k \\log |L_{kk}| + \\frac{1}{2} \\left\\| L^{-1} (x - t) \\right\\|^2 + \\frac{d}{2} \\log 2\\pi, \\quad \\Sigma = L
        L^\\top

        Divisor: the number of samples
        """

    def nca(
        self,
        embeddings: Array,
        labels: Array,
        *,
        softmax_scale: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Neighborhood components analysis: negative log-probability that a random neighbor, drawn by squared distance, has the sample's
        class.

        Use: Metric learning for nearest-neighbor classification.

        Vectors are not normalized here; pytorch-metric-learning normalizes them first. Gradients are accurate relative to the largest
        element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        softmax_scale: t, factor of the squared distances.

        Formula: \\ell_i = -\\log \\frac{\\sum_{p \\in P_i} e^{-t d_{ip}^2}}{\\sum_{k \\ne i} e^{-t d_{ik}^2}}

        Divisor: the number of samples with another sample of their class
        """

    def nce(
        self,
        predictions: Array,
        negatives: Array,
        log_count: Array | None = None,
        negatives_log_count: Array | None = None,
        hits: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "negatives"]] = ...,
    ) -> R_co:
        """Noise-contrastive estimation: the sum of binary cross entropies that distinguish the true class from the sampled ones.

        Use: Word embeddings and language modeling with too many classes for a full softmax.

        Without the counts it is the negative sampling of word2vec.

        predictions: (n,), all finite numbers; score of each sample's true class

        negatives: (n, m), all finite numbers; scores of the sampled classes

        log_count: (n,), all finite numbers; logarithm of the expected count of the true class among the sampled classes; default 0

        negatives_log_count: (n, m), all finite numbers; logarithms of the expected counts of the sampled classes; default 0

        hits: (n, m), {0, 1}; 1 where a sampled class equals the true class, and is excluded

        Formula: \\ell_i = \\mathrm{softplus}(-(x_i - \\log q_i)) + \\sum_j \\mathrm{softplus}(z_{ij} - \\log q_{ij})

        Divisor: the number of samples
        """

    def negative_binomial_nll(
        self,
        predictions: Array,
        labels: Array,
        dispersion: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "dispersion"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a negative binomial distribution with predicted mean and dispersion (NB2), for overdispersed counts.

        Use: Regression of overdispersed counts, such as gene expression and demand.

        With r = 1 / dispersion, it is the distribution of the failures before r successes with success probability r / (r + mean). The
        limit for dispersion 0 is Poisson.

        predictions: (n, ...), (0, infinity); mu, the means, above 0.

        labels: (n, ...), [0, infinity); true counts, or any numbers of at least 0

        dispersion: (n, ...), (0, infinity); alpha; the variance is mu + alpha mu^2.

        Formula: \\ell = \\log\\Gamma(r) + \\log\\Gamma(t + 1) - \\log\\Gamma(t + r) + r \\log\\frac{r + \\mu}{r} + t \\log\\frac{r + \\mu}{\\mu}, \\quad r
        = \\frac{1}{\\alpha}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def nll(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative log-likelihood: minus the given log-probability of the true class.

        Use: Multiclass classification by a model that ends in a log-softmax.

        predictions: (n, c, ...), all finite numbers; log-probabilities of the classes

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        weight: (c,), [0, infinity); weight of each class

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -w_y \\, x_y

        Divisor: the sum of the true classes' weights over positions that are not ignored
        """

    def normalized_softmax(
        self,
        embeddings: Array,
        weight: Array,
        labels: Array,
        *,
        temperature: float = 0.05,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "weight"]] = ...,
    ) -> R_co:
        """Normalized softmax loss: softmax cross entropy of the cosines to the class vectors, equal to cosface without margin.

        Use: Metric learning by classification, compared by cosine similarity.

        Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        weight: (c, d), all finite numbers; learned vector of each class, one per row (as torch.nn.Linear's weight)

        labels: (n,), class indices in [0, c); class of each sample

        temperature: divisor of the cosines.

        Formula: \\ell = -\\log \\frac{e^{\\cos \\theta_y / T}}{\\sum_j e^{\\cos \\theta_j / T}}

        Divisor: the number of samples
        """

    def npairs(
        self,
        anchor: Array,
        positive: Array,
        labels: Array,
        *,
        regularization: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["anchor", "positive"]] = ...,
    ) -> R_co:
        """N-pairs loss: cross entropy of identifying the positives of each anchor's class among all positives by inner product.

        Use: Metric learning of embeddings for retrieval, with many negatives at once.

        Vectors are not normalized here; pytorch-metric-learning normalizes them first. Several positives of a class share the target
        evenly. Gradients are accurate relative to the largest element of each tensor.

        anchor: (n, d), all finite numbers; embeddings, one row per sample

        positive: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        regularization: weight of the squared norms (with the factor 1/4 of TensorFlow's npairs_loss, whose default is 0.002); 0 in TFA and
        pytorch-metric-learning.

        Formula: \\ell_i = -\\frac{1}{|P_i|} \\sum_{y_p = y_i} \\log \\frac{e^{a_i \\cdot p_p}}{\\sum_j e^{a_i \\cdot p_j}} + \\frac{\\lambda}{4}
        \\left( |a_i|^2 + |p_i|^2 \\right)

        Divisor: the number of anchors
        """

    def ntxent(
        self,
        embeddings: Array,
        labels: Array,
        *,
        temperature: float = 0.07,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """NT-Xent loss (SimCLR): cross entropy, for each pair of one class, of identifying the positive among the negatives by cosine
        similarity.

        Use: Contrastive learning of image features from augmented views (SimCLR).

        The denominator has this positive and all negatives, without the other positives (optax, pytorch-metric-learning). With two views of
        each sample, labeled by the sample, it is SimCLR's loss. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        temperature: divisor of the cosines; 0.07 in optax and pytorch-metric-learning, 0.5 in MONAI and lightly.

        Formula: \\ell_i = -\\sum_{p \\in P_i} \\log \\frac{e^{s_{ip} / T}}{e^{s_{ip} / T} + \\sum_{y_k \\ne y_i} e^{s_{ik} / T}}

        Divisor: the number of ordered pairs of one class
        """

    def oks(
        self,
        predictions: Array,
        labels: Array,
        area: Array,
        sigmas: Array,
        visible: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus the object keypoint similarity: keypoint distances relative to the object's size and the keypoint's spread.

        Use: Human pose estimation by direct keypoint regression, judged as COCO judges it.

        The similarity is COCO's, a mean over an object's visible keypoints. Those that are not visible may stand anywhere. An object
        without visible keypoints has loss 0 and is included in the mean.

        predictions: (n, k, 2), all finite numbers; predicted keypoints as x, y

        labels: (n, k, 2), all finite numbers; true keypoints as x, y

        area: (n,), (0, infinity); area of each object (COCO: of its segment), in squared units of the coordinates

        sigmas: (k,), (0, infinity); spread of each keypoint; COCO has 0.026 for a nose and 0.107 for a hip

        visible: (n, k), {0, 1}; 1 for a visible keypoint, 0 for one to ignore

        Formula: \\ell_i = 1 - \\frac{1}{|V_i|} \\sum_{k \\in V_i} e^{-\\frac{|p_k - t_k|^2}{2 A_i (2 \\sigma_k)^2}}

        Divisor: the number of objects
        """

    def ordinal(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Ordinal regression loss: binary cross entropy, for each threshold, of whether the item is at that level or higher.

        Use: Ordinal regression of grades, ratings, ages or stages of a disease.

        predictions: (n, m, k), all finite numbers; scores of being at level 1, 2, ..., k or higher

        labels: (n, m), [0, infinity); levels of the items, from 0 to the number of thresholds

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        Formula: \\ell = \\sum_{k=1}^{K} \\left( \\mathrm{softplus}(x_k) - [y \\ge k] \\, x_k \\right)

        Divisor: the number of items
        """

    def orpo(
        self,
        chosen_logps: Array,
        rejected_logps: Array,
        *,
        beta: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_logps", "rejected_logps"]] = ...,
    ) -> R_co:
        """Odds-ratio preference optimization: the negative log-likelihood of the chosen completion plus a penalty on the odds ratio, without
        reference model.

        Use: Fine-tuning of language models by instructions and preferences in one step, without a reference.

        Log-probabilities are averages over tokens, below 0. The first term is each chosen completion's own mean, as in the paper; TRL
        averages it over all tokens of the batch. log(1 - p) is accurate for p near 1, as in TRL since it uses log1mexp.

        chosen_logps: (n,), (-infinity, 0); log-probabilities of the completions, averaged over tokens

        rejected_logps: (n,), (-infinity, 0); log-probabilities of the completions, averaged over tokens

        beta: weight of the odds ratio's term (lambda in the paper).

        Formula: \\ell = -\\log p_c + \\beta \\, \\mathrm{softplus}\\left(-\\log\\frac{p_c (1 - p_r)}{(1 - p_c) p_r}\\right)

        Divisor: the number of pairs
        """

    def p_listmle(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Position-aware ListMLE loss: listmle, in which each place has a weight that falls by half from one to the next.

        Use: Learning to rank search results and recommendations, where the first places matter most.

        The weight of a list's last place is 0, as in the paper and in TensorFlow Ranking's create_p_list_mle_lambda_weight; a list of more
        than 1024 items has weights out of range. Items of equal relevance are ordered by position.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        Formula: \\ell = \\sum_k (2^{m - k} - 1) \\left( \\log \\sum_{l \\ge k} e^{s_{(l)}} - s_{(k)} \\right), \\quad (k) \\text{ in the order of
        falling } y

        Divisor: the number of lists with items
        """

    def pairwise_hinge(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Pairwise hinge loss: the amount by which the more relevant item's lead falls short of 1, for pairs of unequal relevance. The slope
        at the kink is 0.

        Use: Learning to rank search results and recommendations, pair by pair (RankSVM).

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        Formula: \\ell = \\sum_{y_i > y_j} \\max(0, 1 - (s_i - s_j))

        Divisor: the number of pairs, over all lists (rax)
        """

    def pairwise_logistic(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Pairwise logistic (RankNet) loss: negative log-probability that the more relevant item wins, for pairs of unequal relevance.

        Use: Learning to rank search results and recommendations, pair by pair (RankNet).

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        Formula: \\ell = \\sum_{y_i > y_j} \\mathrm{softplus}(-(s_i - s_j))

        Divisor: the number of pairs, over all lists (rax)
        """

    def pairwise_mse(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        self_pairs: Literal["counted", "left_out"] = 'counted',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Mean squared error of all score differences within a list against the relevance differences, with each pair in both orders.

        Use: Learning to rank with relevances whose differences matter.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items, whose differences are the targets of the scores' differences

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        self_pairs: include pairs of an item with itself, with loss 0, in the divisor, as in rax; TensorFlow Ranking excludes them.

        Formula: \\ell = \\sum_{i, j} ((s_i - s_j) - (y_i - y_j))^2

        Divisor: the number of pairs, over all lists
        """

    def pairwise_qr(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        tau: float = 0.5,
        squared: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Quantile regression of score differences on relevance differences, for pairs of unequal relevance.

        Use: Learning to rank with relevances whose differences matter.

        The slope is 0 where the differences agree. With tau 0.5 and squared it is half of pairwise_mse, except for pairs of equal
        relevance.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items, whose differences are the targets of the scores' differences

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        tau: quantile; weight of differences that are too small.

        squared: square each maximum.

        Formula: \\ell = \\sum_{y_i > y_j} \\tau \\max(0, -d_{ij}) + (1 - \\tau) \\max(0, d_{ij}), \\quad d_{ij} = (s_i - s_j) - (y_i - y_j)

        Divisor: the number of pairs, over all lists (rax)
        """

    def pairwise_soft_zero_one(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Smooth count of misordered pairs: the probability that the less relevant item wins, for pairs of unequal relevance.

        Use: Learning to rank that is judged by the number of misordered pairs, as the AUC.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), all finite numbers; relevances of the items; only their order matters

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        Formula: \\ell = \\sum_{y_i > y_j} \\sigma(-(s_i - s_j))

        Divisor: the number of pairs, over all lists (rax)
        """

    def pc_hazard(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        fractions: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Piecewise constant hazard: negative log-likelihood of times whose hazard is constant in each interval, the softplus of its score.

        Use: Survival analysis of continuous times by a network with one output for each interval.

        The time is where in its interval the event or censoring was, so that times are not rounded to intervals. Hazards are per length of
        an interval.

        predictions: (n, b), all finite numbers; raw scores of the intervals of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        fractions: (n,), [0, 1]; share of its last interval that a subject was observed for

        Formula: \\ell_i = f_i \\eta(x_{i y_i}) + \\sum_{k < y_i} \\eta(x_{ik}) - d_i \\log \\eta(x_{i y_i}), \\quad \\eta(x) = \\log(1 + e^x)

        Divisor: the number of subjects
        """

    def pearson_correlation(
        self,
        predictions: Array,
        labels: Array,
        *,
        along: Literal["samples", "elements"] = 'samples',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus Pearson's correlation coefficient: 0 for a perfect linear relation with a positive slope, 2 for a negative one.

        Use: Regression up to scale and shift: physiological signals (rPPG), affect, quality scores, gene expression, forecasts of returns.

        Equal predictions or equal labels have no correlation and are rejected. With along samples, the whole batch is one sample, so
        per_sample has one number. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        along: axis of the correlation. samples: the batch, with one correlation for each entry of the further axes, as in torchmetrics and
        scikit-learn; elements: all further axes, with one correlation for each sample.

        Formula: L = 1 - \\frac{\\sum_i (x_i - \\bar x)(t_i - \\bar t)}{\\sqrt{\\sum_i (x_i - \\bar x)^2} \\sqrt{\\sum_i (t_i - \\bar t)^2}}

        Divisor: the number of correlations
        """

    def perceptron(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Perceptron loss: linear for scores of the wrong sign, zero otherwise. The slope at 0 is 0.

        Use: Binary classification by a linear model, where a correct sign is enough.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\max(0, -t x)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def permutation_invariant(
        self,
        predictions: Array,
        labels: Array,
        *,
        metric: Literal["si_sdr", "snr", "mse"] = 'si_sdr',
        zero_mean: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Loss of separated sources under the permutation with the smallest mean (permutation-invariant training).

        Use: Separation of speakers, or of other signals, whose order does not matter (PIT, uPIT).

        The permutation is found by linear assignment, and is constant in the gradient. `state` returns it: the index of the true source of
        each estimate. zero_mean applies to si_sdr and snr. A value is that of torchmetrics with the sign of a loss, and of asteroid's
        PITLossWrapper, but for their epsilons. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, s, t), all finite numbers; estimated sources of each mixture

        labels: (n, s, t), all finite numbers; true sources of each mixture, in any order

        metric: loss of a source; mse is mean_squared_error.

        zero_mean: subtract the mean of each signal first.

        Formula: \\ell = \\min_{\\pi} \\frac{1}{s} \\sum_k \\ell_0(p_k, t_{\\pi(k)})

        Divisor: the number of sources
        """

    def pmf(
        self,
        predictions: Array,
        labels: Array,
        events: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Negative log-probability of the event's interval or, for a censored subject, of all later intervals.

        Use: Survival analysis in discrete time, by the probability of each interval.

        The softmax includes one more interval after the last, whose score is 0 (pycox). A censored subject survived its interval.

        predictions: (n, b), all finite numbers; raw scores of the intervals of time

        labels: (n,), class indices in [0, b); interval of the event or of censoring

        events: (n,), {0, 1}; 1 where the event was observed, 0 where censored

        Formula: \\ell_i = -\\log p_{i y_i} \\text{ or } -\\log \\sum_{k > y_i} p_{ik}, \\quad p_i = \\mathrm{softmax}(x_{i1}, ..., x_{ib}, 0)

        Divisor: the number of subjects
        """

    def poisson_deviance(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Poisson deviance: twice the negative log-likelihood minus its minimum, with 0 log 0 = 0.

        Use: Regression of counts judged as a generalized linear model (GLM).

        predictions: (n, ...), (0, infinity); estimates, above 0

        labels: (n, ...), [0, infinity); true counts, or any numbers of at least 0

        Formula: D = 2 \\left( t \\log \\frac{t}{x} - t + x \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def poisson_mixture(
        self,
        predictions: Array,
        weight_logits: Array,
        labels: Array,
        *,
        log_input: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "weight_logits"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a mixture of Poisson distributions, including log(t!).

        Use: Probabilistic regression and forecasting of counts that have several modes, such as demand.

        neuralforecast's PMM is this loss of rates (log_input false).

        predictions: (n, m), all finite numbers; [0, infinity) with log_input False; logarithms of the rate of each component, or rates

        weight_logits: (n, m), all finite numbers; w, logits of the component weights.

        labels: (n,), [0, infinity); true counts, or any numbers from 0 on

        log_input: predictions are logarithms of rates, else rates.

        Formula: \\ell_i = -\\log \\sum_k \\pi_k \\frac{\\lambda_{ik}^{t_i} e^{-\\lambda_{ik}}}{t_i!}, \\quad \\pi = \\mathrm{softmax}(w), \\; \\lambda
        = e^x

        Divisor: the number of samples
        """

    def poisson_nll(
        self,
        predictions: Array,
        labels: Array,
        *,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-08,
        factorial: Literal["stirling", "exact"] = 'stirling',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a Poisson distribution; the term log(t!) is omitted by default.

        Use: Regression of counts, such as events, visits or photons.

        predictions: (n, ...), all finite numbers; [0, infinity) with log_input False; logarithms of rates, or rates (log_input false)

        labels: (n, ...), [0, infinity); true counts, or any numbers of at least 0

        log_input: predictions are logarithms of rates, else rates. keras' Poisson is log_input false with eps 1e-7.

        full: add log(t!).

        eps: added to the rate inside the logarithm; unused with log_input.

        factorial: term added by full. stirling: t log t - t + log(2 pi t) / 2 where t > 1 and nothing elsewhere, as torch does (4 % off at
        t = 2); exact: log Gamma(t + 1).

        Formula: \\ell = e^x - t x \\text{ (log input)}, \\text{ or } x - t \\log(x + \\epsilon); \\quad + [\\mathrm{full}] \\log t!

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def poly1_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        epsilon: float = 2.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Poly-1 loss: cross entropy with another weight on the first term of its expansion in 1 - p.

        Use: Multiclass classification, as a variant of cross entropy with one more number to tune.

        The default epsilon is optax's and the paper's for images; rax and TensorFlow Ranking have 1.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...)

        weight: (c,), [0, infinity); weight of each class

        epsilon: weight of 1 - p; 0 gives cross entropy.

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        Formula: \\ell = \\sum_k w_k q_k \\left( -\\log p_k + \\epsilon (1 - p_k) \\right), \\quad p = \\mathrm{softmax}(x)

        Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number
        of positions, as for cross_entropy
        """

    def poly1_softmax(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        epsilon: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Poly-1 softmax ranking loss: ranking_softmax with a modified first coefficient of its polynomial expansion.

        Use: Learning to rank search results and recommendations, as a variant of the softmax.

        TensorFlow Ranking weights both terms by the sum of the relevances, rax only the first.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, infinity); relevances of the items, as weights

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        epsilon: added to the first coefficient; 0 gives ranking_softmax. Without any relevance the mean of y is uniform (rax); a weight
        multiplies y.

        Formula: \\ell = -\\sum_i y_i \\log p_i + \\epsilon \\left(1 - \\sum_i \\bar y_i p_i\\right), \\quad p = \\mathrm{softmax}(s), \\; \\bar y = y /
        \\sum_k y_k

        Divisor: the number of lists with items (rax)
        """

    def ppo_clip(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        values: Array | None = None,
        returns: Array | None = None,
        old_values: Array | None = None,
        entropy: Array | None = None,
        *,
        epsilon: float = 0.2,
        epsilon_high: float = 0.2,
        value_epsilon: float = 0.2,
        value_coefficient: float = 0.5,
        entropy_coefficient: float = 0.01,
        dual_clip: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps", "values", "entropy"]] = ...,
    ) -> R_co:
        """Proximal policy optimization (PPO): the clipped surrogate objective, plus value and entropy terms if their inputs are sent.

        Use: Reinforcement learning with policy gradients; fine-tuning of language models by human feedback (RLHF).

        The value term is included if `values` and `returns` are sent. With `old_values`, it is the larger of the squared errors of the
        value and of the value clipped within value_epsilon of the old one (OpenAI baselines, TRL; Stable-Baselines3 uses only the second,
        not halved). `parts` has policy, value and entropy before their coefficients. At the edge of the clip range the gradient is that of
        the inside; for equal squares it is that of the unclipped one.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        old_logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the same actions under the behavior policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        values: (n, ...), all finite numbers; anything where mask is 0; the critic's values of the states

        returns: (n, ...), all finite numbers; anything where mask is 0; returns, the targets of the values

        old_values: (n, ...), all finite numbers; anything where mask is 0; values when the actions were taken

        entropy: (n, ...), all finite numbers; anything where mask is 0; entropies of the policy in the states

        epsilon: lower clip range of the ratio, to 1 - epsilon.

        epsilon_high: upper clip range of the ratio, to 1 + epsilon_high; equal to epsilon in the paper.

        value_epsilon: clip range of the values around old_values.

        value_coefficient: weight of the value term, half a square (TRL 0.1). Without the half it is twice that of others: Stable-
        Baselines3's vf_coef 0.5 is 1 here, the paper's 1 is 2.

        entropy_coefficient: weight of the entropy bonus (Stable-Baselines3 0).

        dual_clip: upper bound of the ratio where the advantage is negative, at least 1 + epsilon_high; 0 for none. verl's clip_ratio_c is
        3: for an advantage of -1 and a ratio of 5 the loss is 3 instead of 5.

        Formula: \\ell = -\\min(\\rho A, \\mathrm{clip}(\\rho, 1 - \\epsilon, 1 + \\epsilon_h) A) + c_v \\tfrac12 \\max((v - R)^2, (v_{clip} - R)^2)
        - c_e H, \\quad \\rho = e^{\\log\\pi - \\log\\pi_{old}}

        Divisor: the number of elements, without those masked out
        """

    def probiou(
        self,
        predictions: Array,
        labels: Array,
        *,
        form: Literal["hellinger", "bhattacharyya"] = 'hellinger',
        floor: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """ProbIoU loss of rotated boxes: the Hellinger distance of the Gaussians that have the boxes' centers and covariances.

        Use: Rotated object detection, as in aerial images: YOLO's oriented boxes (OBB).

        The sign of a width or height has no effect. Lengths are between 1e-30 and 1e30, after the floor. The gradient of equal boxes is 0,
        where the distance has a cusp. ultralytics adds 1e-7 inside the logarithm, the root and the divisors, and bounds the Bhattacharyya
        distance by 100. For equal boxes its loss is 0.00044721 and this one is 0.

        predictions: (n, 5), all finite numbers; predicted boxes as center x, center y, width, height and rotation in radians

        labels: (n, 5), all finite numbers; true boxes as center x, center y, width, height and rotation, one for each prediction

        form: hellinger is the paper's L1 and lies in [0, 1]; bhattacharyya is its L2, B itself.

        floor: f, added to both variances of every box. ultralytics trains with 0.01, in units of the stride.

        Formula: \\ell = \\sqrt{1 - e^{-B}}, \\quad B = \\frac{1}{4} d^\\top (\\Sigma + \\Sigma^*)^{-1} d + \\frac{1}{2} \\log \\frac{|\\Sigma +
        \\Sigma^*|}{4 \\sqrt{|\\Sigma| |\\Sigma^*|}}, \\quad \\Sigma = R \\, \\mathrm{diag}\\left( \\frac{w^2}{12} + f, \\frac{h^2}{12} + f \\right)
        R^\\top

        Divisor: the number of boxes
        """

    def proxy_anchor(
        self,
        embeddings: Array,
        proxies: Array,
        labels: Array,
        *,
        margin: float = 0.1,
        alpha: float = 32.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "proxies"]] = ...,
    ) -> R_co:
        """Proxy-Anchor loss: each proxy attracts the samples of its class and repels all others, by smooth sums over the batch.

        Use: Metric learning of embeddings for image retrieval, without mining of pairs.

        The loss is one number for the batch; results over shards do not merge. Without samples the value is 0. Gradients are accurate
        relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        proxies: (c, d), all finite numbers; learned vector of each class

        labels: (n,), class indices in [0, c); class of each sample

        margin: delta, margin above 0 of the cosines within the class, and below 0 of the others.

        alpha: sharpness.

        Formula: \\ell = \\frac{1}{|P^+|} \\sum_{p \\in P^+} \\log \\left( 1 + \\sum_{y_i = p} e^{-\\alpha (s_{ip} - \\delta)} \\right) +
        \\frac{1}{|P|} \\sum_{p \\in P} \\log \\left( 1 + \\sum_{y_i \\ne p} e^{\\alpha (s_{ip} + \\delta)} \\right)

        Divisor: 1; the terms of the sum are divided by the number of proxies with samples, and of all proxies
        """

    def proxy_nca(
        self,
        embeddings: Array,
        proxies: Array,
        labels: Array,
        *,
        softmax_scale: float = 1.0,
        denominator: Literal["all", "others"] = 'all',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "proxies"]] = ...,
    ) -> R_co:
        """Proxy-NCA loss: negative log-probability of the true class's proxy, by squared distance of normalized vectors.

        Use: Metric learning of embeddings for image retrieval, without mining of pairs.

        The squared distance of normalized vectors is 2 - 2 cos. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        proxies: (c, d), all finite numbers; learned vector of each class

        labels: (n,), class indices in [0, c); class of each sample

        softmax_scale: t, factor of the squared distances.

        denominator: all proxies (pytorch-metric-learning), or others without the true class's proxy (the paper); with others the loss may
        be negative.

        Formula: \\ell = -\\log \\frac{e^{-t |\\hat x - \\hat p_y|^2}}{\\sum_j e^{-t |\\hat x - \\hat p_j|^2}}

        Divisor: the number of samples
        """

    def pseudo_huber(
        self,
        predictions: Array,
        labels: Array,
        *,
        delta: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Smooth approximation of the Huber loss: about half the squared error near zero, with slope delta for large errors.

        Use: Regression with outliers, smooth.

        It is delta times (charbonnier - delta), with eps = delta.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        delta: error at which the loss changes from quadratic to linear; XGBoost's huber_slope.

        Formula: \\ell = \\delta^2 \\left( \\sqrt{1 + (e / \\delta)^2} - 1 \\right), \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def psnr(
        self,
        predictions: Array,
        labels: Array,
        *,
        data_range: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative peak signal-to-noise ratio of each sample, in decibels.

        Use: Image restoration that is judged by the peak signal-to-noise ratio: denoising, super-resolution.

        The loss of equal images is infinite, an error. The mean is over samples; kornia averages the squared errors over the whole batch
        first.

        predictions: (n, ...), all finite numbers; estimates, pixels or anything else

        labels: (n, ...), all finite numbers; true values

        data_range: L, range of the pixel values (maximum minus minimum).

        Formula: \\ell_i = 10 \\log_{10} \\frac{\\mathrm{MSE}_i}{L^2}

        Divisor: the number of samples
        """

    def quality_focal(
        self,
        predictions: Array,
        labels: Array,
        *,
        beta: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Quality focal loss: binary cross entropy against a quality in [0, 1], with a lower weight for scores close to it.

        Use: One-stage object detection whose scores also say how well a box fits.

        mmdet takes the class and its quality; here the quality is 0 in all other classes. The gradient is 0 where the score equals the
        quality.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), [0, 1]; quality to predict, such as the IoU of the box; 0 for a negative

        beta: focusing exponent; 0 gives cross entropy.

        Formula: \\ell = |z - \\sigma(x)|^\\beta \\, \\mathrm{BCE}(x, z)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def quantile(
        self,
        predictions: Array,
        labels: Array,
        *,
        quantile: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Pinball loss, which a quantile minimizes; quantile 0.5 gives half the absolute error.

        Use: Quantile regression, prediction intervals, and probabilistic forecasting of time series.

        The gradient at an error of 0 is 0 (scikit-learn: minus the quantile).

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        quantile: quantile to estimate; 0.9 penalizes underestimates nine times as much as overestimates. Other names: alpha, tau.

        Formula: \\ell = \\max(q u, (q - 1) u), \\quad u = t - x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def quantile_huber(
        self,
        predictions: Array,
        labels: Array,
        quantiles: Array | None = None,
        *,
        kappa: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Quantile Huber loss of every predicted quantile against every draw, as in distributional reinforcement learning.

        Use: Distributional reinforcement learning (QR-DQN), by quantiles of the return.

        Labels are constants by default, as in quantile regression DQN; name them in wrt for their gradient.

        predictions: (n, q), all finite numbers; predicted quantiles

        labels: (n, m), all finite numbers; draws from the true distribution, or its quantiles

        quantiles: (q,), [0, 1]; levels of the predicted quantiles; default: the midpoints (i + 1/2) / q

        kappa: error at which the loss changes from quadratic to linear.

        Formula: \\ell_i = \\sum_q \\frac{1}{m} \\sum_j \\left| \\tau_q - [u < 0] \\right| \\frac{H_\\kappa(u)}{\\kappa}, \\quad u = t_{ij} - x_{iq},
        \\quad H_\\kappa = \\mathrm{huber}

        Divisor: the number of samples; losses are summed over quantiles and averaged over draws
        """

    def r_drop(
        self,
        input1: Array,
        input2: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """R-Drop regularizer: the mean of both directions of the Kullback-Leibler divergence between two passes over the same samples.

        Use: Regularization of models with dropout, such as fine-tuned language models.

        input1: (n, c, ...), all finite numbers; scores of one pass; p is their softmax.

        input2: (n, c, ...), all finite numbers; scores of the other pass; q is their softmax.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell_i = \\frac{1}{2} \\left( \\mathrm{KL}(p \\| q) + \\mathrm{KL}(q \\| p) \\right) = \\frac{1}{2} \\sum_k (p_k - q_k)
        \\log\\frac{p_k}{q_k}

        Divisor: the number of samples (of positions, with further axes) included
        """

    def ramp(
        self,
        predictions: Array,
        labels: Array,
        *,
        cap: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Ramp loss: the hinge loss clipped at an upper bound. The slope at both kinks is 0.

        Use: Binary classification with a maximum margin and outliers or noisy labels.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        cap: c, upper bound of the loss; Collobert's s is 1 - c.

        Formula: \\ell = \\min(c, \\max(0, 1 - t x))

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ranked_probability_score(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Ranked probability score: the sum of the squared errors of the cumulative probabilities of ordered classes.

        Use: Probabilistic forecasting of ordered classes.

        The last cumulative probability is taken as 1 and omitted, so the sum has c - 1 terms.

        predictions: (n, c), [0, 1]; probability of each class, in the order of the classes

        labels: (n,), class indices in [0, c); index of the true class

        Formula: \\ell_i = \\sum_{k=1}^{c-1} \\left( \\sum_{j \\le k} p_{ij} - [y_i \\le k] \\right)^2

        Divisor: the number of samples
        """

    def ranking_softmax(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Softmax ranking loss: cross entropy of the softmax over a list's items, weighted by relevance.

        Use: Learning to rank search results and recommendations by clicks or relevance.

        As in rax and optax, relevances are not normalized. TensorFlow Ranking normalizes them and weights a list by their sum, which gives
        the same numerator.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, infinity); relevances of the items, as weights

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        Formula: \\ell = -\\sum_i y_i \\log \\mathrm{softmax}(s)_i

        Divisor: the number of lists with items (rax)
        """

    def reinforce(
        self,
        logps: Array,
        advantages: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """REINFORCE policy gradient: minus the log-probabilities of the actions taken, weighted by their advantages.

        Use: Reinforcement learning with policy gradients; the policy of an actor-critic; RLOO.

        With a completion's summed log-probability, and its reward minus the mean reward of the others, it is RLOO.

        logps: (n, ...), all finite numbers; anything where mask is 0; log-probabilities of the actions under the policy

        advantages: (n,) or (n, ...), all finite numbers; advantage of each action, or of each sample.

        mask: (n, ...), {0, 1}; 1 for elements to include, 0 for padding

        Formula: \\ell = -A \\log \\pi

        Divisor: the number of elements, without those masked out
        """

    def relational_knowledge_distillation(
        self,
        predictions: Array,
        labels: Array,
        *,
        distance_weight: float = 25.0,
        angle_weight: float = 50.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Relational knowledge distillation: smooth L1 losses of the distances of a student's embeddings, and of their angles, against a
        teacher's.

        Use: Knowledge distillation of embeddings, whose sizes may differ (RKD).

        As in the authors' code, distances are divided by the mean of those that are not 0, and all ordered pairs and triples are averaged,
        a sample with itself among them. The angle at sample i is the cosine of the directions to j and k. Embeddings are not normalized
        here. Time is of the order of n^3 unless angle_weight is 0. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, d), all finite numbers; the student's embeddings, one row per sample.

        labels: (n, e), all finite numbers; the teacher's embeddings, of any size, one row per sample

        distance_weight: weight of the distances; 25 in the paper for classification, 1 for retrieval.

        angle_weight: weight of the angles; 50 in the paper for classification, 2 for retrieval.

        Formula: \\ell_i = \\frac{\\lambda_D}{n} \\sum_j h\\left( \\frac{d^s_{ij}}{\\mu^s} - \\frac{d^t_{ij}}{\\mu^t} \\right) + \\frac{\\lambda_A}{n^2}
        \\sum_{j, k} h\\left( \\cos \\angle^s_{jik} - \\cos \\angle^t_{jik} \\right)

        Divisor: the number of samples
        """

    def relative_l2(
        self,
        predictions: Array,
        labels: Array,
        *,
        p: float = 2.0,
        eps: float = 1e-08,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Norm of the error relative to the norm of the labels, over all further axes of each sample.

        Use: Neural operators (FNO, DeepONet) and surrogates of partial differential equations, whose solutions differ in size.

        neuraloperator's LpLoss sums over the batch by default; the original code of the Fourier neural operator has eps 0. Labels that are
        all 0 are rejected if eps is 0. The gradient is 0 where the error is 0. Gradients are accurate relative to the largest element of
        each tensor.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        p: order of the norms.

        eps: added to the norm of the labels.

        Formula: \\ell_i = \\frac{\\|x_i - t_i\\|_p}{\\|t_i\\|_p + \\epsilon}

        Divisor: the number of samples
        """

    def relative_squared_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Squared error relative to the variance of the labels over the batch; its mean is one minus R squared.

        Use: Regression judged against the mean of the labels, as one minus R squared.

        Each entry of the further axes is an output with its own variance, and the mean is over all outputs, as in torchmetrics. Labels that
        are all equal are rejected.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        Formula: L = \\frac{\\sum_i (x_i - t_i)^2}{\\sum_i (t_i - \\bar t)^2}

        Divisor: the number of elements; each squared error is divided by a variance
        """

    def renyi(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        alpha: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Rényi divergences of the labels from the predictions: Kullback-Leibler (alpha 1), minus twice the log of the Bhattacharyya
        coefficient (1/2).

        Use: Comparison of probability distributions; privacy and variational inference.

        For labels that do not sum to one it is Rényi's generalized form, which divides by their sum; a row of zeros is rejected. Predicted
        probabilities are above 0.

        predictions: (n, c, ...), (0, 1]; q.

        labels: (n, c, ...), [0, 1]; p.

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        alpha: order; at 1 the loss is the limit.

        Formula: \\ell = \\frac{1}{\\alpha - 1} \\log \\frac{\\sum_k p_k^\\alpha q_k^{1 - \\alpha}}{\\sum_k p_k}

        Divisor: the number of samples (of positions, with further axes) included
        """

    def retinanet(
        self,
        class_logits: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        anchors: Array | None = None,
        *,
        alpha: float = 0.25,
        gamma: float = 2.0,
        box_loss: Literal["l1", "smooth_l1", "iou", "giou", "diou", "ciou"] = 'l1',
        beta: float = 0.1,
        box_weight: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "box_deltas", "box_targets"]] = ...,
    ) -> R_co:
        """RetinaNet loss: focal loss of all anchors and classes plus the box loss of foreground anchors, divided by their number per image.

        Use: One-stage object detection (RetinaNet), classes and boxes together.

        As in torchvision, each image is divided by its own number of foreground anchors (at least 1), then averaged over images. detectron2
        uses a running mean of that number over iterations: use `reduction` sum with a factor. The IoU losses decode predictions and targets
        alike, (dx, dy, log w, log h) relative to the anchor, with logarithms bounded by log(1000 / 16). The weight alpha of the CIoU is
        constant in the gradient.

        class_logits: (n, a, k), all finite numbers; raw scores of each anchor, one for each class

        box_deltas: (n, a, 4), all finite numbers; predicted box deltas of each anchor

        labels: (n, a), [-2, infinity); class of each anchor, -1 for background, -2 to ignore

        box_targets: (n, a, 4), all finite numbers; target box deltas; used for anchors with an object

        anchors: (n, a, 4), all finite numbers; x1 <= x2 and y1 <= y2; anchors as x1, y1, x2, y2; required by box_loss diou and ciou, which
        depend on their shapes, and unused by others

        alpha: weight of positives in the focal loss; negatives have 1 - alpha. A negative alpha disables the weighting.

        gamma: focusing exponent.

        box_loss: l1 (torchvision's default) or smooth_l1 (detectron2's) of the deltas; or iou, giou, diou or ciou of the boxes, as both
        libraries have them.

        beta: beta of smooth_l1.

        box_weight: lambda, weight of the box loss.

        Formula: L_i = \\frac{1}{\\max(1, N_i)} \\left( \\sum_{a: y_a \\ge -1} \\sum_k \\mathrm{focal}(x_{ak}, [y_a = k]) + \\lambda \\sum_{a: y_a
        \\ge 0} \\mathrm{box}(d_a, d_a^*) \\right)

        Divisor: the number of images
        """

    def rnnt(
        self,
        predictions: Array,
        labels: Array,
        input_lengths: Array,
        target_lengths: Array,
        *,
        blank: int = -1,
        predictions_are: Literal["logits", "log_probabilities"] = 'logits',
        mean_over: Literal["samples", "tokens", "tokens_of_each"] = 'samples',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """RNN transducer loss: negative log of the total probability of all monotone paths through the lattice of frames and symbols.

        Use: Streaming speech recognition.

        A blank advances to the next frame, a symbol stays in the frame. Every path ends with a blank at the last frame. The scores
        themselves are n t p c numbers, which is what bounds the lengths: 6,000 frames, 100 symbols and 10 classes are 48 MB and take 92 MB
        more.

        predictions: (n, t, p, c), all finite numbers; scores of the symbols at each frame after each number of symbols (p is s + 1)

        labels: (n, s), class indices in [0, c), or -1; true symbols without blanks; symbols beyond the length are padding

        input_lengths: (n,), lengths in [1, t]; number of frames of each sample

        target_lengths: (n,), lengths in [0, s]; number of symbols of each sample

        blank: index of the blank; -1 is the last class, as in torchaudio.

        predictions_are: logits (a softmax is applied, torchaudio's fused_log_softmax), or log-probabilities.

        mean_over: divisor of the mean: the number of samples (torchaudio; NeMo's mean_batch), that of all symbols, at least 1 for each
        sample (NeMo's mean_volume), or that of each sample, and then the number of samples (NeMo's mean).

        Formula: \\ell = -\\log \\sum_{\\text{paths}} \\prod p(\\text{blank or } y_{u+1} \\mid t, u)

        Divisor: the number of samples, or of symbols with mean_over
        """

    def root_mean_squared_error(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Square root of the (weighted) mean of the squared errors.

        Use: Reports of regression in the units of the labels.

        The whole batch is one sample, so per_sample has one number. The gradient is 0 if all errors are 0.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        weight: (n, ...), [0, infinity); weight of each element

        Formula: L = \\sqrt{\\frac{\\sum_i w_i (x_i - t_i)^2}{\\sum_i w_i}}

        Divisor: 1; the mean is under the root
        """

    def root_mean_squared_log_error(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Square root of the (weighted) mean of the squared differences of log(1 + prediction) and log(1 + label).

        Use: Reports of regression of positive numbers where ratios matter, as in sales forecasting.

        The whole batch is one sample, so per_sample has one number. The gradient is 0 if all errors are 0.

        predictions: (n, ...), (-1, infinity); estimates, above -1

        labels: (n, ...), (-1, infinity); true values, above -1

        weight: (n, ...), [0, infinity); weight of each element

        Formula: L = \\sqrt{\\frac{\\sum_i w_i (\\log(1 + x_i) - \\log(1 + t_i))^2}{\\sum_i w_i}}

        Divisor: 1; the mean is under the root
        """

    def rpn(
        self,
        objectness: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        *,
        box_weight: float = 1.0,
        beta: float = 0.1111111111111111,
        normalization: Literal["torchvision", "paper", "detectron2"] = 'torchvision',
        batch_size_per_image: int = 256,
        images: int = 1,
        locations: int = 2400,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["objectness", "box_deltas", "box_targets"]] = ...,
    ) -> R_co:
        """Loss of a region proposal network: binary cross entropy of the objectness and smooth L1 of the box deltas.

        Use: The region proposals of two-stage object detection.

        With the divisors of paper and detectron2, which the options set for a whole request, results over shards merge only if each shard
        has its own.

        objectness: (a,), all finite numbers; objectness logit of each anchor

        box_deltas: (a, 4), all finite numbers; predicted box deltas of each anchor

        labels: (a,), {-1, 0, 1}; 1 object, 0 background, -1 not sampled

        box_targets: (a, 4), all finite numbers; target box deltas; used where the label is 1

        box_weight: lambda, weight of the box loss; 1 in torchvision and detectron2, 10 in the paper.

        beta: beta of smooth_l1; 1/9 in torchvision, 0 in detectron2.

        normalization: torchvision divides both terms by the number of sampled anchors; paper divides by batch_size_per_image and locations;
        detectron2 divides both by batch_size_per_image times images.

        batch_size_per_image: anchors sampled per image; unused by torchvision's normalization.

        images: number of images in the batch; used by detectron2's normalization only.

        locations: number of anchor locations; used by the paper's normalization only.

        Formula: L = \\frac{1}{N_{cls}} \\sum_i \\mathrm{BCE}(o_i, l_i) + \\frac{\\lambda}{N_{reg}} \\sum_{l_i = 1} \\mathrm{smooth\\_l1}(d_i -
        d_i^*)

        Divisor: given by normalization, shared evenly by the anchors with label 0 or 1
        """

    def sac(
        self,
        logps: Array,
        action_values: Array,
        values: Array,
        next_values: Array,
        next_logps: Array,
        rewards: Array,
        done: Array,
        log_alpha: Array | None = None,
        *,
        alpha: float = 1.0,
        discount: float = 0.99,
        criterion: Literal["huber", "squared", "half_squared"] = 'huber',
        target_entropy: float = -1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps", "action_values", "values", "log_alpha"]] = ...,
    ) -> R_co:
        """Soft actor-critic (SAC): the actor's term, the critics', and the temperature's if log_alpha is sent.

        Use: Reinforcement learning of continuous actions, such as robots, with an entropy bonus.

        The actor prefers actions with a large value, by the smallest of the critics, the first of equal ones, and with a small log-
        probability. The critics' terms, added up, are errors against the reward plus the discounted soft value of the next state. `parts`
        has actor, critic and temperature. The gradients of logps and action_values are the actor's alone, that of values the critics', and
        that of log_alpha the temperature's. As in torchrl's SACLoss, the temperature is constant in the other terms and the log-
        probabilities are constant in its own, so the gradient is not the derivative of the value. Stable-Baselines3 has half the squared
        errors (half_squared).

        logps: (n,), all finite numbers; log-probabilities of the actions that the policy samples in the states

        action_values: (n, m), all finite numbers; values of these actions, by each of m critics

        values: (n, m), all finite numbers; values of the actions taken, by each critic

        next_values: (n, m), all finite numbers; values of the policy's actions in the next states, by each target critic

        next_logps: (n,), all finite numbers; log-probabilities of the policy's actions in the next states

        rewards: (n,), all finite numbers; rewards of the steps

        done: (n,), {0, 1}; 1 where the episode ended, 0 elsewhere

        log_alpha: (1,), all finite numbers; logarithm of alpha, in place of the option, for the temperature's term

        alpha: temperature, the weight of the entropy, unless log_alpha is sent (torchrl's alpha_init is 1).

        discount: gamma, discount factor.

        criterion: c, function of the critics' errors: huber with delta 1 (torchrl's smooth_l1), squared e^2, or half_squared e^2 / 2.

        target_entropy: entropy that the temperature's term aims at, usually minus the number of dimensions of an action.

        Formula: \\ell = \\alpha \\log \\pi - \\min_m Q_m + \\sum_m c(q_m - y) - \\log \\alpha \\, (\\log \\pi + H), \\quad y = r + (1 - d) \\gamma
        \\left( \\min_m Q'_m - \\alpha \\log \\pi' \\right)

        Divisor: the number of samples
        """

    def sampled_softmax(
        self,
        predictions: Array,
        negatives: Array,
        log_count: Array | None = None,
        negatives_log_count: Array | None = None,
        hits: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "negatives"]] = ...,
    ) -> R_co:
        """Sampled softmax loss: cross entropy of the true class among itself and the sampled classes.

        Use: Language modeling and recommendation with too many classes for a full softmax.

        predictions: (n,), all finite numbers; score of each sample's true class

        negatives: (n, m), all finite numbers; scores of the sampled classes

        log_count: (n,), all finite numbers; logarithm of the expected count of the true class among the sampled classes; default 0

        negatives_log_count: (n, m), all finite numbers; logarithms of the expected counts of the sampled classes; default 0

        hits: (n, m), {0, 1}; 1 where a sampled class equals the true class, and is excluded

        Formula: \\ell_i = -\\log \\frac{e^{x_i - \\log q_i}}{e^{x_i - \\log q_i} + \\sum_j e^{z_{ij} - \\log q_{ij}}}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def savage(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Savage loss: the squared probability of the wrong class, bounded, so that outliers have little influence.

        Use: Binary classification with outliers or noisy labels.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\left( \\frac{1}{1 + e^{2 t x}} \\right)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def scale_invariant_log(
        self,
        predictions: Array,
        labels: Array,
        *,
        variance_focus: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Scale-invariant log loss: mean squared difference of logarithms of each sample, minus a fraction of the squared mean difference.

        Use: Monocular depth estimation, up to the unknown scale of a scene.

        The paper's fraction is 0.5; 1 gives invariance to the scale of the depths. Later papers use ten times the root, with 0.85.

        predictions: (n, ...), (0, infinity); predicted depths

        labels: (n, ...), (0, infinity); true depths

        variance_focus: lambda, fraction of the squared mean difference.

        Formula: \\ell_i = \\overline{d^2} - \\lambda \\, \\overline{d}^2, \\quad d = \\log x - \\log t

        Divisor: the number of samples
        """

    def scale_shift_invariant_depth(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        form: Literal["mse", "trimmed_mae"] = 'mse',
        trim: float = 0.2,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Half the mean squared or absolute error of inverse depths, after alignment of the scale and shift of each image: the data term of
        MiDaS.

        Use: Monocular depth estimation from mixed data sets, up to the unknown scale and shift of each image.

        The gradient includes the alignment. An image of equal predictions is fitted by the mean of its labels, with gradient 0; MiDaS fits
        it by 0. The median is the lower one, as in torch, of the pixels in the mask alone. An image of equal numbers has the normalized
        numbers 0. MiDaS' trimmed_mae trims over the batch; here, as in the paper, each image. Gradients are accurate relative to the
        largest element of each tensor.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        form: mse: predictions are aligned to the labels by least squares; trimmed_mae: both are normalized by their medians and mean
        deviations.

        trim: share of the pixels of an image to leave out, those with the largest errors, for trimmed_mae.

        Formula: \\ell_i = \\frac{1}{2 M} \\min_{s, b} \\sum_j (s x_j + b - t_j)^2, \\text{ or } \\frac{1}{2 M} \\sum_{j \\in U} |\\hat x_j - \\hat
        t_j|, \\quad \\hat x = \\frac{x - \\mathrm{median}(x)}{\\overline{|x - \\mathrm{median}(x)|}}

        Divisor: the number of pixels in the mask, as in MiDaS' batch-based reduction
        """

    def seesaw(
        self,
        predictions: Array,
        labels: Array,
        class_counts: Array,
        *,
        p: float = 0.8,
        q: float = 2.0,
        eps: float = 0.01,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Seesaw loss: cross entropy in which rarer classes have less weight as negatives, and wrongly predicted classes more.

        Use: Long-tailed object detection and instance segmentation with imbalanced classes.

        The weights are constant in the gradient. mmdetection accumulates the class counts in training, from 1 on, and counts a batch before
        its loss. Here the request has the counts, and `state` returns them including this batch, for the next request. mmdetection's two
        objectness scores are a separate cross entropy.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        class_counts: (c,), [1, 1e+12]; number of training samples of each class

        p: exponent of the mitigation for rarer classes; 0 disables it.

        q: exponent of the compensation for classes with a larger probability; 0 disables it.

        eps: lower bound of the true class's probability in the comparison.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = -\\log \\frac{e^{x_y}}{\\sum_k S_k e^{x_k}}, \\quad S_k = \\min\\left( 1, \\frac{n_k}{n_y} \\right)^p \\max\\left( 1,
        \\frac{\\sigma_k}{\\max(\\sigma_y, \\epsilon)} \\right)^q, \\quad S_y = 1, \\quad \\sigma = \\mathrm{softmax}(x)

        Divisor: the number of positions that are not ignored
        """

    def si_sdr(
        self,
        predictions: Array,
        labels: Array,
        *,
        zero_mean: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative scale-invariant signal-to-distortion ratio of each signal, in decibels.

        Use: Source separation, speech enhancement and denoising of audio signals, whatever their loudness.

        It is 20 log10 of the tangent |alpha t - p| / |alpha t| of the angle, for the best scale alpha. There is no epsilon: proportional
        signals give minus infinity, and orthogonal or silent ones infinity, both errors. torchmetrics' SI-SNR and auraloss' SISDRLoss have
        zero_mean true. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, t), all finite numbers; estimated signals, one per row

        labels: (n, t), all finite numbers; true signals

        zero_mean: subtract the mean of each signal first.

        Formula: \\ell = -10 \\log_{10} \\frac{|\\alpha t|^2}{|\\alpha t - p|^2} = 20 \\log_{10} |\\tan \\theta|, \\quad \\alpha = \\frac{p \\cdot
        t}{|t|^2}

        Divisor: the number of signals
        """

    def siglip(
        self,
        image: Array,
        text: Array,
        logit_scale: Array | None = None,
        logit_bias: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["image", "text", "logit_scale", "logit_bias"]] = ...,
    ) -> R_co:
        """Sigmoid loss of SigLIP: binary cross entropy of whether an image and a text match, for all pairs, by cosine similarity.

        Use: Contrastive learning of images and texts, in large batches.

        Gradients are accurate relative to the largest element of each tensor.

        image: (n, d), all finite numbers; embeddings, one row per sample

        text: (n, d), all finite numbers; embeddings, one row per sample

        logit_scale: (1,), (0, infinity); factor of the cosines, 10 without it; the exponential of the learned parameter.

        logit_bias: (1,), all finite numbers; added to the scaled cosines, -10 without it.

        Formula: \\ell_i = \\sum_j \\mathrm{softplus}(-z_{ij} (t s_{ij} + b)), \\quad z_{ij} = 1 \\text{ where } i = j, \\text{ else } -1

        Divisor: the number of images (not of pairs), as in the paper
        """

    def sigmoid_focal(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        class_alpha: Array | None = None,
        pos_weight: Array | None = None,
        *,
        gamma: float = 2.0,
        alpha: float = 0.25,
        predictions_are: Literal["logits", "probabilities"] = 'logits',
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Sigmoid focal loss: binary cross entropy with a lower weight for well-classified elements.

        Use: Binary and multi-label classification and object detection with imbalanced classes.

        q is the predicted probability of the wrong class, z (1 - p) + (1 - z) p for any label in [0, 1], as in torchvision, optax and
        keras. Libraries differ for labels between 0 and 1: kornia applies the focusing to each term of the entropy, MONAI uses q =
        sigmoid(-(2 z - 1) x), segmentation_models_pytorch q = 1 - exp(-BCE). At x = 1, z = 0.3, without alpha, they give 0.498, 0.363 and
        0.411, and this loss 0.356.

        predictions: (n, ...), all finite numbers; [0, 1] with predictions_are probabilities; raw scores, or probabilities

        labels: (n, ...), [0, 1], or ignore_index; true probabilities, mostly 0 or 1

        mask: (n, ...), {0, 1}; 1 for the elements to include, 0 for the others

        class_alpha: (k,) or (k, 1) or (k, 1, 1) or (k, 1, 1, 1), [0, 1]; alpha of each class, in place of `alpha`: (k,) for the last axis,
        (k, 1, 1) for the channels of (n, k, h, w)

        pos_weight: (k,) or (k, 1) or (k, 1, 1) or (k, 1, 1, 1), [0, infinity); weight of the positive term of the cross entropy, beside
        alpha, aligned as in binary_cross_entropy_with_logits: (k,), (k, 1, 1), or (1,) for all (kornia's pos_weight).

        gamma: focusing exponent; 0 is plain cross entropy.

        alpha: weight of the positive class; the negative class has 1 - alpha. A negative alpha disables the weighting, as in torchvision.

        predictions_are: logits (their sigmoid is the probability), or probabilities. keras clips those to [1e-7, 1 - 1e-7]; here one of 0
        or 1 on the wrong side has an infinite loss, an error.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = \\alpha_t \\, q^\\gamma \\, \\mathrm{BCE}(x, z), \\quad \\alpha_t = \\alpha z + (1 - \\alpha)(1 - z)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def sigmoid_focal_star(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Focal loss without the focusing factor (FL*): a logistic loss with a steeper sigmoid.

        Use: Object detection with imbalanced classes, as a simpler form of the focal loss.

        fvcore's parameter alpha is sample_weight here.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {0, 1}; true classes, 0 or 1

        gamma: steepness; 1 gives the logistic loss.

        Formula: \\ell = \\frac{1}{\\gamma} \\log(1 + e^{-\\gamma s x}), \\quad s = 2 z - 1

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def simpo(
        self,
        chosen_logps: Array,
        rejected_logps: Array,
        *,
        beta: float = 0.1,
        simpo_gamma: float = 0.5,
        label_smoothing: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["chosen_logps", "rejected_logps"]] = ...,
    ) -> R_co:
        """Simple preference optimization: the reward is the mean log-probability of a token, and the chosen completion must win by a margin.

        Use: Fine-tuning of language models by preferences without a reference.

        Send log-probabilities averaged over tokens. Defaults are TRL's; the paper has beta 2 to 2.5 and gamma 0.5 to 1.5.

        chosen_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        rejected_logps: (n,), all finite numbers; log-probabilities of the completions under the policy

        beta: scale of the difference.

        simpo_gamma: margin by which the chosen completion must win.

        label_smoothing: probability that the preference is wrong.

        Formula: \\ell = \\mathrm{softplus}(\\gamma - \\beta (\\overline{\\log \\pi}(c) - \\overline{\\log \\pi}(r)))

        Divisor: the number of pairs
        """

    def sinkhorn_divergence(
        self,
        predictions: Array,
        labels: Array,
        *,
        p: int = 2,
        blur: float = 0.05,
        scaling: float = 0.5,
        iterations: int = 30,
        debias: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Sinkhorn divergence: entropic optimal transport between two sets of points, without its bias.

        Use: Generative models, domain adaptation, registration of point clouds and shapes, by optimal transport.

        As in geomloss, the cost is |x - y|^p / p, points have equal masses, updates are symmetric and in the logarithmic domain, the
        temperature falls from the diameter of the bounding box to the p-th power of blur, and a last update is not averaged. geomloss stops
        where blur is reached; here the number of iterations is given, so that the work is known: more of them come nearer to the fixed
        point, and too few end at a larger blur. Gradients are those of the fixed point (geomloss): the potentials of the last update are
        constant in them. With p 1, geomloss takes squared distances for at least 1e-8, so that equal points are 1e-4 apart. The value is a
        difference: it is 0 for equal sets in the same order, and has an absolute error of about 1e-16 of the largest cost. Gradients are
        accurate relative to the largest element of each tensor.

        predictions: (n, m, d), all finite numbers; m predicted points of each sample

        labels: (n, k, d), all finite numbers; k true points of each sample

        p: exponent of the distance in the cost.

        blur: distance below which points are not told apart; its p-th power is the last temperature.

        scaling: ratio of the blurs of successive iterations, until blur is reached.

        iterations: number of symmetric updates.

        debias: subtract the transport costs of both sets to themselves; without, it is the entropic transport cost.

        Formula: \\ell_i = \\mathrm{OT}_\\varepsilon(x_i, t_i) - \\tfrac{1}{2} \\mathrm{OT}_\\varepsilon(x_i, x_i) - \\tfrac{1}{2}
        \\mathrm{OT}_\\varepsilon(t_i, t_i), \\quad \\varepsilon = \\mathrm{blur}^p

        Divisor: the number of samples
        """

    def siou(
        self,
        predictions: Array,
        labels: Array,
        *,
        theta: float = 4.0,
        convention: Literal["paper", "mmdetection"] = 'paper',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """SCYLLA-IoU loss: 1 - IoU plus half the sum of an angle-aware distance of the centers and a difference in shape.

        Use: Bounding box regression in object detection, with the angle between the centers.

        Lambda is the sine of twice the angle of the line between the centers. At centers with equal x or y the loss has a kink; the
        gradient is the mean of both sides. mmdetection's SIoULoss with neg_gamma=True is the paper's, bounded by 2. For the boxes (0, 0, 2,
        1) and (1, 0, 2, 2) its default gives 0.626141, the paper 0.751222.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        theta: exponent of the shape term; larger values reduce the influence of small differences. The paper searches 2 to 6 and uses 4.

        convention: mmdetection reverses the sign of the exponents of Delta, as its default does, which rewards distant centers, and
        replaces a negative loss by 0.

        Formula: \\ell = 1 - \\mathrm{IoU} + \\frac{\\Delta + \\Omega}{2}, \\quad \\Delta = \\sum_{t = x, y} 1 - e^{-(2 - \\Lambda) \\rho_t}, \\quad
        \\Omega = \\sum_{t = w, h} (1 - e^{-\\omega_t})^\\theta, \\quad \\Lambda = \\frac{2 |c_x| |c_y|}{c_x^2 + c_y^2}, \\quad \\rho_t =
        \\frac{c_t^2}{C_t^2}, \\quad \\omega_t = \\frac{|t - t^*|}{\\max(t, t^*)}

        Divisor: the number of boxes
        """

    def sliced_wasserstein(
        self,
        predictions: Array,
        labels: Array,
        projections: Array,
        *,
        p: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "projections"]] = ...,
    ) -> R_co:
        """Sliced Wasserstein distance, to the power p: the mean over lines of the Wasserstein distance of the points' projections.

        Use: Generative models and comparison of point clouds or features, in many dimensions (sliced optimal transport).

        Sets may have different sizes; points have equal masses, and those of the larger set are split. POT and geomloss draw the directions
        at random; here they are an input, uniform on the sphere for the usual distance. POT's sliced_wasserstein_distance is the p-th root.
        The gradient of equal projections is that of one order. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, m, d), all finite numbers; m predicted points of each sample

        labels: (n, k, d), all finite numbers; k true points of each sample

        projections: (l, d), all finite numbers; directions of the lines, as unit vectors; used as they are

        p: exponent of the distance.

        Formula: \\ell_i = \\frac{1}{L} \\sum_l \\int_0^1 \\left| F^{-1}_{\\langle x_i, \\theta_l \\rangle}(u) - F^{-1}_{\\langle t_i, \\theta_l
        \\rangle}(u) \\right|^p du

        Divisor: the number of samples
        """

    def smooth_ap(
        self,
        embeddings: Array,
        labels: Array,
        *,
        temperature: float = 0.01,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Smooth-AP loss: one minus the average precision of retrieving a sample's class by cosine, with ranks smoothed by sigmoids.

        Use: Image retrieval that is judged by average precision.

        The loss is computed as the share of other samples in each rank, so that it is accurate for a nearly perfect order. As in the
        authors' code, the sample itself is one of the samples to retrieve. Classes may have any sizes; pytorch-metric-learning requires
        equal sizes, and as many classes as samples of each. Time is of the order of n times the pairs of one class. Gradients are accurate
        relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        temperature: tau, divisor of the differences of cosines.

        Formula: \\ell_i = 1 - \\frac{1}{|P_i|} \\sum_{j \\in P_i} \\frac{1 + \\sum_{k \\in P_i, k \\ne j} \\sigma_{ijk}}{1 + \\sum_{k \\ne j}
        \\sigma_{ijk}}, \\quad \\sigma_{ijk} = \\sigma\\left( \\frac{s_{ik} - s_{ij}}{\\tau} \\right), \\quad P_i = \\{j: y_j = y_i\\}

        Divisor: the number of samples
        """

    def smooth_hinge(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Smoothed hinge loss, with the kink rounded over a given width; the default is Rennie's.

        Use: Binary classification with a maximum margin by optimizers that need a smooth loss.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        gamma: width of the rounding; toward 0 the loss tends to hinge.

        Formula: \\ell = 0 \\text{ where } m \\ge 1, \\; 1 - m - \\frac{\\gamma}{2} \\text{ where } m \\le 1 - \\gamma, \\text{ else } \\frac{(1 -
        m)^2}{2 \\gamma}, \\quad m = t x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def smooth_l1(
        self,
        predictions: Array,
        labels: Array,
        *,
        beta: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Smooth L1 loss: quadratic up to beta, linear beyond; the box loss of Fast R-CNN.

        Use: Regression with outliers, and bounding box regression in object detection.

        smooth_l1(beta) is huber(delta=beta) / beta. torchvision's detectors use beta 1/9, detectron2's 0.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        beta: error at which the loss changes from quadratic to linear; 0 gives the absolute error.

        Formula: \\ell = \\frac{e^2}{2\\beta} \\text{ where } |e| < \\beta, \\text{ else } |e| - \\frac{\\beta}{2}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def snr(
        self,
        predictions: Array,
        labels: Array,
        *,
        zero_mean: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative signal-to-noise ratio of each signal, in decibels: its error against the true signal, both by their energies.

        Use: Source separation, speech enhancement and denoising of audio signals whose loudness matters.

        There is no epsilon: an exact signal gives minus infinity, and a silent true one infinity, both errors. auraloss' SNRLoss has
        zero_mean true. Gradients are accurate relative to the largest element of each tensor.

        predictions: (n, t), all finite numbers; estimated signals, one per row

        labels: (n, t), all finite numbers; true signals

        zero_mean: subtract the mean of each signal first.

        Formula: \\ell = -10 \\log_{10} \\frac{|t|^2}{|t - p|^2}

        Divisor: the number of signals
        """

    def soft_dtw(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Soft dynamic time warping: the soft minimum of the cost of an alignment of two series, with squared distances as costs.

        Use: Alignment, averaging and forecasting of time series by their shape.

        It can be negative, and is not 0 for equal series, since the soft minimum is below the minimum. Sums along the paths are kept in two
        float64 numbers each, so that a distant point does not absorb the costs of the others, unless a squared distance is above about 1e30
        times gamma. soft_dtw_divergence is 0 for equal series (normalize = true in tslearn).

        predictions: (n, t, d), all finite numbers; a series of points for each sample

        labels: (n, u, d), all finite numbers; the series to align with, of any length

        gamma: smoothness of the minimum; the limit 0 is dynamic time warping.

        Formula: \\ell = -\\gamma \\log \\sum_{A} \\exp\\left( -\\frac{1}{\\gamma} \\sum_{(i, j) \\in A} \\|x_i - y_j\\|^2 \\right)

        Divisor: the number of samples
        """

    def soft_dtw_divergence(
        self,
        predictions: Array,
        labels: Array,
        *,
        gamma: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Soft-DTW divergence: soft_dtw of two series, less half of that of each series with itself; 0 for equal series.

        Use: Alignment, averaging and forecasting of time series by their shape, with a value that is smallest for equal series.

        tslearn and the implementations in PyTorch have it as soft_dtw with normalize = true, for series of one length only. The value is a
        difference, with an absolute error of about 1e-16 of the largest of its terms. Gradients are accurate relative to the largest
        element of each tensor.

        predictions: (n, t, d), all finite numbers; a series of points for each sample

        labels: (n, u, d), all finite numbers; the series to align with, of any length

        gamma: smoothness of the minimum.

        Formula: \\ell = \\mathrm{sdtw}_\\gamma(x, t) - \\tfrac{1}{2} \\left( \\mathrm{sdtw}_\\gamma(x, x) + \\mathrm{sdtw}_\\gamma(t, t) \\right)

        Divisor: the number of samples
        """

    def soft_f1(
        self,
        predictions: Array,
        labels: Array,
        *,
        average: Literal["macro", "micro"] = 'macro',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus the F1 score of the whole batch, with probabilities in place of predicted labels.

        Use: Binary and multi-label classification that is judged by the F1 score.

        The whole batch is one sample: per_sample has one number. The loss is 0 if nothing is true and nothing is predicted.

        predictions: (n, c), all finite numbers; raw scores of the classes

        labels: (n, c), [0, 1]; true label of each class, mostly 0 or 1

        average: macro: the mean over the classes; micro: one score of all entries together.

        Formula: L = \\frac{1}{C} \\sum_k \\left( 1 - \\frac{2 \\sum_i p_{ik} z_{ik}}{\\sum_i p_{ik} + \\sum_i z_{ik}} \\right), \\quad p = \\sigma(x)

        Divisor: 1
        """

    def soft_margin(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Logistic loss of raw scores with labels -1 and 1.

        Use: Binary classification, logistic regression with labels -1 and 1.

        The value is exact where torch overflows to infinity (for margins below -709) and its gradient to NaN.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\log(1 + e^{-t x})

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def softmax_focal(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        gamma: float = 2.0,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        alpha: float = 1.0,
        predictions_are: Literal["logits", "probabilities"] = 'logits',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Softmax focal loss: cross entropy with a lower weight for well-classified samples.

        Use: Multiclass classification with imbalanced classes, or with many easy samples.

        The per-class alpha of other libraries is `weight`. keras's scalar alpha (0.25 for every class) is a constant factor, `alpha`, which
        is no part of the divisor. kornia and MONAI (use_softmax) divide the mean by positions times classes, regardless of the weights: for
        three classes without weights it is a third of this mean. Their scalar alpha weights class 0 by 1 - alpha and the other classes by
        alpha. kornia's divisor includes ignored positions.

        predictions: (n, c, ...), all finite numbers; [0, 1] with predictions_are probabilities; raw scores or probabilities, one for each
        class

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...)

        weight: (c,), [0, infinity); weight of each class

        gamma: focusing exponent; 0 is plain cross entropy.

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        label_smoothing: share of the target spread evenly over all classes.

        alpha: factor on every class, which is no part of the divisor.

        predictions_are: logits (a softmax is taken), or probabilities, which are taken as they are.

        Formula: \\ell = -\\alpha \\sum_k w_k q_k (1 - p_k)^\\gamma \\log p_k, \\quad p = \\mathrm{softmax}(x)

        Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number
        of positions, as for cross_entropy
        """

    def spherical_score(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Spherical score as a loss: one minus the cosine of the predicted probabilities with the true class.

        Use: Multiclass classification by a proper scoring rule that is bounded.

        The loss is computed from the other classes' share, so that it is accurate for nearly certain predictions. Only the ratios within a
        row matter; a row of zeros is rejected.

        predictions: (n, c), [0, 1]; probability of each class, in the order of the classes

        labels: (n,), class indices in [0, c); index of the true class.

        Formula: \\ell_i = 1 - \\frac{p_{iy}}{\\|p_i\\|}

        Divisor: the number of samples
        """

    def squared_epsilon_insensitive(
        self,
        predictions: Array,
        labels: Array,
        *,
        epsilon: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Square of the absolute error beyond a tolerance.

        Use: Support vector regression (SVR) by optimizers that need a smooth loss.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        epsilon: tolerance; smaller errors have no loss.

        Formula: \\ell = \\max(0, |x - t| - \\epsilon)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def squared_hinge(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Square of the hinge loss.

        Use: Binary classification with a maximum margin, as in a support vector machine (SVM); differentiable.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\max(0, 1 - t x)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def ssd_multibox(
        self,
        class_logits: Array,
        box_deltas: Array,
        labels: Array,
        box_targets: Array,
        *,
        neg_to_pos_ratio: float = 3.0,
        beta: float = 1.0,
        box_weight: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "box_deltas", "box_targets"]] = ...,
    ) -> R_co:
        """SSD MultiBox loss: cross entropy of foreground anchors and of the hardest negatives, plus smooth L1 of the foreground boxes.

        Use: One-stage object detection (SSD), classes and boxes together.

        In each image, the negatives with the largest cross entropy are used, neg_to_pos_ratio for each anchor with an object; of equal ones
        the first. The selection is constant in the gradient. torchvision adds positives a second time if an image has fewer negatives than
        that. With logits (2, 0.5), (0.1, 0.2), (1, -1) and labels 1, 1, 0 its classification term is 2.409274, this one 1.236369.

        class_logits: (n, a, k), all finite numbers; raw scores of each anchor, one for each class

        box_deltas: (n, a, 4), all finite numbers; predicted box deltas of each anchor

        labels: (n, a), class indices in [0, k); class of each anchor, 0 for background

        box_targets: (n, a, 4), all finite numbers; target box deltas; used for anchors with an object

        neg_to_pos_ratio: number of negatives used for each positive.

        beta: beta of smooth_l1.

        box_weight: lambda, weight of the box loss.

        Formula: L = \\frac{1}{N} \\sum_{a \\in P \\cup H} \\mathrm{CE}(x_a, y_a) + \\frac{\\lambda}{N} \\sum_{a \\in P} \\mathrm{smooth\\_l1}(d_a -
        d_a^*), \\quad N = |P|

        Divisor: the number of anchors with an object in the batch; without any the value is 0
        """

    def ssim(
        self,
        predictions: Array,
        labels: Array,
        *,
        window_size: int = 11,
        sigma: float = 1.5,
        data_range: float = 1.0,
        k1: float = 0.01,
        k2: float = 0.03,
        convention: Literal["monai", "kornia"] = 'monai',
        window: Literal["gaussian", "uniform"] = 'gaussian',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Structural similarity (SSIM) loss of images or volumes: one minus the SSIM of all windows, with Gaussian or equal weights.

        Use: Image similarity and restoration as people see it: super-resolution, compression, depth estimation.

        Variances and covariance are weighted, without Bessel's correction. MONAI computes in float32. kornia fixes sigma at 1.5, adds 1e-12
        to the denominator (two black images have the loss 5.6e-6 there, 0 here), and clips the loss to [0, 1].

        predictions: (n, c, h, w) or (n, c, d, h, w), all finite numbers; predicted images (n, c, h, w) or volumes (n, c, d, h, w)

        labels: (n, c, h, w) or (n, c, d, h, w), all finite numbers; true images or volumes

        window_size: side of the windows, an odd number.

        sigma: standard deviation of the Gaussian, in pixels.

        data_range: L, range of the pixel values (maximum minus minimum).

        k1: factor of the constant that stabilizes the luminance.

        k2: factor of the constant that stabilizes the contrast.

        convention: monai is 1 - SSIM of all windows inside the image; kornia is half of it, for windows around every pixel, with reflection
        at the edges.

        window: weights of the pixels of a window: gaussian, or uniform for equal ones (scikit-image and MONAI's kernel_type have both).
        sigma is unused by uniform.

        Formula: \\ell = 1 - \\frac{(2 \\mu_x \\mu_y + c_1)(2 \\sigma_{xy} + c_2)}{(\\mu_x^2 + \\mu_y^2 + c_1)(\\sigma_x^2 + \\sigma_y^2 + c_2)},
        \\quad c_i = (k_i L)^2

        Divisor: the number of windows of all channels
        """

    def student_t_nll(
        self,
        predictions: Array,
        labels: Array,
        scale: Array,
        *,
        degrees_of_freedom: float = 3.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "scale"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of Student's t distribution with predicted location and scale; outliers have little influence.

        Use: Probabilistic regression and forecasting with uncertainty and heavy tails.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: (n, ...), (0, infinity); s, the scale of the errors.

        degrees_of_freedom: nu; smaller values give heavier tails.

        Formula: \\ell = \\log\\Gamma\\left(\\tfrac{\\nu}{2}\\right) - \\log\\Gamma\\left(\\tfrac{\\nu + 1}{2}\\right) + \\tfrac{1}{2}\\log(\\nu\\pi) + \\log
        s + \\frac{\\nu + 1}{2} \\log\\left(1 + \\frac{(x - t)^2}{\\nu s^2}\\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def subcenter_arcface(
        self,
        embeddings: Array,
        weight: Array,
        labels: Array,
        *,
        margin: float = 0.5,
        scale: float = 64.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings", "weight"]] = ...,
    ) -> R_co:
        """Sub-center ArcFace: ArcFace with several vectors per class, of which the nearest is used, so that outliers gather at the others.

        Use: Face recognition with noisy labels.

        Of equally near vectors the first is used. With one vector per class it is arcface. Gradients are accurate relative to the largest
        element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        weight: (c, k, d), all finite numbers; k learned vectors of each class

        labels: (n,), class indices in [0, c); class of each sample

        margin: added to the angle of the true class, in radians; pytorch-metric-learning's 28.6 degrees are 0.5.

        scale: factor of the cosines.

        Formula: \\ell = -\\log \\frac{e^{s \\cos(\\theta_y + m)}}{e^{s \\cos(\\theta_y + m)} + \\sum_{j \\ne y} e^{s \\cos \\theta_j}}, \\quad \\theta_j
        = \\min_k \\angle(x, w_{jk})

        Divisor: the number of samples
        """

    def supcon(
        self,
        embeddings: Array,
        labels: Array,
        *,
        temperature: float = 0.1,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["embeddings"]] = ...,
    ) -> R_co:
        """Supervised contrastive loss: mean cross entropy of identifying an anchor's positives among all other samples by cosine similarity.

        Use: Contrastive learning of features with class labels.

        The mean is outside the logarithm (the paper's L_out). The denominator has all other samples, including positives. The paper's code
        multiplies by T / 0.07. Gradients are accurate relative to the largest element of each tensor.

        embeddings: (n, d), all finite numbers; embeddings, one row per sample

        labels: (n,), all finite numbers; class of each sample, as any integer

        temperature: divisor of the cosines; 0.1 in pytorch-metric-learning, 0.07 in the paper's code.

        Formula: \\ell_i = -\\frac{1}{|P_i|} \\sum_{p \\in P_i} \\log \\frac{e^{s_{ip} / T}}{\\sum_{k \\ne i} e^{s_{ik} / T}}

        Divisor: the number of anchors with a positive
        """

    def swav(
        self,
        predictions: Array,
        labels: Array,
        *,
        temperature: float = 0.1,
        sinkhorn_epsilon: float = 0.05,
        sinkhorn_iterations: int = 3,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """SwAV loss: cross entropy of one view's assignment to prototypes against the other view's code, balanced over the prototypes.

        Use: Self-supervised learning of image features by clustering.

        The codes are computed by Sinkhorn iterations over the whole batch (prototypes, then samples), in logarithms, and are constant in
        the gradient. Send each pair of views in its own request. Results over shards of a batch do not merge.

        predictions: (n, k), all finite numbers; x, similarities of one view to the prototypes.

        labels: (n, k), all finite numbers; y, similarities of the other view.

        temperature: T, divisor of the similarities of the predictions.

        sinkhorn_epsilon: epsilon, divisor of the similarities of the code.

        sinkhorn_iterations: number of Sinkhorn iterations.

        Formula: \\ell_i = -\\sum_k q_{ik} \\log p_{ik}, \\quad p = \\mathrm{softmax}(x / T), \\quad q = e^{y / \\epsilon} \\text{ with } q_{ik}
        \\leftarrow \\frac{q_{ik}}{\\sum_j q_{jk}}, \\; q_{ik} \\leftarrow \\frac{q_{ik}}{\\sum_j q_{ij}} \\text{ in turn}

        Divisor: the number of samples
        """

    def symmetric_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        alpha: float = 0.1,
        beta: float = 1.0,
        log_zero: float = -4.0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Symmetric cross entropy: cross entropy plus the reverse cross entropy, of the label relative to the prediction.

        Use: Multiclass classification with noisy labels.

        With one true class the reverse term is -log_zero (1 - p).

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...), class indices in [0, c), or ignore_index; index of the true class

        weight: (c,), [0, infinity); weight of each class

        alpha: weight of the cross entropy.

        beta: weight of the reverse cross entropy.

        log_zero: A, value used for log 0.

        ignore_index: label of the positions to ignore.

        Formula: \\ell = w_y \\left( -\\alpha \\log p_y - \\beta \\sum_k p_k \\log q_k \\right), \\quad \\log 0 := A

        Divisor: the sum of the true classes' weights over positions that are not ignored
        """

    def symmetric_mean_absolute_percentage_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        scale: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Absolute error as a fraction of the mean size of the two numbers, between 0 and 2.

        Use: Forecasting of time series whose numbers may be near zero; used by the M competitions.

        The loss of two zeros is 0. The gradient is 0 for equal numbers and for numbers of different sign (where the loss is 2). If one
        number is 0, the gradient is the mean of the one-sided derivatives.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        scale: factor of the loss; 100 gives percent, 50 the form between 0 and 100.

        Formula: \\ell = s \\frac{2 |x - t|}{|x| + |t|}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def tangent(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Tangent loss: bounded, and it penalizes margins that are too large as well.

        Use: Binary classification with outliers or noisy labels, as in boosting for vision.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = \\left( 2 \\arctan(t x) - 1 \\right)^2

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def taylor_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        order: int = 2,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Taylor series of the cross entropy in 1 - p, truncated after `order` terms.

        Use: Multiclass classification with noisy labels.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        labels: (n, ...) or (n, c, ...), class indices in [0, c), or ignore_index or [0, 1]; index of the true class (n, ...), or the
        probability of each class (n, c, ...)

        weight: (c,), [0, infinity); weight of each class

        order: t, number of terms; 1 gives half of mae_probability, and more terms approach cross entropy.

        ignore_index: class index to ignore; not allowed with probabilities as labels.

        Formula: \\ell = \\sum_k w_k q_k \\sum_{i=1}^{t} \\frac{(1 - p_k)^i}{i}, \\quad p = \\mathrm{softmax}(x)

        Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number
        of positions, as for cross_entropy
        """

    def td(
        self,
        predictions: Array,
        next_values: Array,
        rewards: Array,
        done: Array,
        *,
        discount: float = 0.99,
        criterion: Literal["huber", "squared", "half_squared"] = 'squared',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Temporal-difference error of state values against the reward plus the discounted value of the next state.

        Use: State values in reinforcement learning; the critic of an actor-critic.

        The target is constant, so the gradient is a semi-gradient.

        predictions: (n, ...), all finite numbers; values of the states

        next_values: (n, ...), all finite numbers; values of the next states, usually from a target network

        rewards: (n, ...), all finite numbers; rewards of the steps

        done: (n, ...), {0, 1}; 1 where the episode ended, 0 elsewhere

        discount: gamma, discount factor.

        criterion: c, function of the error: squared e^2, half_squared e^2 / 2, or huber with delta 1.

        Formula: \\ell = c(v - y), \\quad y = r + (1 - d) \\gamma v'

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def tdt(
        self,
        predictions: Array,
        duration_predictions: Array,
        labels: Array,
        durations: Array,
        input_lengths: Array,
        target_lengths: Array,
        *,
        blank: int = -1,
        sigma: float = 0.0,
        mean_over: Literal["samples", "tokens", "tokens_of_each"] = 'samples',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "duration_predictions"]] = ...,
    ) -> R_co:
        """Token-and-duration transducer loss: negative log of the total probability of all paths, each of whose steps has a symbol or blank
        and a duration.

        Use: Speech recognition whose decoder skips frames, as in NeMo's Parakeet models.

        A step advances by its duration in frames, which is above 0 for a blank. Every path ends with a blank whose duration leads exactly
        behind the last frame; without such a path the loss is infinite, an error. NeMo has both scores in one tensor, durations last. Its
        omega replaces the loss of some batches by rnnt.

        predictions: (n, t, p, c), all finite numbers; scores of the symbols at each frame after each number of symbols (p is s + 1)

        duration_predictions: (n, t, p, k), all finite numbers; scores of the durations at each frame after each number of symbols

        labels: (n, s), class indices in [0, c), or -1; true symbols without blanks; symbols beyond the length are padding

        durations: (k,), [0, infinity); frames by which a step of each duration advances, such as 0, 1, 2, 3, 4

        input_lengths: (n,), lengths in [1, t]; number of frames of each sample

        target_lengths: (n,), lengths in [0, s]; number of symbols of each sample

        blank: index of the blank; -1 is the last class, as in NeMo.

        sigma: subtracted from each log-probability of a symbol or blank, so that paths of fewer steps are preferred.

        mean_over: divisor of the mean: the number of samples (torchaudio; NeMo's mean_batch), that of all symbols, at least 1 for each
        sample (NeMo's mean_volume), or that of each sample, and then the number of samples (NeMo's mean).

        Formula: \\ell = -\\log \\sum_{\\text{paths}} \\prod e^{-\\sigma} \\, p(\\text{blank or } y_{u+1} \\mid t, u) \\, p(d \\mid t, u)

        Divisor: the number of samples, or of symbols with mean_over
        """

    def token_cross_entropy(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Cross entropy of language models, averaged over the included tokens; the perplexity is exp(value).

        Use: Language modeling: next token prediction, masked language models, and translation.

        Labels are aligned with their scores: for next-token prediction, shift them by one beforehand. A sample is a sequence, and
        per_sample is its mean over its own tokens.

        predictions: (n, t, c), all finite numbers; raw scores of the vocabulary at each position

        labels: (n, t), class indices in [0, c), or ignore_index; true token of each position, aligned with its scores

        mask: (n, t), {0, 1}; 1 for the positions to include

        ignore_index: label of the positions to ignore.

        label_smoothing: share of the target spread evenly over all tokens of the vocabulary.

        z_loss: zeta, the coefficient of the squared log-sum-exp (PaLM: 1e-4).

        Formula: \\ell = -\\sum_k q_k \\log p_k + \\zeta \\left( \\log \\sum_k e^{x_k} \\right)^2, \\quad p = \\mathrm{softmax}(x)

        Divisor: the number of tokens included
        """

    def total_variation(
        self,
        predictions: Array,
        *,
        average: Literal["sum", "mean"] = 'sum',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Total variation: the sum of absolute differences of adjacent pixels in rows and columns, for each image.

        Use: Denoising and regularization of generated images, as in style transfer.

        It is anisotropic, as in kornia, torchmetrics and TensorFlow, and averaged over images. The gradient of a difference of 0 is 0.

        predictions: (n, c, h, w), all finite numbers; predicted images

        average: sum of the differences of an image; or the mean of those in rows plus the mean of those in columns, over all channels
        (kornia's reduction mean).

        Formula: \\ell_i = \\sum_{c u v} |x_{u+1, v} - x_{uv}| + |x_{u, v+1} - x_{uv}|

        Divisor: the number of images
        """

    def total_variation_distance(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Total variation distance: the largest difference between the probabilities of any event under two distributions. The gradient at a
        tie is 0.

        Use: Comparison of probability distributions, symmetric and bounded.

        predictions: (n, c, ...), [0, 1]; predicted probability of each class

        labels: (n, c, ...), [0, 1]; true probability of each class

        mask: (n, ...), {0, 1}; 1 for the positions to include, 0 for the others

        Formula: \\ell = \\frac{1}{2} \\sum_k |p_k - q_k|

        Divisor: the number of samples (of positions, with further axes) included
        """

    def triplet_margin(
        self,
        anchor: Array,
        positive: Array,
        negative: Array,
        *,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-06,
        swap: bool = False,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["anchor", "positive", "negative"]] = ...,
    ) -> R_co:
        """Triplet margin loss: the anchor's distance to the positive minus that to the negative, plus a margin, at least 0.

        Use: Metric learning of embeddings by triplets: face recognition, image retrieval, sentence similarity.

        eps is added to each coordinate difference, as in torch (optax adds it inside the root). The loss is exact where torch loses the
        difference of two nearly equal distances, and where its norms overflow or underflow. As in torch, the gradient at the margin is that
        of the slope, at equal distances with swap each has half of it, and the gradient of a distance of 0 is 0. Gradients are accurate
        relative to the largest element of each tensor.

        anchor: (n, d), all finite numbers; embeddings, one row per sample

        positive: (n, d), all finite numbers; embeddings, one row per sample

        negative: (n, d), all finite numbers; embeddings, one row per sample

        margin: margin by which the negative must be farther than the positive.

        p: degree of the norm.

        eps: added to each coordinate difference.

        swap: use the distance between positive and negative where it is smaller (Balntas).

        Formula: \\ell = \\max(0, d(a, p) - d(a, n) + m), \\quad d(x, y) = \\lVert x - y + \\epsilon \\rVert_p

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def triplet_margin_with_distance(
        self,
        anchor: Array,
        positive: Array,
        negative: Array,
        *,
        distance: Literal["euclidean", "squared_euclidean", "cosine", "manhattan", "minkowski"] = 'euclidean',
        margin: float = 1.0,
        swap: bool = False,
        eps: float = 1e-06,
        p: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["anchor", "positive", "negative"]] = ...,
    ) -> R_co:
        """Triplet margin loss with a choice of distances.

        Use: Metric learning of embeddings by triplets, with another distance.

        Kinks as in triplet_margin. A zero vector has cosine 0, so that its cosine distance is 1 and its gradient 0. Gradients are accurate
        relative to the largest element of each tensor.

        anchor: (n, d), all finite numbers; embeddings, one row per sample

        positive: (n, d), all finite numbers; embeddings, one row per sample

        negative: (n, d), all finite numbers; embeddings, one row per sample

        distance: euclidean (torch's default), squared_euclidean (FaceNet), cosine (1 - cos), manhattan, or minkowski, the norm of degree p
        of the difference.

        margin: margin by which the negative must be farther than the positive.

        swap: use the distance between positive and negative where it is smaller.

        eps: added to each coordinate difference by the euclidean and minkowski distances, as torch's PairwiseDistance does; the others are
        exact.

        p: degree of the minkowski distance.

        Formula: \\ell = \\max(0, d(a, p) - d(a, n) + m)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def tukey_biweight(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 4.685,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Tukey's biweight: about half the squared error near zero, constant beyond c.

        Use: Robust regression where outliers must have no influence, as in M-estimation.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: error beyond which the loss is constant; 4.685 is 95 % efficient for normal errors.

        Formula: \\ell = \\frac{c^2}{6} \\left( 1 - \\left( 1 - (e / c)^2 \\right)^3 \\right) \\text{ where } |e| \\le c, \\text{ else }
        \\frac{c^2}{6}, \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def tversky(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        mask: Array | None = None,
        *,
        alpha: float = 0.5,
        beta: float = 0.5,
        activation: Literal["none", "sigmoid", "softmax"] = 'none',
        smooth_nr: float = 1e-05,
        smooth_dr: float = 1e-05,
        include_background: bool = True,
        batch: bool = False,
        classes_are: Literal["apart", "together"] = 'apart',
        intersection: Literal["product", "minimum"] = 'product',
        absent: Literal["as_is", "zero", "leave_out"] = 'as_is',
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Tversky loss: Dice with separate weights of false positives and false negatives.

        Use: Segmentation of small objects, where missed pixels cost more than false ones, or the reverse.

        alpha is the weight of false positives and beta of false negatives, except in keras, where alpha is that of false negatives. The
        loss of 0 / 0 is 0.

        predictions: (n, c, ...), all finite numbers; [0, 1] with activation none; predicted masks, probabilities or (with `activation`)
        logits

        labels: (n, c, ...) or (n, ...), [0, 1], or ignore_index or class indices in [0, c), or ignore_index; true masks (n, c, ...) in [0,
        1], or the index of the true class (n, ...)

        weight: (c,), [0, infinity); weight of each class

        mask: (n, ...) or (n, c, ...), {0, 1}; 1 for the positions, or the elements (n, c, ...), to include, 0 for the others

        alpha: weight of false positives.

        beta: weight of false negatives.

        activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.

        smooth_nr: added to the numerator.

        smooth_dr: added to the denominator.

        include_background: include class 0; a single class is always included.

        batch: sum over the whole batch instead of over each sample.

        classes_are: apart gives each class a score of its own; together sums over all classes for one score, as keras does, and takes no
        weight.

        intersection: intersection of soft masks: product sums p t; minimum sums min(p, t), which is largest where p = t for any t in [0, 1]
        (MONAI's soft_label, segmentation_models_pytorch). Both are equal for labels of 0 and 1.

        absent: classes that the labels do not have, within the sample (or the batch): as_is counts them as any other class (MONAI, keras),
        zero gives them the loss 0 (segmentation_models_pytorch), leave_out excludes them from the mean.

        ignore_index: label of the positions to ignore.

        Formula: \\ell_c = 1 - \\frac{TP + s_{nr}}{TP + \\alpha FP + \\beta FN + s_{dr}}, \\quad TP = \\sum p t, \\; FP = \\sum p (1 - t), \\; FN =
        \\sum (1 - p) t

        Divisor: samples (1 with batch) times the classes included, regardless of their weights
        """

    def tweedie_deviance(
        self,
        predictions: Array,
        labels: Array,
        *,
        power: float = 1.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Tweedie deviance of any power that has one: twice the negative log-likelihood minus its minimum.

        Use: Regression of amounts as a generalized linear model (GLM), such as insurance claims and rainfall.

        Power 0 is mean_squared_error, which takes predictions of any sign; 1 is poisson_deviance, 2 gamma_deviance and 3
        inverse_gaussian_deviance. Between 0 and 1 there is no such distribution, and the power is rejected. Labels are at least 0 from
        power 1 on, above 0 from 2 on, and of any sign below. scikit-learn's default is power 0, and its predictions may have any sign for
        it.

        predictions: (n, ...), (0, infinity); x, the means, above 0.

        labels: (n, ...), all finite numbers; true values; at least 0 from power 1 on, above 0 from 2 on

        power: p, the exponent of the mean in the variance; at 0, 1 and 2 the loss is the limit.

        Formula: D = 2 \\left( \\frac{\\max(t, 0)^{2 - p}}{(1 - p)(2 - p)} - \\frac{t x^{1 - p}}{1 - p} + \\frac{x^{2 - p}}{2 - p} \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def tweedie_nll(
        self,
        predictions: Array,
        labels: Array,
        *,
        power: float = 1.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a Tweedie distribution, for zeros and positive numbers such as rainfall or insurance claims.

        Use: Regression of amounts with many zeros.

        Terms independent of the prediction are omitted, as in boosting libraries and scikit-learn. Power 1 is poisson_nll and power 2
        gamma_nll, where the formula has poles.

        predictions: (n, ...), all finite numbers; x, the logarithms of the means.

        labels: (n, ...), [0, infinity); true counts, or any numbers of at least 0

        power: p, the exponent of the mean in the variance.

        Formula: \\ell = \\frac{e^{(2 - p) x}}{2 - p} - t \\frac{e^{(1 - p) x}}{1 - p}

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def unhinged(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Unhinged loss: one minus the margin, unbounded below, and robust to symmetric label noise.

        Use: Binary classification with noisy labels.

        predictions: (n, ...), all finite numbers; raw scores; their sign is the predicted class

        labels: (n, ...), {-1, 1}; true classes as signs, -1 or 1

        Formula: \\ell = 1 - t x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def unique_softmax(
        self,
        predictions: Array,
        labels: Array,
        mask: Array | None = None,
        weight: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Unique softmax loss: softmax cross entropy of each item among itself and the less relevant items, weighted by its gain.

        Use: Learning to rank search results and recommendations with graded relevance.

        predictions: (n, m), all finite numbers; scores of the items

        labels: (n, m), [0, 64]; graded relevances y of the items; their gain is 2^y - 1

        mask: (n, m), {0, 1}; 1 for items, 0 for padding

        weight: (n, m), [0, infinity); weight of each item, 1 without it; no part of the divisor

        Formula: \\ell = -\\sum_i (2^{y_i} - 1) \\log \\frac{e^{s_i}}{e^{s_i} + \\sum_{y_j < y_i} e^{s_j}}

        Divisor: the number of lists with items (rax)
        """

    def varifocal(
        self,
        predictions: Array,
        labels: Array,
        *,
        alpha: float = 0.75,
        gamma: float = 2.0,
        iou_weighted: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Varifocal loss: binary cross entropy against a quality, with positives weighted by it and negatives (quality 0) by a focal factor.

        Use: One-stage object detection whose scores rank boxes by their quality.

        The weights are part of the gradient, as in mmdet.

        predictions: (n, ...), all finite numbers; raw scores; their sigmoid is the probability

        labels: (n, ...), [0, 1]; quality to predict, such as the IoU of the box; 0 for a negative

        alpha: weight of negatives.

        gamma: focusing exponent of negatives.

        iou_weighted: weight positives by their quality instead of by 1.

        Formula: \\ell = q \\, \\mathrm{BCE}(x, q) \\text{ for } q > 0, \\quad \\alpha \\, \\sigma(x)^\\gamma \\, \\mathrm{softplus}(x) \\text{ for } q
        = 0

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def variogram_score(
        self,
        predictions: Array,
        labels: Array,
        weight: Array | None = None,
        *,
        p: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Variogram score: squared errors of the ensemble's mean powers of coordinate differences; sensitive to wrong correlations, unlike the
        energy score.

        Use: Probabilistic forecasting of vectors by an ensemble, with correct correlations.

        The sum is over all ordered pairs, as in scoringrules, so each pair is included twice. Adding a constant to all coordinates has no
        effect. The derivative of a power of a difference of 0 is 0.

        predictions: (n, m, d), all finite numbers; members of the predicted ensemble

        labels: (n, d), all finite numbers; true vectors

        weight: (d, d), [0, infinity); weight of each pair of coordinates; default 1

        p: order of the variogram; 1/2 in the paper, 1 by default in scoringrules.

        Formula: \\ell_i = \\sum_{a,b} w_{ab} \\left( |t_{ia} - t_{ib}|^p - \\frac{1}{m} \\sum_j |x_{ija} - x_{ijb}|^p \\right)^2

        Divisor: the number of samples
        """

    def vespo(
        self,
        logps: Array,
        old_logps: Array,
        advantages: Array,
        mask: Array | None = None,
        importance_weights: Array | None = None,
        *,
        vespo_k_pos: float = 2.0,
        vespo_lambda_pos: float = 3.0,
        vespo_k_neg: float = 3.0,
        vespo_lambda_neg: float = 2.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["logps"]] = ...,
    ) -> R_co:
        """Variational sequence-level soft policy optimization: REINFORCE with a smooth weight of the whole completion's ratio in place of a
        clip.

        Use: Off-policy reinforcement learning of language models, stable with stale samples.

        w is the product of the ratios of a completion's tokens and of its importance weights, within [1e-8, e^20], each ratio within e^-20
        and e^20. The weight is 1 at w = 1 and constant in the gradient, so the gradient is not the derivative of the value. As in TRL,
        whose lambda is at least 1e-4.

        logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy

        old_logps: (n, t), all finite numbers; anything where mask is 0; log-probabilities of the tokens under the policy that generated
        them

        advantages: (n,) or (n, t), all finite numbers; advantage of each completion within its group (n,), or of each token (n, t)

        mask: (n, t), {0, 1}; 1 for the completion's tokens, 0 for the others

        importance_weights: (n,) or (n, t), [0, infinity); ratio of the training to the sampling engine, for each completion (n,) or token
        (n, t), a factor of w.

        vespo_k_pos: k where the advantage is at least 0.

        vespo_lambda_pos: lambda where the advantage is at least 0.

        vespo_k_neg: k where the advantage is negative.

        vespo_lambda_neg: lambda where the advantage is negative.

        Formula: \\ell_{it} = -\\mathrm{sg}\\left( w_i^k e^{\\lambda (1 - w_i)} \\right) A_{it} \\log \\pi_{it}, \\quad w_i = \\prod_t
        \\frac{\\pi_{it}}{\\pi_{old,it}}

        Divisor: the number of tokens
        """

    def vicreg(
        self,
        input1: Array,
        input2: Array,
        *,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        eps: float = 0.0001,
        variance: Literal["halved", "whole"] = 'halved',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["input1", "input2"]] = ...,
    ) -> R_co:
        """VICReg loss: the distance of two views, plus penalties on small variances and on covariances of the features.

        Use: Self-supervised learning of features without negatives, also of different kinds of data.

        Variances and covariances are divided by n - 1 (by 1 for a single sample, where they are 0). Where a deviation is 1 its gradient is
        0. Gradients are accurate relative to the largest element of each tensor.

        input1: (n, d), all finite numbers; embeddings, one row per sample

        input2: (n, d), all finite numbers; embeddings, one row per sample

        invariance_weight: lambda, weight of the distance of the views.

        variance_weight: mu, weight of the variance terms.

        covariance_weight: nu, weight of the covariance terms.

        eps: added to the variances.

        variance: halved averages the variance terms of the two views (the authors' code, lightly, pytorch-metric-learning); whole adds them
        (the paper's equation).

        Formula: \\ell = \\frac{\\lambda}{nd} \\sum_b |z^1_b - z^2_b|^2 + \\sum_{v} \\left( \\frac{\\mu}{2d} \\sum_j \\max\\left(0, 1 -
        \\sqrt{\\mathrm{Var}(z^v_j) + \\epsilon}\\right) + \\frac{\\nu}{d} \\sum_{i \\ne j} \\mathrm{Cov}(z^v_i, z^v_j)^2 \\right)

        Divisor: 1
        """

    def von_mises_nll(
        self,
        predictions: Array,
        labels: Array,
        concentration: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "concentration"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a von Mises distribution, the analogue of the normal distribution for angles in radians.

        Use: Regression of angles and directions, such as orientation and wind.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        concentration: (n, ...), (0, infinity); kappa, approximately the inverse of the variance.

        Formula: \\ell = \\log\\left(2 \\pi I_0(\\kappa)\\right) - \\kappa \\cos(x - t)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def wasserstein_1d(
        self,
        predictions: Array,
        labels: Array,
        *,
        p: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Wasserstein distance, to the power p, of two samples of equal size in one dimension, which pairs them in sorted order.

        Use: Comparison of samples on a line (earth mover's distance), as sliced distances use it.

        The gradient is 0 for equal partners. For equal numbers within a sample, it is that of one order.

        predictions: (n, m), all finite numbers; numbers drawn from the predicted distribution, in any order

        labels: (n, m), all finite numbers; numbers drawn from the true distribution, in any order

        p: exponent of the distance.

        Formula: \\ell_i = \\frac{1}{m} \\sum_k |x_{i(k)} - t_{i(k)}|^p

        Divisor: the number of samples; each is a mean over its m numbers
        """

    def weibull_nll(
        self,
        predictions: Array,
        labels: Array,
        concentration: Array,
        events: Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels", "concentration"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a Weibull distribution with predicted scale and concentration (shape), of times that may be right-
        censored.

        Use: Regression of lifetimes and wind speeds.

        predictions: (n, ...), (0, infinity); x, the scales, above 0.

        labels: (n, ...), (0, infinity); true values, above 0

        concentration: (n, ...), (0, infinity); k, the shapes, above 0.

        events: (n, ...), {0, 1}; e, 1 where the label is the time of an event, 0 where it is a time without an event so far (right
        censoring); 1 by default.

        Formula: \\ell = \\left(\\frac{t}{x}\\right)^k - e \\left( k \\log\\frac{t}{x} - \\log t + \\log k \\right)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def weighted_interval_score(
        self,
        lower: Array,
        upper: Array,
        median: Array,
        labels: Array,
        alphas: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["lower", "upper", "median", "labels"]] = ...,
    ) -> R_co:
        """Weighted interval score: interval scores of several central intervals and the absolute error of the median, an approximation of the
        CRPS.

        Use: Probabilistic forecasting by quantiles or intervals, as in the hubs of epidemic forecasts.

        The weights are those of the paper: alpha / 2 for intervals, 1/2 for the median. It is twice the mean pinball loss of all the
        quantiles. scoringrules 0.10 adds m / 2 in place of |t - m| / 2: in the example it gives 0.42, here 0.36. The gradient at the edge
        of an interval is that of a label inside, and 0 at an error of 0 of the median.

        lower: (n, ..., k), all finite numbers; l, the lower ends: quantiles alpha / 2.

        upper: (n, ..., k), all finite numbers; u, the upper ends: quantiles 1 - alpha / 2.

        median: (n, ...), all finite numbers; predicted medians

        labels: (n, ...), all finite numbers; true values

        alphas: (k,), (0, 1]; expected share of labels outside of each interval: 0.1 for one of 90 %

        Formula: \\ell = \\frac{1}{K + \\frac{1}{2}} \\left( \\frac{|t - m|}{2} + \\sum_{k=1}^K \\left( \\frac{\\alpha_k}{2} (u_k - l_k) + \\max(0,
        l_k - t) + \\max(0, t - u_k) \\right) \\right)

        Divisor: the number of labels
        """

    def weighted_mean_absolute_percentage_error(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Sum of the absolute errors divided by the sum of the absolute true numbers. The gradient at an error of 0 is 0.

        Use: Forecasting of demand over many products, some with zeros.

        The loss is a ratio of sums; reduction sum returns the numerator alone. A sample whose true numbers are all 0 has weight 0 and
        per_sample 0.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        Formula: L = \\frac{\\sum_i |x_i - t_i|}{\\sum_i |t_i|}

        Divisor: the sum of the absolute values of the true numbers
        """

    def welsch(
        self,
        predictions: Array,
        labels: Array,
        *,
        c: float = 1.0,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """One minus a Gaussian of the error, so that an outlier has loss 1 and no influence.

        Use: Robust regression where outliers must have no influence, as in registration.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        c: scale of the errors.

        Formula: \\ell = 1 - \\exp\\left(-\\frac{e^2}{2 c^2}\\right), \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def wgan(
        self,
        fake: Array,
        real: Array | None = None,
        *,
        role: Literal["discriminator", "generator"] = 'discriminator',
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["fake", "real"]] = ...,
    ) -> R_co:
        """Wasserstein GAN loss: differences of the scores, which estimate a Wasserstein distance if the discriminator is 1-Lipschitz.

        Use: Training of a generative adversarial network (GAN) whose critic estimates the distance to the data.

        The constraint (weight clipping or a gradient penalty) is not included.

        fake: (n, ...), all finite numbers; discriminator scores of generated samples

        real: (n, ...), all finite numbers; discriminator scores of real samples; only for the discriminator's loss

        role: network whose loss is computed.

        Formula: L_D = f - r, \\quad L_G = -f

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def wing(
        self,
        predictions: Array,
        labels: Array,
        *,
        width: float = 5.0,
        curvature: float = 0.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Wing loss: logarithmic up to a width and linear beyond, so that small errors keep their influence.

        Use: Face alignment and other localization of landmarks by regression.

        The gradient is 0 at an error of 0, where the slope jumps from -w / epsilon to w / epsilon.

        predictions: (n, ...), all finite numbers; estimates

        labels: (n, ...), all finite numbers; true values

        width: w, the error at which the loss changes from logarithmic to linear.

        curvature: epsilon; smaller values make the loss steeper at zero.

        Formula: \\ell = w \\log(1 + |e| / \\epsilon) \\text{ where } |e| < w, \\text{ else } |e| - w + w \\log(1 + w / \\epsilon), \\quad e = x - t

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def wiou(
        self,
        predictions: Array,
        labels: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "labels"]] = ...,
    ) -> R_co:
        """Wise-IoU loss, version 1: 1 - IoU multiplied by a factor that grows with the distance of the centers.

        Use: Bounding box regression in object detection with boxes of mixed quality.

        The enclosing box is constant in the gradient, as in the paper; otherwise the loss could be reduced by enlarging it.

        predictions: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; predicted boxes as x1, y1, x2, y2

        labels: (n, 4), all finite numbers; x1 <= x2 and y1 <= y2; true boxes as x1, y1, x2, y2, one for each prediction

        Formula: \\ell = (1 - \\mathrm{IoU}) \\, e^{\\rho^2 / \\mathrm{sg}(c^2)}

        Divisor: the number of boxes
        """

    def yolo_head(
        self,
        class_logits: Array,
        box_logits: Array,
        target_scores: Array,
        target_boxes: Array,
        weight: Array | None = None,
        *,
        box_weight: float = 7.5,
        class_weight: float = 0.5,
        dfl_weight: float = 1.5,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["class_logits", "box_logits"]] = ...,
    ) -> R_co:
        """YOLO head loss for given assignments: cross entropy of the scores, CIoU of the boxes and distribution focal loss of their distances.

        Use: One-stage object detection with the YOLO detectors (YOLOv8, YOLO11), classes and boxes together.

        The assignment (TaskAlignedAssigner) is the client's: scores and boxes of each anchor. All terms are divided by the sum of the
        scores in the batch, at least 1, so that results over shards do not merge. The weight alpha of the CIoU is constant in the gradient.
        Box terms are weighted by the sum of an anchor's scores, which is 0 for the background. A predicted distance is the mean of its
        distribution over the bins. Distances of the distribution focal loss are bounded to 0 and the number of bins minus 1.01. `parts`
        returns the unweighted terms. ultralytics multiplies the sum by the number of images before it differentiates, and adds 1e-7 to
        divisors of the IoU.

        class_logits: (n, a, k), all finite numbers; raw scores of each anchor, one for each class

        box_logits: (n, a, 4, b), all finite numbers; raw scores of the bins 0, 1, ... of the distances to left, top, right and bottom of
        each anchor point

        target_scores: (n, a, k), [0, 1]; assigned scores of each anchor, one for each class; all 0 for the background

        target_boxes: (n, a, 4), all finite numbers; x1 <= x2 and y1 <= y2; assigned boxes as x1, y1, x2, y2 minus the anchor point, in
        units of the stride

        weight: (k,), [0, infinity); weight of each class in the part `class`

        box_weight: lambda_b, weight of the part `box`.

        class_weight: lambda_c, weight of the part `class`.

        dfl_weight: lambda_d, weight of the part `dfl`.

        Formula: L = \\frac{1}{\\max(1, \\sum s)} \\sum_a \\left( \\lambda_c \\sum_k \\mathrm{BCE}(x_{ak}, s_{ak}) + \\sum_k s_{ak} \\left( \\lambda_b
        \\, \\mathrm{ciou}(b_a, b_a^*) + \\frac{\\lambda_d}{4} \\sum_{j=1}^4 \\mathrm{DFL}(z_{aj}, d_{aj}^*) \\right) \\right)

        Divisor: the sum of the target scores in the batch, at least 1, shared evenly by the images
        """

    def z_loss(
        self,
        predictions: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions"]] = ...,
    ) -> R_co:
        """Square of the log-sum-exp of the scores, which keeps the normalizer of a softmax near 1.

        Use: Stable training of large language models and mixtures of experts, beside cross entropy.

        A coefficient (PaLM: 1e-4, ST-MoE: 1e-3) is the term's weight in a combination, or the option z_loss of token_cross_entropy.

        predictions: (n, c, ...), all finite numbers; raw scores, one for each class

        Formula: \\ell = \\left( \\log \\sum_k e^{x_k} \\right)^2

        Divisor: the number of positions
        """

    def zero_inflated_negative_binomial(
        self,
        predictions: Array,
        labels: Array,
        dispersion: Array,
        gate: Array,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "dispersion", "gate"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a zero-inflated negative binomial distribution.

        Use: Regression of overdispersed counts with many zeros, such as single-cell gene expression.

        predictions: (n, ...), (0, infinity); mu, the means of the counting distribution, above 0.

        labels: (n, ...), [0, infinity); true counts, or any numbers from 0 on

        dispersion: (n, ...), (0, infinity); alpha; the variance of the counting distribution is mu + alpha mu^2.

        gate: (n, ...), all finite numbers; raw scores of an excess zero; their sigmoid is its probability

        Formula: \\ell = -\\log\\left( \\pi [t = 0] + (1 - \\pi) \\, \\mathrm{NB}(t; \\mu, \\alpha) \\right), \\quad \\pi = \\sigma(g)

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """

    def zero_inflated_poisson(
        self,
        predictions: Array,
        labels: Array,
        gate: Array,
        *,
        log_input: bool = True,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        sample_weight: Array | None = None,
        cotangent: Array | None = None,
        outputs: Sequence[Output] = ...,
        wrt: Sequence[Literal["predictions", "gate"]] = ...,
    ) -> R_co:
        """Negative log-likelihood of a zero-inflated Poisson distribution, including log(t!).

        Use: Regression of counts with many zeros.

        predictions: (n, ...), all finite numbers; [0, infinity) with log_input False; logarithms of rates, or rates (log_input false)

        labels: (n, ...), [0, infinity); true counts, or any numbers from 0 on

        gate: (n, ...), all finite numbers; raw scores of an excess zero; their sigmoid is its probability

        log_input: predictions are logarithms of rates, else rates.

        Formula: \\ell = -\\log\\left( \\pi [t = 0] + (1 - \\pi) \\frac{\\lambda^t e^{-\\lambda}}{t!} \\right), \\quad \\pi = \\sigma(g), \\; \\lambda =
        e^x

        Divisor: the number of elements, with each sample's share weighted by sample_weight
        """
