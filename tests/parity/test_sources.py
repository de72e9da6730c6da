"""Losses of TRL, verl, pycox, entmax and coral-pytorch, run apart from their trainers: values and gradients over random calls. Run by `make parity`."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from coral_pytorch.losses import corn_loss
from entmax import entmax_bisect_loss
from numpy.random import Generator

from tests.parity.sources import functions
from tests.parity.test_options import SINGLE, WITHIN, Arrays, Case, compare

# ------------------------------------------------------------------ TRL


TRL = functions(
    "trl",
    "trl/trainer/grpo_trainer.py",
    "_compute_loss",
    "get_off_policy_mask",
    "get_gamma_weights",
    "get_high_entropy_mask",
    torch=torch,
    math=math,
    nanmin=lambda x: x[~x.isnan()].min(),
    nanmax=lambda x: x[~x.isnan()].max(),
)


class Accelerator(SimpleNamespace):
    """The one of a single process."""

    num_processes = 1

    def gather(self, x: Any) -> Any:
        return x

    def reduce(self, x: Any, reduction: str) -> Any:
        return x

    def pad_across_processes(self, x: Any, dim: int, pad_index: float) -> Any:
        return x


def trl(t: Any, loss_type: str, **given: Any) -> Any:
    """GRPOTrainer's loss of one batch in evaluation, where nothing is accumulated."""
    options = {"beta": 0.0, "level": "token", "delta": None, "off_policy": None, "quantile": 1.0, "coefficient": 0.0, "corrected": False} | given
    entropy = getattr(t, "entropy", torch.zeros_like(t.logps))
    args = SimpleNamespace(
        use_bias_correction_kl=options["corrected"],
        delta=options["delta"],
        sapo_temperature_pos=1.0,
        sapo_temperature_neg=1.05,
        vespo_k_pos=2.0,
        vespo_lambda_pos=3.0,
        vespo_k_neg=3.0,
        vespo_lambda_neg=2.0,
        steps_per_generation=1,
    )
    trainer = SimpleNamespace(
        args=args,
        loss_type=loss_type,
        beta=options["beta"],
        epsilon_low=0.2,
        epsilon_high=options.get("epsilon_high", 0.2),
        importance_sampling_level=options["level"],
        off_policy_mask_threshold=options["off_policy"],
        top_entropy_quantile=options["quantile"],
        max_completion_length=7,
        use_vllm=hasattr(t, "importance_weights"),
        vllm_importance_sampling_correction=True,
        use_adaptive_entropy=False,
        entropy_coef=options["coefficient"],
        _entropy_bonus_enabled=bool(options["coefficient"]),
        aux_loss_enabled=False,
        current_gradient_accumulation_steps=1,
        model=SimpleNamespace(training=False),
        accelerator=Accelerator(sync_gradients=False),
        _metrics={"eval": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *_, **__: (t.logps, entropy, None),
        get_off_policy_mask=TRL.get_off_policy_mask,
        get_gamma_weights=torch.no_grad()(TRL.get_gamma_weights),
    )
    trainer.get_high_entropy_mask = lambda *a: TRL.get_high_entropy_mask(trainer, *a)
    inputs = {
        "prompt_ids": torch.zeros(len(t.logps), 1),
        "prompt_mask": torch.ones(len(t.logps), 1),
        "completion_ids": torch.zeros_like(t.logps),
        "completion_mask": t.mask,
        "advantages": t.advantages,
        "old_per_token_logps": t.old_logps,
        "ref_per_token_logps": getattr(t, "ref_logps", None),
        "num_items_in_batch": t.mask.sum(),
    }
    if hasattr(t, "importance_weights"):
        inputs["importance_sampling_ratio"] = t.importance_weights
    return TRL._compute_loss(trainer, None, inputs)


def tokens(rng: Generator) -> Arrays:
    """Completions of 3 to 6 tokens, a little off-policy."""
    logps = -rng.uniform(0.1, 3.0, size=(4, 6))
    mask = (np.arange(6) < rng.integers(3, 7, size=(4, 1))).astype(int)
    return {"logps": logps, "old_logps": np.minimum(logps + 0.3 * rng.normal(size=(4, 6)), -0.01), "advantages": rng.normal(size=4), "mask": mask}


def with_reference(rng: Generator) -> Arrays:
    arrays = tokens(rng)
    return arrays | {"ref_logps": arrays["logps"] + 0.3 * rng.normal(size=(4, 6))}


def with_entropy(rng: Generator) -> Arrays:
    """Entropies that float32 has exactly, since TRL takes their quantile in it."""
    return tokens(rng) | {"entropy": rng.uniform(0.1, 3.0, size=(4, 6)).astype(np.float32).astype(np.float64)}


def with_weights(rng: Generator) -> Arrays:
    """Importance weights of 1 where masked out: TRL's vespo does not mask them."""
    arrays = tokens(rng)
    return arrays | {"importance_weights": np.where(arrays["mask"] == 1, rng.uniform(0.5, 2.0, size=(4, 6)), 1.0)}


LENGTH = {"max_completion_length": 7}
KL = {"beta": 0.3}
OF_TRL = [
    *(
        Case("grpo", f"TRL {kind}", tokens, partial(trl, loss_type=kind), {"loss_type": kind, **LENGTH}, within=SINGLE if kind == "sapo" else WITHIN)
        for kind in ("grpo", "bnpo", "dapo", "dr_grpo", "luspo", "sapo")  # sapo's temperatures are float32 there
    ),
    Case("grpo", "TRL sequence", tokens, lambda t: trl(t, "grpo", level="sequence"), {"loss_type": "grpo", "importance_sampling_level": "sequence"}),
    Case("grpo", "TRL beta", with_reference, lambda t: trl(t, "dapo", **KL), KL),
    Case(
        "grpo", "TRL use_bias_correction_kl", with_reference, lambda t: trl(t, "dapo", corrected=True, **KL), {"use_bias_correction_kl": True, **KL}
    ),
    Case(
        "grpo",
        "TRL use_bias_correction_kl, sequence",
        with_reference,
        lambda t: trl(t, "grpo", corrected=True, level="sequence", **KL),
        {"use_bias_correction_kl": True, "importance_sampling_level": "sequence", "loss_type": "grpo", **KL},
    ),
    Case("grpo", "TRL delta", tokens, lambda t: trl(t, "dapo", delta=1.3), {"delta": 1.3}),
    Case("grpo", "TRL off_policy_mask_threshold", tokens, lambda t: trl(t, "dapo", off_policy=0.05), {"off_policy_threshold": 0.05}),
    Case("grpo", "TRL importance_sampling_ratio", with_weights, lambda t: trl(t, "dapo"), {}),
    Case(
        "grpo",
        "TRL top_entropy_quantile",
        with_entropy,
        lambda t: trl(t, "dapo", quantile=0.4) + 0.0 * t.entropy.sum(),
        {"top_entropy_quantile": 0.4},
    ),
    Case(
        "grpo",
        "TRL entropy_coef",
        with_entropy,
        lambda t: trl(t, "dapo", coefficient=0.1),
        {"entropy_coefficient": 0.1},
    ),
    Case("cispo", "TRL cispo", tokens, lambda t: trl(t, "cispo", epsilon_high=1.2), {"epsilon_high": 1.2}),
    Case("vespo", "TRL vespo", tokens, lambda t: trl(t, "vespo")),
    Case("vespo", "TRL vespo, importance_sampling_ratio", with_weights, lambda t: trl(t, "vespo")),
]


# ------------------------------------------------------------------ verl


class Config(SimpleNamespace):
    """verl's ActorConfig, as far as its losses read it."""

    def get(self, name: str, default: Any) -> Any:
        return getattr(self, name, default)


MASKED = functions("verl", "verl/utils/torch_functional.py", "masked_sum", "masked_mean", torch=torch)
VERL = functions(
    "verl",
    "verl/trainer/ppo/core_algos.py",
    "agg_loss",
    *(f"compute_policy_loss_{name}" for name in ("vanilla", "geo_mean", "dppo_tv", "dppo_kl", "dro", "cispo")),
    torch=torch,
    verl_F=MASKED,
    AlgoConfig=type("AlgoConfig", (), {}),
    ActorConfig=Config,
)


def verl(name: str, t: Any, **given: Any) -> Any:
    """Return a policy loss averaged over the tokens."""
    config = Config(
        **{"clip_ratio": 0.2, "clip_ratio_low": None, "clip_ratio_high": None, "policy_loss": Config(dro_beta=0.3), "global_batch_info": {}} | given
    )
    advantages = t.advantages[:, None].expand_as(t.logps)
    return getattr(VERL, f"compute_policy_loss_{name}")(t.old_logps, t.logps, advantages, t.mask, "token-mean", config)[0]


OF_VERL = [
    Case("ppo_clip", "verl vanilla, dual clip", tokens, lambda t: verl("vanilla", t, clip_ratio_c=1.3), {"dual_clip": 1.3}),
    Case(
        "gmpo", "verl geo_mean", tokens, lambda t: verl("geo_mean", t), {"epsilon": 0.2, "epsilon_high": 0.2}, within=1e-7
    ),  # it adds 1e-8 to lengths
    Case("dppo", "verl dppo_tv", tokens, lambda t: verl("dppo_tv", t, clip_ratio=0.05), {"epsilon": 0.05, "epsilon_high": 0.05}),
    Case(
        "dppo",
        "verl dppo_kl",
        tokens,
        lambda t: verl("dppo_kl", t, clip_ratio=0.01, clip_ratio_high=0.02, clip_ratio_c=1.2),
        {"divergence": "kl", "epsilon": 0.01, "epsilon_high": 0.02, "max_ratio": 1.2},
    ),
    Case("dro", "verl dro", tokens, lambda t: verl("dro", t), {"beta": 0.3}),
    Case("cispo", "verl cispo", tokens, lambda t: verl("cispo", t), {"lower_bound": 0.8, "epsilon_high": 1.2}),
]


# ------------------------------------------------------------------ values


def projected(t: Any) -> torch.Tensor:
    """Algorithm 1 of the paper of C51, transition by transition."""
    support, gap = torch.linspace(-2.0, 2.0, 5, dtype=torch.float64), 1.0
    total = torch.zeros((), dtype=torch.float64)
    for i in range(len(t.actions)):
        p = F.softmax(t.next_logits[i], -1)
        following, m = p[(p * support).sum(-1).argmax()], torch.zeros(5, dtype=torch.float64)
        for j in range(5):
            place = ((t.rewards[i] + 0.99 * support[j] * (1 - t.done[i])).clamp(-2.0, 2.0) + 2.0) / gap
            low, high = int(place.floor()), int(place.ceil())
            m[low] += following[j] * (high - place if high > low else 1.0)
            m[high] += following[j] * (place - low)
        total = total - (m * F.log_softmax(t.predictions[i, t.actions[i]], -1)).sum()
    return total / len(t.actions)


def transitions(rng: Generator) -> Arrays:
    return {
        "predictions": rng.normal(size=(6, 3, 5)),
        "actions": rng.integers(3, size=6),
        "next_logits": rng.normal(size=(6, 3, 5)),
        "rewards": rng.normal(size=6),
        "done": rng.integers(2, size=6),
    }


def histogram(t: Any) -> torch.Tensor:
    """HL-Gauss by the error function, as in the appendix of Stop Regressing."""
    edges = torch.linspace(-2.0, 2.0, 6, dtype=torch.float64)
    cdf = torch.special.erf((edges - t.labels[:, None]) / (math.sqrt(2.0) * 0.5))
    return F.cross_entropy(t.predictions, (cdf[:, 1:] - cdf[:, :-1]) / (cdf[:, -1:] - cdf[:, :1]))


def soft_steps(rng: Generator) -> Arrays:
    steps: dict[str, Any] = {
        "logps": 6,
        "action_values": (6, 2),
        "values": (6, 2),
        "next_values": (6, 2),
        "next_logps": 6,
        "rewards": 6,
        "log_alpha": 1,
    }
    return {name: rng.normal(size=size) for name, size in steps.items()} | {"done": rng.integers(2, size=6)}


def soft_actor_critic(t: Any) -> torch.Tensor:
    """The three losses of torchrl's SACLoss."""
    alpha = t.log_alpha.exp().detach()
    aim = t.rewards + (1 - t.done.double()) * 0.99 * (t.next_values.min(1).values - alpha * t.next_logps)
    actor = alpha * t.logps - t.action_values.min(1).values
    critic = F.smooth_l1_loss(t.values, aim[:, None].expand_as(t.values), reduction="none").sum(1)
    return (actor + critic - t.log_alpha * (t.logps.detach() - 2.0)).mean()


VALUES = [
    Case("c51", "algorithm 1 of the paper", transitions, projected, {"v_min": -2.0, "v_max": 2.0}),
    Case(
        "hl_gauss",
        "the paper's code",
        lambda rng: {"predictions": rng.normal(size=(6, 5)), "labels": rng.uniform(-2.0, 2.0, size=6)},
        histogram,
        {"v_min": -2.0, "v_max": 2.0, "sigma": 0.5},
    ),
    Case("sac", "torchrl's formulas", soft_steps, soft_actor_critic, {"target_entropy": -2.0}),
]


# ------------------------------------------------------------------ survival and classes


UTILS = functions("pycox", "pycox/models/utils.py", "pad_col", "cumsum_reverse", "log_softplus", torch=torch, F=F, warnings=None)
PYCOX = functions(
    "pycox",
    "pycox/models/loss.py",
    "_reduction",
    "nll_pmf",
    "nll_mtlr",
    "nll_pc_hazard_loss",
    "nll_pmf_cr",
    "rank_loss_deephit_cr",
    "_rank_loss_deephit",
    "_diff_cdf_at_time_i",
    torch=torch,
    F=F,
    utils=UTILS,
)


def subjects(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(7, 4)), "labels": rng.integers(4, size=7), "events": rng.integers(2, size=7)}


