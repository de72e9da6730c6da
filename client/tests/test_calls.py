"""Calls with NumPy arrays against a real server: inputs, results, and threads and event loops."""

from __future__ import annotations

import ast
import asyncio
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import loss_client
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from loss_client import AsyncClient, Client
from loss_client.safetensors import decode, encode
from scipy.special import logsumexp

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.arange(6) % 4
VALUE = pytest.approx(float((logsumexp(X, axis=1) - X[range(6), Y]).mean()), rel=1e-14)  # of cross_entropy


def arrays(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a card's example, its tensors as arrays."""

    def one(field: Any) -> Any:
        if isinstance(field, list):
            return [one(item) for item in field]
        if isinstance(field, dict) and field.keys() == {"shape", "data"}:
            return np.array(field["data"], float).reshape(field["shape"])
        return arrays(field) if isinstance(field, dict) else field

    return {name: one(field) for name, field in fields.items()}


def assert_same(answer: Any, expected: dict[str, Any]) -> None:
    assert vars(answer).keys() - {"card"} == expected.keys()
    for name, value in expected.items():
        found = getattr(answer, name)
        if name == "terms":
            for term, other in zip(found, value, strict=True):
                assert_same(term, other)
        elif isinstance(value, dict):
            assert found.keys() == value.keys()
            for key in value:
                np.testing.assert_array_equal(found[key], value[key])
        else:
            np.testing.assert_array_equal(found, value)


def test_every_example_of_the_cards(server: str, client: Client) -> None:
    """Bit for bit the numbers of the JSON interface, for every loss and the combination."""
    cards = httpx.get(f"{server}/loss", timeout=60).json()
    assert len(cards) > 200
    for card in cards:
        assert_same(client(card["name"], **arrays(card["example"]["request"])), arrays(card["example"]["response"]))


def test_a_loss_is_a_method() -> None:
    assert not {name for name in dir(Client) if not name.startswith("_")} - {"card", "check", "close", "combination", "search"}


def test_tensors_in_the_cards_order_or_by_name(client: Client) -> None:
    weight = [1.0, 2.0, 0.5, 3.0]
    names = [item["name"] for item in client.card("cross_entropy")["inputs"]]
    assert names == ["predictions", "labels", "weight", "class_mask"]
    by_order = client.cross_entropy(X, Y, weight, label_smoothing=0.1, wrt=["predictions"])
    by_name = client("CrossEntropyLoss", labels=Y, weight=weight, predictions=X, label_smoothing=np.float64(0.1))
    assert by_order.value == by_name.value != VALUE == client.cross_entropy(X, Y, None).value
    for tensors, fields in ((([X] * 5), {}), ((X, Y), {"labels": Y})):
        with pytest.raises(TypeError, match="expected each of predictions, labels, weight, class_mask once"):
            client("cross_entropy", *tensors, **fields)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16, ">f8", ">f4"])
def test_arrays_have_the_dtype_that_was_sent(client: Client, dtype: Any) -> None:
    answer = client.cross_entropy(X.astype(dtype), Y.astype("i2"), outputs=["value", "per_sample", "per_element", "gradients"])
    for array in (answer.per_sample, answer.per_element, answer.gradients["predictions"]):
        assert array.dtype == np.dtype(dtype)
    assert abs(answer.value - VALUE.expected) < 0.02
    answer.gradients["predictions"] += 1  # writable


def test_layouts_and_lists(client: Client) -> None:
    wide = np.zeros((12, 8))
    wide[::2, ::2] = X
    for given in (X.tolist(), np.asfortranarray(X), wide[::2, ::2], X.astype(object).astype(float)):
        answer = client.cross_entropy(given, Y.tolist())
        assert answer.value == VALUE
        assert isinstance(answer.gradients["predictions"], np.ndarray)
    assert client.mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3))).value == 0
    assert client.binary_cross_entropy_with_logits(X[:, 0], X[:, 0] > 0).value == client("BCEWithLogitsLoss", X[:, 0], (X[:, 0] > 0) * 1.0).value


def test_what_cannot_be_sent_is_named(client: Client) -> None:
    with pytest.raises(TypeError, match=r"^predictions: an array of complex128; expected"):
        client("mse", X * 1j, X)
    with pytest.raises(TypeError, match=r"^labels: an array of <U1; expected"):
        client("mse", X[0], [["a"]])
    with pytest.raises(ValueError, match="url: no scheme"):
        Client("127.0.0.1:8000")


def test_an_output_that_was_not_requested(client: Client) -> None:
    answer = client.cross_entropy(X, Y, outputs=["value"])
    assert not hasattr(answer, "gradients")
    with pytest.raises(AttributeError, match=r"per_sample: not in this answer; expected one of loss, .*value"):
        _ = answer.per_sample
    assert repr(client("mse", X, X, outputs=["value"])) == "Answer(loss='mean_squared_error', reduction='mean', value=0.0, normalizer=24.0)"
    assert len(repr(client("mse", X.repeat(1000), X.repeat(1000)))) < 300


