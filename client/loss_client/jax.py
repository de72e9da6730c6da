"""A loss of the service as a function of jax, under jit, grad, value_and_grad and vmap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from loss_client.answer import sample_axes
from loss_client.client import Client, bound, check_differentiable

Tensors = dict[str, Any]


def loss(client: Client | str, name: str, **options: Any) -> Callable[..., jax.Array]:
    """Return a function of tensors, in the card's order or by name: `loss(url, "cross_entropy", label_smoothing=0.1)(logits, labels)`.

    Its result is the value, or with `reduction="none"` the loss of each sample, shape (n,): XLA needs a shape before the call, and only
    the service has that of the elements. The gradient comes with the value, in one call; that of `none` is a second call, with
    its upstream gradient as `cotangent`. Under vmap there is a call for each example, and a second derivative is an error. Raises ValueError while
    tracing for an input that needs a gradient which the loss does not have: put `jax.lax.stop_gradient` around it.
    """
    service = Client(client) if isinstance(client, str) else client
    unreduced = options.get("reduction") == "none"
    output = "per_sample" if unreduced else "value"

    def remote(tensors: Tensors, **controls: Any) -> Any:
        """The call itself, on the host."""
        return service(name, **{**options, **{key: np.asarray(tensor) for key, tensor in tensors.items()}, **controls})

    @jax.custom_vjp  # type: ignore[untyped-decorator, unused-ignore]
    def call(tensors: Tensors) -> jax.Array:
        result = _result(service.card(name), tensors, unreduced)
        return _callback(lambda given: np.asarray(getattr(remote(given, outputs=[output]), output), result.dtype), result, tensors)

    def forward(primals: Mapping[str, Any]) -> tuple[jax.Array, Any]:
        tensors = {key: primal.value for key, primal in primals.items()}
        wrt = [key for key, primal in primals.items() if primal.perturbed]
        check_differentiable(service.card(name), wrt)
        if unreduced:
            return call(tensors), (tensors, dict.fromkeys(wrt))
        result = _result(service.card(name), tensors, unreduced)

        def both(given: Tensors) -> tuple[Any, Tensors]:
            answer = remote(given, outputs=["value", "gradients"], wrt=wrt)
            return np.asarray(answer.value, result.dtype), answer.gradients

        value, gradients = _callback(both, (result, _shapes(tensors, wrt)), tensors)
        return value, (dict.fromkeys(tensors), gradients)

    def backward(residuals: tuple[Tensors, Tensors], upstream: Any) -> tuple[Tensors]:
        tensors, gradients = residuals
        if isinstance(upstream, jax.custom_derivatives.SymbolicZero):
            return (dict.fromkeys(tensors),)
        if unreduced:
            wrt = list(gradients)
            gradients = _callback(
                lambda given, c: remote(given, cotangent=np.asarray(c), wrt=wrt).gradients, _shapes(tensors, wrt), tensors, upstream
            )
        else:
            gradients = {key: upstream.astype(gradient.dtype) * gradient for key, gradient in gradients.items()}
        return ({key: gradients.get(key) for key in tensors},)

    call.defvjp(forward, backward, symbolic_zeros=True)

    def function(*tensors: Any, **named: Any) -> jax.Array:
        given = bound(service.card(name), tensors, named)
        return call({key: jax.numpy.atleast_1d(tensor) for key, tensor in given.items()})

    return function


def _callback(function: Callable[..., Any], shapes: Any, *tensors: Any) -> Any:
    return jax.pure_callback(function, shapes, *tensors, vmap_method="sequential")


def _shapes(tensors: Tensors, wrt: list[str]) -> Tensors:
    return {key: jax.ShapeDtypeStruct(tensors[key].shape, tensors[key].dtype) for key in wrt}


def _result(card: Mapping[str, Any], tensors: Tensors, unreduced: bool) -> jax.ShapeDtypeStruct:
    """The shape and dtype of the result: the dtype is that of the first floating-point tensor."""
    dtypes = [tensor.dtype for tensor in tensors.values() if jax.numpy.issubdtype(tensor.dtype, jax.numpy.floating)]
    sizes = [tensors[name].shape[axis] for name, axis in sample_axes(card).items() if name in tensors and axis is not None]
    return jax.ShapeDtypeStruct((sizes[0],) if unreduced else (), dtypes[0] if dtypes else jax.numpy.float32)