def competing(rng: Generator) -> Arrays:
    return subjects(rng) | {"predictions": rng.normal(size=(7, 2, 4)), "events": rng.integers(3, size=7)}


def deephit(t: Any) -> Any:
    """pycox's DeepHitLoss, with the matrix of the pairs to rank that its data set makes."""
    before = (t.labels[:, None] < t.labels) | ((t.labels[:, None] == t.labels) & (t.events == 0))
    pairs = ((t.events[:, None] > 0) & before).double()
    torch.set_default_dtype(torch.float64)
    try:
        ranked = PYCOX.rank_loss_deephit_cr(t.predictions, t.labels, t.events, pairs, 0.1)
        return 0.2 * PYCOX.nll_pmf_cr(t.predictions, t.labels, t.events, epsilon=0.0) + 0.8 * ranked
    finally:
        torch.set_default_dtype(torch.float32)


def never_last(arrays: Arrays) -> Arrays:
    """Subjects with an event in the last interval: of those censored in it pycox's 1 - sum has few digits."""
    return arrays | {"events": np.where(arrays["labels"] == 3, 1, arrays["events"])}


SURVIVAL = [
    Case("mtlr", "pycox nll_mtlr", subjects, lambda t: PYCOX.nll_mtlr(t.predictions, t.labels, t.events, epsilon=0.0), within=1e-8),
    Case(
        "pc_hazard",
        "pycox nll_pc_hazard_loss",
        lambda rng: subjects(rng) | {"fractions": rng.random(7)},
        lambda t: PYCOX.nll_pc_hazard_loss(t.predictions, t.labels, t.events, t.fractions),
    ),
    Case("deephit_competing", "pycox DeepHitLoss", lambda rng: never_last(competing(rng)), deephit),
]


def scores(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(6, 4)), "labels": rng.integers(4, size=6)}


def sparse(t: Any, alpha: float) -> torch.Tensor:
    loss: torch.Tensor = entmax_bisect_loss(t.predictions, t.labels, alpha).mean()
    return loss


CLASSES = [
    *(Case("entmax", f"entmax_bisect_loss, alpha {alpha}", scores, partial(sparse, alpha=alpha), {"alpha": alpha}) for alpha in (1.1, 1.5, 2.0, 3.3)),
    Case(
        "corn",
        "coral-pytorch corn_loss",
        lambda rng: scores(rng) | {"labels": rng.integers(5, size=6)},
        lambda t: corn_loss(t.predictions, t.labels, 5),
    ),
]


@pytest.mark.parametrize("case", [*OF_TRL, *OF_VERL, *VALUES, *SURVIVAL, *CLASSES], ids=str)
def test_value_and_gradients_are_the_library_s(case: Case) -> None:
    compare(case)
