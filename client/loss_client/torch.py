"""A loss of the service as a module of torch: Loss("http://127.0.0.1:8000", "cross_entropy")(model(x), labels).backward()."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from loss_client.client import Client, bound, check_differentiable
from loss_client.errors import InvalidRequest


class Loss(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Any loss of any of its inputs, with the results of torch's own modules: tensors in the card's order or by name, on any device.

    options: the loss's options, such as `label_smoothing=0.1` or `reduction="none"`, and inputs that stay the same: a tensor such as
    `weight` becomes a buffer, a parameter such as `proxies` a parameter of this module.

    The result has the dtype and device of the first floating-point tensor. It is the value, or with `reduction="none"` the elements as torch has
    them; the samples, shape (n,), where the loss has no elements. The gradient comes with the value, in one call. That of `none` is a
    second call, with the upstream gradient as `cotangent`. No gradient is requested under `no_grad`. `create_graph=True` is an
    error: there are no second derivatives. Under
    autocast, 16-bit tensors are sent as float32, as torch's own losses compute.

    Copies, pickles and forked workers open connections of their own. torch.compile breaks its graph here, so `fullgraph=True` fails.
    Raises the exceptions of loss_client.errors, and ValueError for a tensor that requires a gradient which the loss does not have.
    """

    def __init__(self, client: Client | str, name: str, **options: Any) -> None:
        super().__init__()
        self.client = Client(client) if isinstance(client, str) else client
        self.name, self.options = name, {}
        self.elementwise = True  # until an unreduced call was rejected
        for key, option in options.items():
            if isinstance(option, torch.nn.Parameter):
                self.register_parameter(key, option)
            elif isinstance(option, torch.Tensor) and option.ndim:
                self.register_buffer(key, option)
            else:
                self.options[key] = option

    def extra_repr(self) -> str:
        return ", ".join([self.name, *(f"{key}={option!r}" for key, option in self.options.items())])

    @torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
    def forward(self, *tensors: torch.Tensor | None, **fields: Any) -> torch.Tensor:
        card = self.client.card(self.name)
        fields = bound(card, tensors, {**self.options, **self._buffers, **self._parameters, **fields})
        wrt = [key for key, field in fields.items() if isinstance(field, torch.Tensor) and field.requires_grad and torch.is_grad_enabled()]
        check_differentiable(card, wrt)
        inputs = [item["name"] for item in card["inputs"] if isinstance(fields.get(item["name"]), torch.Tensor)]
        given = [_widened(fields.pop(key)) for key in inputs]
        return _Call.apply(self, fields, wrt, inputs, *given)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]


class _Call(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """A call as a node of the graph, with the tensors of `inputs`, of which those of `wrt` need a gradient."""

    @staticmethod
    def forward(ctx: Any, loss: Loss, fields: dict[str, Any], wrt: list[str], inputs: Sequence[str], *tensors: torch.Tensor) -> torch.Tensor:
        ctx.loss, ctx.fields, ctx.wrt, ctx.inputs = loss, fields, wrt, inputs
        fields = {**fields, **dict(zip(inputs, tensors, strict=True))}
        if fields.get("reduction") == "none":
            ctx.save_for_backward(*tensors)
            return _unreduced(loss, fields)
        answer = loss.client(loss.name, **{**fields, "outputs": ["value", "gradients"] if wrt else ["value"], "wrt": wrt or None})
        ctx.save_for_backward(*(answer.gradients[key] for key in wrt))
        like = next((tensor for tensor in tensors if tensor.is_floating_point()), None)
        return torch.tensor(answer.value) if like is None else like.new_tensor(answer.value)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if torch.is_grad_enabled():  # once_differentiable would lose a second derivative silently where upstream is a constant
            raise RuntimeError(f"create_graph: no second derivative of {ctx.loss.name}; expected create_graph=False")
        if ctx.fields.get("reduction") == "none":
            tensors = dict(zip(ctx.inputs, ctx.saved_tensors, strict=True))
            controls = {"cotangent": upstream, "outputs": ["gradients"], "wrt": ctx.wrt}
            gradients = ctx.loss.client(ctx.loss.name, **{**ctx.fields, **tensors, **controls}).gradients
        else:
            gradients = {key: upstream * gradient for key, gradient in zip(ctx.wrt, ctx.saved_tensors, strict=True)}
        return None, None, None, None, *(gradients.get(key) for key in ctx.inputs)


def _unreduced(loss: Loss, fields: dict[str, Any]) -> torch.Tensor:
    """The elements, or the samples where the service has no elements of this loss."""
    if loss.elementwise:
        try:
            return loss.client(loss.name, **{**fields, "outputs": ["per_element"]}).per_element
        except InvalidRequest as error:
            if error.pointer != "/outputs":
                raise
            loss.elementwise = False
    return loss.client(loss.name, **{**fields, "outputs": ["per_sample"]}).per_sample


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor with an axis at least; a 16-bit one as float32 under autocast, by a cast that autograd sees, so that a scaled gradient is scaled in float32."""
    tensor = tensor if tensor.ndim else tensor.reshape(1)
    narrow = tensor.is_floating_point() and tensor.itemsize == 2
    return tensor.float() if narrow and torch.is_autocast_enabled(tensor.device.type) else tensor
