"""Claims checked against every loss of the registry: right ones, and ones with a planted fault."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from service.api.verification import check, identify
from service.losses import LOSSES, Controls, LossError, Result, compute
from service.losses.numerics import Array
from service.settings import Settings
from tests import required
from tests.losses import draw

SETTINGS = Settings(search_seconds=900)  # a busy machine cuts no search here
NO_SEARCH = Settings(search_elements=1)
every_loss = pytest.mark.parametrize("name", draw.every_loss)


@cache
def drawn(name: str, dtype: str = "float64") -> tuple[dict[str, Any], Result]:
    """Return a random request and the response to it."""
    arrays, options = draw.call(LOSSES[name], np.random.default_rng([zlib.crc32(name.encode()), 20]), dtype)
    return {**arrays, **options}, compute(LOSSES[name], arrays, options)


def claim(answer: Result) -> dict[str, Any]:
    """Return a response's value, per-sample losses and gradients, as copies."""
    copies = {name: gradient.copy() for name, gradient in (answer.gradients or {}).items()}
    return {"value": answer.value, "per_sample": np.array(answer.per_sample), "gradients": copies}


def checked(name: str, request: Mapping[str, Any], claimed: Mapping[str, Any], settings: Settings = SETTINGS) -> dict[str, Any]:
    return check(LOSSES[name], {"request": dict(request), "claimed": dict(claimed)}, settings)


