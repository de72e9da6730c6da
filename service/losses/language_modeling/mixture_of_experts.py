"""Load balancing of a mixture of experts, from the scores of its router."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import Domain, TensorSpec, Work
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.double_double import less_mean, widened
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss

RouterLogits = Annotated[Array, TensorSpec("n e", gradient="default", description="the router's raw scores of the experts for each token")]
TokenMask = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 for tokens, 0 for padding")]


@loss(example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [1.0, 0.9, 0.0]]}, merges=False, work=Work("500 n e", "200 n e"))
def moe_load_balancing(predictions: RouterLogits, *, mask: TokenMask | None = None, top_k: Annotated[int, annotated_types.Ge(1)] = 2) -> Evaluation:
    r"""Load-balancing loss: the fraction of tokens routed to each expert times its mean probability, summed over the experts.

    The loss is one number for the batch, least for a uniform load; results over shards do not merge. A token's experts are the top_k of its scores, of equal ones the
    first; the selection is constant in the gradient. As in transformers, fractions sum to top_k. Layers may be concatenated. The
    router z-loss is `z_loss`.

    Use: Balanced experts in mixtures of experts (MoE) in language models.
    Formula: L = E \sum_e f_e P_e, \quad f_e = \frac{1}{N} |\{i : e \in \mathrm{top}_k(x_i)\}|, \quad P_e = \frac{1}{N} \sum_i \mathrm{softmax}(x_i)_e
    top_k: experts per token; 1 in Switch Transformers, 2 in Mixtral.
    Divisor: 1, or 0 without tokens
    Synonyms: load_balancing_loss, load_balancing_loss_func, router_aux_loss, switch_load_balancing
    Reference: Fedus, Zoph and Shazeer, Switch Transformers, 2021, arXiv:2101.03961, equations 4 to 6; transformers load_balancing_loss_func
    """
    experts = predictions.shape[1]
    if top_k > experts:
        raise InvalidOption("top_k", f"out of range; expected at most {experts}, the number of experts, got {top_k}")
    kept = np.ones(len(predictions)) if mask is None else mask.astype(np.float64)
    tokens = max(kept.sum(), 1.0)
    softmax = Softmax(predictions)
    p = softmax.probabilities()
    chosen = np.zeros_like(p)
    np.put_along_axis(chosen, np.argsort(-predictions, axis=1, kind="stable")[:, :top_k], 1.0, axis=1)
    count = (kept[:, None] * chosen).sum(axis=0, dtype=np.float64)
    share = count / tokens
    mean = (kept[:, None] * p).sum(axis=0, dtype=np.float64) / tokens

    def pullback(c: Array) -> Array:
        slope = less_mean(predictions, widened(count - count[softmax.top]))
        return (p * slope * (kept * (experts * c[0] / tokens / tokens))[:, None]).astype(p.dtype, copy=False)

    some = float(kept.any())
    return Evaluation(np.array([experts * (share * mean).sum()]), np.array([some]), {"predictions": pullback})
