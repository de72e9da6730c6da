"""Names tell the truth: one loss for each name, and a library's name gives the library's defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.api import combination
from service.api.names import ambiguous, qualified, synonyms
from service.api.search import search
from service.losses import LOSSES
from service.losses.naming import check_names, equivalents, plain, preset

KL = {"predictions": [[0.7, 0.2, 0.1]], "labels": [[0.6, 0.3, 0.1]]}
AMBIGUOUS = {
    "log_loss": {"binary_cross_entropy", "binary_cross_entropy_with_logits"},
    "LogLoss": {"binary_cross_entropy", "binary_cross_entropy_with_logits"},
    "binary_hinge": {"hinge", "boosting_hinge"},
    "FocalLoss": {"sigmoid_focal", "softmax_focal"},
    "KLDivergence": {"kl_divergence", "keras.losses.KLDivergence"},
    "sigmoid_focal_loss": {"sigmoid_focal", "optax.losses.sigmoid_focal_loss", "torchvision.ops.sigmoid_focal_loss"},
    "SparseCategoricalCrossentropy": {"cross_entropy", "keras.losses.SparseCategoricalCrossentropy"},
    "Poisson": {"poisson_nll", "keras.losses.Poisson"},
}


def call(client: httpx.Client, name: str, request: Any) -> Any:
    answer = client.post(f"/loss/{name}", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("word", "names"), AMBIGUOUS.items())
def test_an_ambiguous_word_is_a_404_that_names_both_and_the_difference(client: httpx.Client, word: str, names: set[str]) -> None:
    answer = client.post(f"/loss/{word}", json={})
    assert answer.status_code == 404
    assert names <= set(answer.json()["did_you_mean"])
    for name in names:
        assert name in answer.json()["detail"]
        assert client.get(f"/loss/{name}").status_code == 200, "what is proposed exists"


def test_a_word_of_a_related_quantity_is_found_and_names_nothing(client: httpx.Client) -> None:
    for word, name in (("perplexity", "token_cross_entropy"), ("correlation", "pearson_correlation")):
        assert search(word)[0] == name
        assert client.post(f"/loss/{word}", json={}).status_code == 404


def test_a_library_name_presets_its_options_and_each_can_be_overridden(client: httpx.Client) -> None:
    keras, ours = call(client, "keras.losses.KLDivergence", KL), call(client, "kl_divergence", KL | {"predictions_are": "probabilities"})
    assert keras["loss"] == "kl_divergence"
    assert keras["reduction"] == "batchmean"
    assert keras["value"] == pytest.approx(3 * ours["value"])
    assert call(client, "keras.losses.KLDivergence", KL | {"reduction": "mean"}) == ours
    assert call(client, "optax.losses.huber_loss", {"predictions": [1.0], "labels": [3.0]})["per_sample"] == [1.5]
    same = call(client, "torch.nn.HuberLoss", {"predictions": [1.0], "labels": [3.0], "delta": 0.5})
    assert same == call(client, "huber", {"predictions": [1.0], "labels": [3.0], "delta": 0.5})


def test_a_library_name_works_wherever_a_loss_is_named(client: httpx.Client) -> None:
    terms = [{"loss": "keras.losses.KLDivergence", "inputs": KL}]
    value = call(client, "keras.losses.KLDivergence", KL)["value"]
    assert call(client, "combination", {"terms": terms})["terms"][0]["value"] == pytest.approx(value)
    checked = client.post("/check/keras.losses.KLDivergence", json={"request": KL, "claimed": {"value": value}})
    assert checked.json()["agrees"] is True, checked.text
    assert client.get("/loss/keras.losses.KLDivergence").json()["name"] == "kl_divergence"
    assert search("keras.losses.KLDivergence")[0] == "kl_divergence"
    assert "torch.nn.HuberLoss" not in client.get("/openapi.json").text.replace("POST /loss/torch.nn.HuberLoss", "").split('"paths"')[0]
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "." in path.removeprefix("/openapi.json")]


def test_a_library_name_that_is_unlike_ours_says_why(client: httpx.Client) -> None:
    for loss in LOSSES.values():
        for name, reason in loss.unlike.items():
            answer = client.post(f"/loss/{name}", json={})
            assert answer.status_code == 404
            assert reason in answer.json()["detail"]
            assert answer.json()["did_you_mean"] == [loss.name]
    assert client.post("/loss/keras.losses.Hubber", json={}).json()["did_you_mean"][0] == "huber"


@pytest.mark.parametrize("name", sorted(qualified()))
def test_a_library_name_has_only_presets_that_the_loss_has(name: str) -> None:
    loss = qualified()[name]
    assert loss.name in LOSSES
    assert loss.reduction in loss.reductions
    assert search(name)[0] == loss.name


def test_the_import_fails_where_a_rule_is_broken() -> None:
    huber, hinge = LOSSES["huber"], LOSSES["hinge"]
    check_names({"huber": huber, "hinge": hinge})
    other = replace(hinge, synonyms=("Huber_Loss",))
    with pytest.raises(TypeError, match="huberloss is a name of huber and of hinge"):
        check_names({"huber": huber, "hinge": other})
    word = replace(hinge, ambiguous={"huber-loss": "of margins"})
    with pytest.raises(TypeError, match="huber-loss is ambiguous for hinge and a name of huber"):
        check_names({"huber": huber, "hinge": word})
    moved = replace(huber, synonyms=("HuberLoss",), equivalents=equivalents("huber", "torch.nn.HuberLoss(delta=2.0)", huber.options))
    with pytest.raises(TypeError, match="HuberLoss is a synonym of huber, but means another number"):
        check_names({"huber": moved})
    for text in (
        "torch.HuberLoss",
        "torch.nn.HuberLoss(beta=1.0)",
        "torch.nn.HuberLoss(delta=-1.0)",
        "torch.nn.HuberLoss(delta='x')",
        "torch.nn.HuberLoss(2.0)",
    ):
        with pytest.raises(TypeError, match="huber"):
            equivalents("huber", text, huber.options)
    assert {option.name: option.default for option in preset(huber, moved.equivalents[0]).options}["delta"] == 2.0


def test_no_name_is_one_of_the_combination_or_ambiguous_too() -> None:
    assert not set(synonyms()) & set(map(plain, (combination.NAME, *combination.SYNONYMS)))
    assert not set(LOSSES) & set(ambiguous())