def changes(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [hint["change"] for hint in response["would_agree_with"]]


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_claim_agrees(name: str, dtype: str) -> None:
    request, answer = drawn(name, dtype)
    response = checked(name, request, claim(answer))
    assert response["agrees"]
    assert response["would_agree_with"] == []
    assert all(output["disagreeing"] == 0 for output in response["outputs"].values())


@every_loss
def test_float32_results_agree_with_a_float64_request(name: str) -> None:
    """Somebody's float32 results, sent with their type, are held to what float32 holds."""
    request, answer = drawn(name)
    narrow = {"per_sample": np.float32(answer.per_sample), "gradients": {key: np.float32(array) for key, array in required(answer.gradients).items()}}
    response = checked(name, request, {"value": float(np.float32(answer.value)), **narrow})
    assert response["agrees"]
    assert 1e-4 < response["tolerance"] < 1e-3


@every_loss
def test_twice_the_value_is_found_and_named(name: str) -> None:
    request, answer = drawn(name)
    claimed = claim(answer) | {"value": 2 * required(answer.value)}
    response = checked(name, request, claimed)
    assert response["agrees"] == (answer.value == 0)
    if answer.value:
        assert {key for key, output in response["outputs"].items() if not output["agrees"]} == {"value"}
        assert response["outputs"]["value"]["first"] == {"at": [], "claimed": 2 * required(answer.value), "expected": answer.value}
        assert any(change == {"factor": 2.0} for change in changes(response))


@every_loss
def test_twice_everything_is_a_factor(name: str) -> None:
    request, answer = drawn(name)
    doubled = {key: 2 * array for key, array in required(answer.gradients).items()}
    response = checked(name, request, {"value": 2 * required(answer.value), "per_sample": 2 * required(answer.per_sample), "gradients": doubled})
    if not response["agrees"]:
        assert {"factor": 2.0} in changes(response)
        assert all("outputs" not in hint for hint in response["would_agree_with"] if hint["change"] == {"factor": 2.0})


@every_loss
def test_a_moved_gradient_element_is_placed(name: str) -> None:
    request, answer = drawn(name)
    claimed = claim(answer)
    for key, gradient in claimed["gradients"].items():
        largest = np.abs(gradient).max(initial=0.0)
        if not largest:
            continue
        at = tuple(int(np.random.default_rng(0).integers(size)) for size in gradient.shape)
        gradient[at] += 1e-3 * largest
        response = checked(name, request, claimed, NO_SEARCH)
        output = response["outputs"][f"gradients.{key}"]
        assert not response["agrees"]
        assert output["disagreeing"] == 1
        assert output["of"] == gradient.size
        assert output["first"] == output["worst"] == {"at": list(at), "claimed": gradient[at], "expected": required(answer.gradients)[key][at]}
        assert output["worst_relative_error"] >= 1e-3 * 0.999
        return


@every_loss
def test_a_swapped_reduction_is_found_and_named(name: str) -> None:
    loss = LOSSES[name]
    request, answer = drawn(name)
    arrays = {item.name: request[item.name] for item in loss.inputs if item.name in request}
    options = {option.name: request[option.name] for option in loss.options}
    for reduction in loss.reductions:
        if reduction == "none":
            continue
        other = compute(loss, arrays, options, Controls(reduction=reduction))
        response = checked(name, request, claim(other))
        differs = not np.isclose(required(other.value), required(answer.value), rtol=1e-7, atol=1e-300) or not np.allclose(
            required(other.per_sample), required(answer.per_sample)
        )
        assert response["agrees"] != differs, (reduction, other.value, answer.value)
        if differs:
            assert any(change.get("reduction") == reduction or set(change) <= {"factor", "divisor"} for change in changes(response)), changes(
                response
            )
            assert len(changes(response)[0]) == 1


# ------------------------------------------------------------------ the kinds of hints, each planted

RNG = np.random.default_rng(21)
SCORES, CLASSES = RNG.normal(size=(12, 5)) * 2, RNG.integers(0, 5, 12)
TARGETS = RNG.integers(0, 2, 12)
LOG_TWO = 0.6931471805599453


def softmaxed(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def entropy(scores: Array, labels: Array, **options: Any) -> Result:
    return compute(LOSSES["cross_entropy"], {"predictions": scores, "labels": labels}, options)


def binary(scores: Array, labels: Array) -> Result:
    return compute(LOSSES["binary_cross_entropy_with_logits"], {"predictions": scores, "labels": labels}, {})


CE = {"predictions": SCORES, "labels": CLASSES}
BINARY = {"predictions": SCORES[:, 0], "labels": TARGETS}
PLANTED: dict[str, tuple[str, dict[str, Any], Result, dict[str, Any]]] = {
    "a smoothing left on": ("cross_entropy", CE, entropy(SCORES, CLASSES, label_smoothing=0.1), {"label_smoothing": 0.1}),
    "labels one too high": ("cross_entropy", CE, entropy(SCORES, (CLASSES + 1) % 5), {"labels": "+1"}),
    "labels one too low": ("cross_entropy", CE, entropy(SCORES, (CLASSES - 1) % 5), {"labels": "-1"}),
    "labels inverted": ("binary_cross_entropy_with_logits", BINARY, binary(SCORES[:, 0], 1 - TARGETS), {"labels": "inverted"}),
    "softmax twice": ("cross_entropy", CE, entropy(softmaxed(SCORES), CLASSES), {"predictions": "softmax"}),
    "softmax left out": (
        "cross_entropy",
        CE | {"predictions": softmaxed(SCORES)},
        entropy(np.log(softmaxed(SCORES)), CLASSES),
        {"predictions": "log"},
    ),
    "sigmoid twice": ("binary_cross_entropy_with_logits", BINARY, binary(1 / (1 + np.exp(-SCORES[:, 0])), TARGETS), {"predictions": "sigmoid"}),
    "an ignored class": ("cross_entropy", CE, entropy(SCORES, CLASSES, ignore_index=0), {"ignore_index": 0}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named(fault: str) -> None:
    name, request, wrong, change = PLANTED[fault]
    for claimed in ({"value": wrong.value}, {"per_sample": wrong.per_sample}, {"value": wrong.value, "per_sample": wrong.per_sample}):
        response = checked(name, request, claimed)
        assert change in changes(response)
        assert len(changes(response)[0]) == 1
        assert response["would_agree_with"][0]["residual"] < 1e-12
        assert not response["search"]["cut"]


def test_a_gradient_is_pulled_back_through_what_was_done_to_the_predictions() -> None:
    """A claimed gradient is that of the caller's own input."""
    probabilities = softmaxed(SCORES)
    wrong = entropy(probabilities, CLASSES)
    assert wrong.gradients
    upstream = wrong.gradients["predictions"]
    gradient = probabilities * (upstream - (upstream * probabilities).sum(1, keepdims=True))
    response = checked("cross_entropy", CE, {"value": wrong.value, "gradients": {"predictions": gradient}})
    assert changes(response)[0] == {"predictions": "softmax"}


def test_logarithms_to_base_2() -> None:
    answer = entropy(SCORES, CLASSES)
    assert {"log_base": "2"} in changes(checked("cross_entropy", CE, {"value": required(answer.value) / LOG_TWO}))
    assert {"factor": 1 / LOG_TWO} in changes(checked("cross_entropy", CE, {"value": required(answer.value) / LOG_TWO}))


def test_a_single_number_confirms_no_factor_but_a_known_one() -> None:
    answer = entropy(SCORES, CLASSES)
    assert changes(checked("cross_entropy", CE, {"value": required(answer.value) * 1.2345})) == []
    doubled = checked("cross_entropy", CE, {"value": required(answer.value) * 1.2345, "per_sample": required(answer.per_sample) * 1.2345})
    assert changes(doubled)[0]["factor"] == pytest.approx(1.2345)


def test_a_weight_in_the_divisor() -> None:
    """Per-sample values are right and the divisor is not: the mean over 12 samples in place of the sum of their weights."""
    weight = RNG.uniform(0.2, 3, 5)
    request = CE | {"weight": weight}
    answer = compute(LOSSES["cross_entropy"], request, {})
    over_samples = required(answer.value) * required(answer.normalizer) / 12
    assert {"reduction": "batchmean"} in changes(checked("cross_entropy", request, {"value": over_samples}))
    response = checked(
        "cross_entropy", request, {"value": required(answer.value) * required(answer.normalizer) / 17, "per_sample": answer.per_sample}
    )
    (divisor,) = [hint for hint in response["would_agree_with"] if "divisor" in hint["change"]]
    assert divisor["change"] == {"divisor": pytest.approx(17)}
    assert divisor["outputs"] == ["value"]
    assert {"weight": "left_out"} in changes(checked("cross_entropy", request, {"value": entropy(SCORES, CLASSES).value}))


def test_two_options() -> None:
    request = {"predictions": softmaxed(RNG.normal(size=(3, 3, 4, 4))), "labels": np.moveaxis(np.eye(3)[RNG.integers(0, 3, (3, 4, 4))], -1, 1)}
    wrong = compute(LOSSES["tversky"], request, {"alpha": 0.25, "beta": 0.75})
    assert {"alpha": 0.25, "beta": 0.75} in changes(checked("tversky", request, {"value": wrong.value, "per_sample": wrong.per_sample}))


def test_swapped_inputs() -> None:
    request = {"predictions": softmaxed(SCORES), "labels": softmaxed(RNG.normal(size=(12, 5)))}
    wrong = compute(LOSSES["generalized_kl_divergence"], {"predictions": request["labels"], "labels": request["predictions"]}, {})
    assert {"swapped": ("predictions", "labels")} in changes(checked("generalized_kl_divergence", request, {"value": wrong.value}))


def test_one_hot_labels() -> None:
    """Ours ignores the index -100 in class indices; one-hot labels cannot ignore, but weigh the classes."""
    request = CE | {"weight": RNG.uniform(0.2, 3, 5)}
    wrong = compute(LOSSES["cross_entropy"], request | {"labels": np.eye(5)[CLASSES]}, {})
    assert {"labels": "one_hot"} in changes(checked("cross_entropy", request, {"value": wrong.value}))


# ------------------------------------------------------------------ what counts as an error


def test_an_error_is_relative_to_the_scale_of_its_tensor() -> None:
    """Beside a gradient of 1, 1e-20 and 0 are the same number; beside nothing but zeros, an error is absolute."""
    request = {"predictions": np.array([1.0, 0.0]), "labels": np.array([0.0, 0.0])}
    right = checked("mean_squared_error", request, {"gradients": {"predictions": np.array([1.0, 1e-20])}})
    wrong = checked("mean_squared_error", request, {"gradients": {"predictions": np.array([1.0, 1e-9])}})
    assert right["agrees"]
    assert wrong["outputs"]["gradients.predictions"]["worst_relative_error"] == pytest.approx(1e-6)
    zeros = {"predictions": np.zeros(2), "labels": np.zeros(2)}
    assert checked("mean_squared_error", zeros, {"value": 1e-12})["agrees"]
    assert checked("mean_squared_error", zeros, {"value": 1e-3})["outputs"]["value"]["worst_relative_error"] == 1e-3


def test_a_value_whose_terms_cancel_is_relative_to_them() -> None:
    request = {"fake": np.array([1.0, 2.0]), "real": np.array([2.0, 1.0])}
    assert checked("wgan", request, {"value": 1e-16})["agrees"]


def test_numbers_near_the_end_of_the_range_make_no_agreement() -> None:
    response = checked("cross_entropy", CE, {"value": 1e308, "per_sample": np.where(np.arange(12) % 2, 1e308, -1e308)})
    assert not response["agrees"]
    assert changes(response) == []


def test_a_claim_of_another_shape_tells_both() -> None:
    response = checked("cross_entropy", CE, {"per_sample": np.zeros((12, 1)), "value": np.zeros(1)})
    assert response["outputs"]["per_sample"] == {"agrees": False, "claimed_shape": [12, 1], "expected_shape": [12]}
    assert response["outputs"]["value"] == {"agrees": False, "claimed_shape": [1], "expected_shape": []}
    assert response["search"]["tried"] == 0


def test_a_tolerance_widens_what_the_loss_promises() -> None:
    value = entropy(SCORES, CLASSES).value
    assert value
    for tolerance, agrees in ((1e-2, True), (1e-4, False)):
        response = check(LOSSES["cross_entropy"], {"request": CE, "claimed": {"value": value * 1.001}, "tolerance": tolerance}, SETTINGS)
        assert response["agrees"] == agrees
    exact = check(LOSSES["cross_entropy"], {"request": CE, "claimed": {"value": np.nextafter(value, 9)}, "tolerance": 0.0}, SETTINGS)
    assert exact["agrees"]
    assert 0 < exact["tolerance"] < 1e-12


def test_a_search_ends_with_its_budget_and_says_so() -> None:
    for settings in (Settings(search_elements=5), Settings(search_seconds=1e-9)):
        response = check(LOSSES["cross_entropy"], {"request": CE, "claimed": {"value": 1.0}}, settings)
        assert response["search"] == {"tried": 0, "cut": True}
        found = identify({"request": {"predictions": SCORES, "labels": CLASSES}, "claimed": {"value": 1.0}}, settings)
        assert found == {"found": [], "tried": 0, "cut": True}


def test_a_loss_of_too_many_pairs_is_left_out_of_a_search() -> None:
    request = {"embeddings": RNG.normal(size=(12, 4)), "labels": CLASSES}
    value = compute(LOSSES["supcon"], request, {}).value
    assert identify({"request": request, "claimed": {"value": value}}, SETTINGS)["found"]
    cut = identify({"request": request, "claimed": {"value": value}}, Settings(max_work=20_000))
    assert (cut["found"], cut["cut"]) == ([], True)


# ------------------------------------------------------------------ no request makes a search fail


@every_loss
def test_an_empty_batch_is_searched(name: str) -> None:
    """A search whose evaluations fail is cut; so none of them does."""
    loss = LOSSES[name]
    request = {}
    for item in loss.inputs:
        if item.name in loss.example:
            array = np.asarray(loss.example[item.name], float)
            request[item.name] = array[:0] if item.forms[0].names[0] == "n" else array
    try:
        compute(loss, request, {})
    except LossError:
        return  # the loss takes no empty batch
    response = checked(name, request, {"value": 1.0, "per_sample": np.empty(0)})
    assert not response["search"]["cut"]


@pytest.mark.parametrize("labels", ["bool", "uint8", "int8", "uint64", "float16"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_type_is_checked_and_searched(dtype: str, labels: str) -> None:
    request = {"predictions": SCORES.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype), "labels": (CLASSES % 2).astype(labels)}
    answer = compute(LOSSES["cross_entropy"], request, {})
    assert checked("cross_entropy", request, {"value": answer.value, "gradients": answer.gradients})["agrees"]
    for name, wrong in (("cross_entropy", request), ("binary_cross_entropy_with_logits", request | {"predictions": request["predictions"][:, 0]})):
        response = checked(name, wrong, {"value": 1e6})
        assert not response["agrees"]
        assert not response["search"]["cut"]
