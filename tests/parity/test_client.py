"""The client's torch module and jax function against a real server: gradients, dtypes, copies, forks, autocast and compilation."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import loss_client.jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from loss_client import Client
from loss_client.torch import Loss

from service.losses import LOSSES
from tests.losses import draw

DRAWS = 6
every_loss = pytest.mark.parametrize("name", [name for name in draw.every_loss if LOSSES[name].differentiable])
IN_JAX = ["cross_entropy", "mean_squared_error", "smooth_l1", "binary_cross_entropy_with_logits", "kl_divergence", "gaussian_nll", "triplet_margin"]
IN_JAX += ["cosine_embedding", "dice", "ctc"]


@pytest.fixture(scope="module")
def service(server: str) -> Iterator[Client]:
    with Client(server) as opened:
        yield opened


def calls(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[str]]]:
    """Random tensors and options of a loss, and the inputs that have a gradient in this call."""
    for number in range(DRAWS):
        arrays, options = draw.call(LOSSES[name], np.random.default_rng([zlib.crc32(name.encode()), number]))
        found = LOSSES[name](**arrays, **options).gradients
        wrt = [key for key in found if key in arrays and arrays[key].dtype.kind == "f"]
        if wrt:
            yield arrays, options, wrt


def passes(loss: Loss, tensors: dict[str, torch.Tensor]) -> bool:
    def call(*given: torch.Tensor) -> torch.Tensor:
        return loss(**dict(zip(tensors, given, strict=True)))

    return torch.autograd.gradcheck(call, tuple(tensors.values()), fast_mode=True, atol=1e-4, raise_exception=False)


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradcheck(service: Client, name: str, reduction: str) -> None:
    """One of a few random calls passes: another may stand on a kink, where finite differences mean nothing. A wrong gradient fails in all."""
    if "gradients" in LOSSES[name].conventions:  # a factor is constant in them: no finite difference is theirs
        return gradients_are_those_of_the_service(service, name, reduction)
    for arrays, options, wrt in calls(name):
        tensors = {key: torch.tensor(array, requires_grad=key in wrt) for key, array in arrays.items()}
        if passes(Loss(service, name, reduction=reduction, **options), tensors):
            return None
    raise AssertionError("no call passes gradcheck")


def gradients_are_those_of_the_service(service: Client, name: str, reduction: str) -> None:
    arrays, options, wrt = next(calls(name))
    tensors = {key: torch.tensor(array, requires_grad=key in wrt) for key, array in arrays.items()}
    result = Loss(service, name, reduction=reduction, **options)(**tensors)
    c = torch.randn_like(result)
    result.backward(c)
    scaled = {"cotangent": c.numpy()} if result.ndim else {}
    expected = service(name, **arrays, **options, **scaled, reduction=reduction, wrt=wrt).gradients
    for key in wrt:
        np.testing.assert_allclose(tensors[key].grad, expected[key] * (1 if result.ndim else c.item()), rtol=1e-12)


def batch(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(6, 4, dtype=dtype, requires_grad=True), torch.arange(6) % 4


@pytest.mark.parametrize(
    "options", [{}, {"reduction": "sum"}, {"weight": torch.tensor([1.0, 2, 0.5, 3], dtype=torch.float64), "label_smoothing": 0.1}]
)
def test_cross_entropy_is_that_of_torch(service: Client, options: dict[str, Any]) -> None:
    x, y = batch()
    value, theirs = Loss(service, "cross_entropy", **options)(x, y), F.cross_entropy(x, y, **options)
    torch.testing.assert_close(value, theirs)
    found, expected = (torch.autograd.grad(3 * result, x)[0] for result in (value, theirs))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 7)])
def test_none_has_the_elements_of_torch(service: Client, shape: tuple[int, ...]) -> None:
    x, y = torch.randn(shape, dtype=torch.float64, requires_grad=True), torch.randint(0, 3, (5, *shape[2:]))
    found, theirs = Loss(service, "cross_entropy", reduction="none")(x, y), F.cross_entropy(x, y, reduction="none")
    torch.testing.assert_close(found, theirs)
    c = torch.randn_like(theirs)
    torch.testing.assert_close(torch.autograd.grad(found, x, c)[0], torch.autograd.grad(theirs, x, c)[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_dtypes(service: Client, dtype: torch.dtype, reduction: str) -> None:
    x, y = batch(dtype)
    result = Loss(service, "cross_entropy", reduction=reduction)(x, y)
    result.sum().backward()
    assert result.dtype == x.grad.dtype == dtype
    torch.testing.assert_close(result.double(), F.cross_entropy(x.double(), y, reduction=reduction), rtol=1e-2, atol=1e-2)


def test_autocast_computes_in_float32_as_torch_does(service: Client) -> None:
    x, y = batch(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        value = Loss(service, "cross_entropy")(x, y)
    (value * 65536).backward()
    assert (value.dtype, x.grad.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(value, F.cross_entropy(x.float(), y))


def test_what_needs_no_gradient_requests_none(service: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    call = Client._call

    def recorded(self: Client, name: str, tensors: Any, fields: Any) -> Any:
        sent.append(fields)
        return call(self, name, tensors, fields)

    monkeypatch.setattr(Client, "_call", recorded)
    (x, y), loss = batch(), Loss(service, "cross_entropy")
    with torch.no_grad():
        assert not loss(x, y).requires_grad
    assert not loss(x.detach(), y).requires_grad
    loss(x, y)
    assert [fields["outputs"] for fields in sent] == [["value"], ["value"], ["value", "gradients"]]
    assert sent[-1]["wrt"] == ["predictions"]


def test_labels_are_differentiable_where_the_loss_says_so(service: Client) -> None:
    x, y = (torch.randn(5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    Loss(service, "mse")(x, y).backward()
    torch.testing.assert_close(y.grad, -x.grad)
    with pytest.raises(ValueError, match="weight: no gradient in mean_squared_error; expected one of predictions, labels"):
        Loss(service, "mse")(x, y.detach(), weight=x.abs())
    margin = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(ValueError, match="margin: no gradient"):
        Loss(service, "triplet_margin", margin=margin)(x, y, x)


def test_second_derivatives_are_an_error(service: Client) -> None:
    x, y = batch()
    with pytest.raises(RuntimeError, match="create_graph: no second derivative of cross_entropy"):
        torch.autograd.grad(Loss(service, "cross_entropy")(x, y), x, create_graph=True)


def test_tensors_of_options_are_buffers_and_parameters(service: Client) -> None:
    loss = Loss(service, "cross_entropy", weight=torch.ones(4), label_smoothing=torch.tensor(0.1))
    assert loss.state_dict().keys() == {"weight"}
    assert repr(loss) == "Loss(cross_entropy, label_smoothing=tensor(0.1000))"
    assert loss.double().weight.dtype == torch.float64
    torch.testing.assert_close(loss(*batch()), F.cross_entropy(*batch(), label_smoothing=0.1), rtol=1e-6, atol=0)
    scale = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))  # of rank 0, as in CLIP
    clip = Loss(service, "clip", logit_scale=scale)
    assert dict(clip.named_parameters()).keys() == {"logit_scale"}
    image, text = (F.normalize(torch.randn(5, 3, dtype=torch.float64)) for _ in range(2))
    clip(image, text).backward()
    assert scale.grad.shape == ()
    assert scale.grad != 0


def _value(loss: Loss) -> float:
    return loss(*batch()).item()


def test_copies_pickles_and_workers(server: str) -> None:
    loss = Loss(server, "cross_entropy", label_smoothing=0.1)
    expected = _value(loss)
    assert [_value(copy.deepcopy(loss)), _value(pickle.loads(pickle.dumps(loss)))] == [expected] * 2
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map_async(_value, [loss]).get(timeout=180) == [expected]


class Losses(torch.utils.data.Dataset):
    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def __len__(self) -> int:
        return 6

    def __getitem__(self, i: int) -> torch.Tensor:
        x, y = batch()
        return self.loss(x[i : i + 1].detach(), y[i : i + 1])


@pytest.mark.filterwarnings("ignore:os.fork")  # of jax, which other tests of the process have imported
def test_in_the_workers_of_a_data_loader(server: str) -> None:
    loss = Loss(server, "cross_entropy")
    expected = _value(loss)  # the connection is open where the workers fork
    values = torch.cat(list(torch.utils.data.DataLoader(Losses(loss), batch_size=2, num_workers=2, timeout=120)))
    assert values.mean().item() == pytest.approx(expected)


def _gradient_of_half(loss: Loss, rank: int, store: str) -> np.ndarray[Any, Any]:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # the address of the host's name may be out of reach in a sandbox, and gloo then waits for ever
    limit = timedelta(seconds=60)
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2, timeout=limit)
    x, y = batch()
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 4).double())
    loss(model(x.detach()[rank::2]), y[rank::2]).backward()
    gradient = model.module.weight.grad.numpy().copy()
    torch.distributed.barrier()
    del model  # before the group: a model that outlives it joins gloo's threads, and hung in 1 run of 3
    torch.distributed.destroy_process_group()
    return gradient


def test_distributed_data_parallel(server: str, tmp_path: Path) -> None:
    """Two processes with half of the batch each have the gradient of the whole."""
    loss, (x, y) = Loss(server, "cross_entropy"), batch()
    model = torch.nn.Linear(4, 4).double()
    loss(model(x.detach()), y).backward()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        calls = [(loss, rank, str(tmp_path / "store")) for rank in range(2)]
        found = pool.starmap_async(_gradient_of_half, calls, chunksize=1).get(timeout=180)  # a process that is killed leaves its call open
    for gradient in found:
        np.testing.assert_allclose(gradient, model.weight.grad.numpy(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # which torch.compile reads
def test_torch_compile_breaks_the_graph(service: Client) -> None:
    loss = Loss(service, "cross_entropy")

    def step(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss(x * 2, y) + 1

    x, y = batch()
    compiled = torch.compile(step, backend="eager")
    torch.testing.assert_close(compiled(x, y), step(x, y))
    torch.compiler.reset()
    with pytest.raises(Exception, match="disable"):
        torch.compile(step, backend="eager", fullgraph=True)(x, y)


@pytest.mark.parametrize("name", IN_JAX)
def test_jax_under_jit(service: Client, name: str) -> None:
    arrays, options, wrt = next(calls(name))
    function = loss_client.jax.loss(service, name, **options)
    unreduced = loss_client.jax.loss(service, name, reduction="none", **options)
    with jax.enable_x64(True):
        tensors = {key: jnp.asarray(array) for key, array in arrays.items()}
        value, gradients = jax.jit(jax.value_and_grad(lambda given: function(**{**tensors, **given})))({key: tensors[key] for key in wrt})
        expected = service(name, **arrays, **options, wrt=wrt)
        assert value == expected.value
        samples = jax.jit(lambda given: unreduced(**given))(tensors)
        cotangent = np.random.default_rng(0).normal(size=samples.shape)
        of_none = jax.jit(jax.grad(lambda given: (unreduced(**{**tensors, **given}) * cotangent).sum()))({key: tensors[key] for key in wrt})
    none = service(name, **arrays, **options, reduction="none", wrt=wrt, cotangent=cotangent)
    np.testing.assert_array_equal(samples, none.per_sample)
    for key in wrt:
        np.testing.assert_array_equal(gradients[key], expected.gradients[key])
        np.testing.assert_array_equal(of_none[key], none.gradients[key])


def test_jax_dtypes_vmap_and_rejections(service: Client) -> None:
    x, y = jnp.asarray(batch(torch.float32)[0].detach().numpy()), jnp.arange(6) % 4
    function = loss_client.jax.loss(service, "cross_entropy")
    for dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        value, gradient = jax.value_and_grad(function)(x.astype(dtype), y)
        assert value.dtype == gradient.dtype == dtype
    stacked = jnp.stack([x, 2 * x])
    each = [jax.grad(function)(one, y) for one in stacked]
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(function), (0, None)))(stacked, y), jnp.stack(each))
    with pytest.raises(ValueError, match="weight: no gradient in mean_squared_error"):
        jax.grad(lambda x: loss_client.jax.loss(service, "mse")(x, x, weight=abs(x)))(x)
    with pytest.raises(jax.errors.JaxRuntimeError, match="labels"):
        jax.jit(function)(x, y + 4)
    answer = service.cross_entropy(x, y)
    assert isinstance(answer.gradients["predictions"], jax.Array)
    assert answer.per_sample.devices() == x.devices()


def test_answers_are_of_the_library_that_was_sent(service: Client) -> None:
    x, y = batch(torch.bfloat16)
    answer = service.cross_entropy(x, y)
    assert (answer.per_sample.dtype, answer.gradients["predictions"].dtype) == (torch.bfloat16, torch.bfloat16)
    merged = loss_client.merge([service.cross_entropy(x[:2], y[:2]), service.cross_entropy(x[2:], y[2:])])
    torch.testing.assert_close(merged.gradients["predictions"], answer.gradients["predictions"])
    assert merged.value == pytest.approx(answer.value, rel=1e-6)