def test_state_comes_back_to_be_sent_again(server: str, client: Client) -> None:
    cards = httpx.get(f"{server}/loss", timeout=60).json()
    sent = ((card["name"], {item["name"] for item in card["inputs"]}, card["example"]["response"].get("state")) for card in cards)
    name = next(name for name, inputs, state in sent if state and set(state) <= inputs)  # a permutation is a result alone
    request = arrays(client.card(name)["example"]["request"])
    first = client(name, **request)
    assert first.state
    again = client(name, **{**request, **first.state})
    assert any((again.state[key] != value).any() for key, value in first.state.items())


def test_a_combination(client: Client) -> None:
    terms: list[dict[str, Any]] = [
        {"loss": "cross_entropy", "weight": 0.5, "inputs": {"predictions": X.astype("f4"), "labels": Y, "label_smoothing": 0.1}},
        {"loss": "mse", "name": "box", "inputs": {"predictions": X, "labels": [[0.0] * 4] * 6}},
    ]
    answer = client.combination(terms)
    singles = [client(term["loss"], **term["inputs"]) for term in terms]
    assert answer.value == pytest.approx(0.5 * singles[0].value + singles[1].value, rel=1e-15)
    assert [(term.name, term.weight, term.loss) for term in answer.terms] == [
        ("cross_entropy", 0.5, "cross_entropy"),
        ("box", 1, "mean_squared_error"),
    ]
    assert answer.terms[0].gradients["predictions"].dtype == "float32"
    np.testing.assert_allclose(answer.terms[0].gradients["predictions"], 0.5 * singles[0].gradients["predictions"], rtol=1e-6)
    learnt = client.combination(terms, weighting="uncertainty", log_variances=np.zeros(2))
    assert learnt.gradients["log_variances"].shape == (2,)


def test_threads_share_a_client(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda k: client("mse", X * k, X * 0).value, range(64)))
    np.testing.assert_allclose(values, (X**2).mean() * np.arange(64) ** 2)


def test_async(server: str) -> None:
    async def main() -> list[float]:
        async with AsyncClient(server) as client:
            assert (await client.card("mse"))["name"] == "mean_squared_error"
            with pytest.raises(loss_client.InvalidTensor, match="labels"):
                await client.cross_entropy(X, Y + 1)
            assert (await client.combination([{"loss": "mse", "inputs": {"predictions": X, "labels": X}}])).value == 0
            return [answer.value for answer in await asyncio.gather(*(client("mse", X * k, X * 0) for k in range(64)))]

    np.testing.assert_allclose(asyncio.run(main()), (X**2).mean() * np.arange(64) ** 2)


def _value(client: Client) -> float:
    return client.cross_entropy(X, Y).value


def test_copies_pickles_and_forks_open_connections_of_their_own(server: str) -> None:
    with Client(server, token="secret", timeout=20) as client:
        assert _value(client) == VALUE
        for other in (copy.deepcopy(client), pickle.loads(pickle.dumps(client)), copy.copy(client)):
            assert (other.url, other.timeout, repr(other)) == (server, 20, f"Client('{server}')")
            assert _value(other) == VALUE
            assert other._pools[os.getpid()] is not client._pools[os.getpid()]
            other.close()
        assert _value(client) == VALUE
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(_value, [client] * 4) == [VALUE] * 4
        mine = dict(client._pools)
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        child = context.Process(target=lambda: queue.put((_value(client), client._pools.keys() != mine.keys())))
        child.start()
        assert queue.get() == (VALUE, True)
        child.join()
        assert _value(client) == VALUE
        assert client._pools == mine


def test_a_closed_client_opens_again(server: str) -> None:
    client = Client(server)
    client.close()
    assert _value(client) == VALUE
    client.close()
    assert _value(client) == VALUE
    client.close()


def test_nothing_of_the_service_and_no_framework_is_imported() -> None:
    package = Path(loss_client.__file__).parent
    for path in package.glob("*.py"):
        imported = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in imported if isinstance(node, ast.ImportFrom)}
        assert not {name for name in names if name.split(".")[0] in ("service", "ml_dtypes", "orjson", "safetensors")}, path
    program = "import sys, loss_client; assert not sys.modules.keys() & {'torch', 'jax', 'ml_dtypes', 'service'}, sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=package.parent)


def test_bodies_are_safetensors() -> None:
    """The safetensors package reads our files, and vice versa."""
    tensors = {"a": X, "b": Y.astype("i2"), "c": X > 0, "d": X.astype("f2"), "e": np.zeros((0, 3))}
    read = safetensors.numpy.load(encode({**tensors, "option": "x"}))
    assert read.keys() == tensors.keys()
    back = decode(bytearray(safetensors.numpy.save(tensors, metadata={"gradients.x": "y"})))
    assert back.pop("gradients") == {"x": "y"}
    for name, tensor in tensors.items():
        for found in (read[name], back[name]):
            np.testing.assert_array_equal(found, tensor)
            assert found.dtype == tensor.dtype
