"""The one search: queries that people type, and the loss that has to come first, wherever the search is."""

from __future__ import annotations

import time

import httpx
import pytest

from service.api.search import LONGEST_QUERY, index, search
from service.cli import main
from service.losses import LOSSES

FIRST = {
    "mse": "mean_squared_error",
    "MSELoss": "mean_squared_error",
    "l1": "mean_absolute_error",
    "l2": "mean_squared_error",
    "ce": "cross_entropy",
    "kl": "kl_divergence",
    "ctc loss": "ctc",
    "cross entropy": "cross_entropy",
    "cross-entropy loss": "cross_entropy",
    "Mean Squared Error": "mean_squared_error",
    "smooth l1": "smooth_l1",
    "huber loss": "huber",
    "dice": "dice",
    "dice loss": "dice",
    "hinge loss": "hinge",
    "triplet loss": "triplet_margin",
    "cosine similarity": "cosine_distance",
    "contrastive loss": "contrastive",
    "focal": "sigmoid_focal",
    "log loss": "binary_cross_entropy",
    "iou": "iou",
    "infonce": "info_nce",
    "dpo": "dpo",
    "ppo": "ppo_clip",
    "cox": "cox_ph",
    "ssim": "ssim",
    "rmse": "root_mean_squared_error",
    "quantile": "quantile",
    "perplexity": "token_cross_entropy",
    "charbonnier": "charbonnier",
    "multi task": "combination",
    # what somebody has a problem with, and the loss that a practitioner tries first
    "log loss of binary classifiers": "binary_cross_entropy",
    "nDCG": "lambda_loss",
    "ndcg": "lambda_loss",
    "softmax": "cross_entropy",
    "label smoothing": "cross_entropy",
    "classification": "cross_entropy",
    "multiclass classification": "cross_entropy",
    "binary classification": "binary_cross_entropy_with_logits",
    "multi-label classification": "binary_cross_entropy_with_logits",
    "noisy labels": "generalized_cross_entropy",
    "class imbalance": "class_balanced",
    "regression": "mean_squared_error",
    "regression with outliers": "huber",
    "quantile regression": "quantile",
    "regression of counts": "poisson_nll",
    "uncertainty": "gaussian_nll",
    "pixel segmentation": "dice",
    "segmentation of medical images": "dice",
    "bounding boxes": "giou",
    "face recognition": "arcface",
    "knowledge distillation": "knowledge_distillation_kl",
    "speech recognition": "ctc",
    "source separation": "si_sdr",
    "survival analysis": "cox_ph",
    "learning to rank": "lambda_loss",
    "next token prediction": "token_cross_entropy",
    "word embeddings": "nce",
    "contrastive learning": "ntxent",
    "depth estimation": "scale_invariant_log",
    "image similarity": "ssim",
    "rlhf": "ppo_clip",
    "preferences without a reward model": "dpo",
    "cross entropies": "cross_entropy",
}
BOTH = {
    "log loss": {"binary_cross_entropy", "binary_cross_entropy_with_logits"},
    "log_loss": {"binary_cross_entropy", "binary_cross_entropy_with_logits"},
    "FocalLoss": {"sigmoid_focal", "softmax_focal"},
}
NEAR = {
    "mean_sqared_error": "mean_squared_error",
    "crossentropy": "cross_entropy",
    "hubr": "huber",
    "smooth_l2": "smooth_l1",
    "triplt": "triplet_margin",
}


@pytest.mark.parametrize(("query", "first"), FIRST.items())
def test_the_loss_that_is_meant_comes_first(query: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert search(query)[0] == first
    assert main(["losses", "--find", query]) == 0
    assert capsys.readouterr().out.split()[0] == first


def test_the_catalogue_is_searched_by_the_same_function(client: httpx.Client) -> None:
    for query in FIRST:
        assert [card["name"] for card in client.get("/loss", params={"q": query}).json()] == list(search(query)), query
    assert client.get("/loss", params={"q": "xyzzy"}).json() == []
    ranked = client.get("/loss", params={"q": "dice", "family": "segmentation"}).json()
    assert {card["family"] for card in ranked} == {"segmentation"}
    assert ranked[0]["name"] == "dice"


@pytest.mark.parametrize(("query", "names"), BOTH.items())
def test_a_word_of_two_losses_shows_both(query: str, names: set[str]) -> None:
    assert set(search(query)[:2]) == names


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_name_and_synonym_finds_its_loss(name: str) -> None:
    assert search(name)[0] == name
    assert search(name.replace("_", " "))[0] == name
    for word in (*LOSSES[name].synonyms, *LOSSES[name].related):
        assert name in search(word)[:3], word


@pytest.mark.parametrize(("query", "first"), NEAR.items())
def test_a_near_miss_is_found(query: str, first: str, client: httpx.Client) -> None:
    assert search(query)[0] == first
    if query != "crossentropy":  # a name but for its underscore is the name
        assert first in client.post(f"/loss/{query}", json={}).json()["did_you_mean"]


def test_a_word_is_found_at_its_start_only() -> None:
    assert "iou" not in search("ou"), "within a word"
    assert all("indices" not in name for name in search("dice"))
    assert len(search("dice")) < 15, "not each that speaks of in-dice-s"


def test_what_is_nowhere_is_not_found() -> None:
    for query in ("xyzzy", "", "  ", "???", "\x00", "日本", "the", "of the"):
        assert search(query) == ()


def test_the_spelling_of_a_query_changes_nothing() -> None:
    """Case, the plural and words such as "of" do not count; a word that no text has does not hide the others."""
    assert search("nDCG") == search("ndcg") == search("NDCG")
    assert search("outliers in regression") == search("regression with an outlier")
    assert search("xyzzy outliers")[0] == search("outliers")[0]


def test_an_unknown_family_is_a_problem_that_names_the_families(client: httpx.Client) -> None:
    answer = client.get("/loss", params={"family": "nope"})
    assert answer.status_code == 422
    assert "regression" in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/family"


def test_a_query_is_bounded() -> None:
    index()
    start = time.perf_counter()
    search("ab cd ef gh ij kl mn op " * 100_000)
    assert time.perf_counter() - start < 0.5, "of more than a megabyte a search reads the first characters"
    assert LONGEST_QUERY < 100


def test_the_catalogue_is_compressed_and_kept(client: httpx.Client) -> None:
    plain = client.get("/loss", headers={"accept-encoding": "identity"})
    small = client.get("/loss", headers={"accept-encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert small.content == plain.content
    assert client.get("/loss", headers={"if-none-match": plain.headers["etag"]}).status_code == 304
    assert client.get("/loss", params={"family": "ranking"}).headers["etag"] != plain.headers["etag"]
