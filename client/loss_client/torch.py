"""A loss of the service as a module of torch: Loss("http://127.0.0.1:8000", "cross_entropy")(model(x), labels).backward()."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from loss_client.client import Client, bound
from loss_client.errors import InvalidRequest


class Loss(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Any loss, of any of its inputs: tensors in the card's order or by name, in torch's dtypes and on any device.

    options: the loss's options and inputs that stay the same, such as `label_smoothing=0.1` or `weight=torch.tensor(...)`, which becomes a
    buffer. The result is the value, for `reduction="none"` the elements as torch has them, or one number a sample where the loss has no
    elements. A backward pass multiplies the gradient that came with the value; that of `none` is a second call, with its upstream
    gradient as `cotangent`. No gradient is requested under `no_grad`. A second derivative is an error.

    Under autocast 16-bit tensors are sent as float32, as torch's own losses compute. Copies, pickles and forked workers open connections of their
    own. torch.compile breaks the graph here, so `fullgraph=True` is an error. Raises the exceptions of loss_client.errors, and ValueError for
    a tensor that requires a gradient which the loss does not have.
    """

    def __init__(self, client: Client | str, name: str, **options: Any) -> None:
        super().__init__()
        self.client = Client(client) if isinstance(client, str) else client
        self.name, self.elementwise = name, True  # the latter until the service has none for this loss
        self.options = {key: option for key, option in options.items() if not isinstance(option, torch.Tensor) or option.ndim == 0}
        for key in options.keys() - self.options.keys():
            self.register_buffer(key, options[key])

    def extra_repr(self) -> str:
        return ", ".join([self.name, *(f"{key}={option!r}" for key, option in self.options.items())])

    @torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
    def forward(self, *tensors: torch.Tensor | None, **fields: Any) -> torch.Tensor:
        card = self.client.card(self.name)
        fields = bound(card, tensors, {**self.options, **dict(self.named_buffers()), **fields})
        given = {key: _autocast(field) for key, field in fields.items() if isinstance(field, torch.Tensor) and field.ndim}
        wrt = [key for key, tensor in given.items() if tensor.requires_grad] if torch.is_grad_enabled() else []
        differentiable = [item["name"] for item in card["inputs"] if item["differentiable"]]
        if not set(wrt) <= set(differentiable):
            raise ValueError(f"{', '.join(wrt)}: a gradient is required; {self.name} has those of {', '.join(differentiable)}. Detach the others")
        return _Call.apply(self, {**fields, **given}, wrt, tuple(given), *given.values())  # type: ignore[no-any-return, no-untyped-call, unused-ignore]


class _Call(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """A call as a node of the graph. `fields` holds the tensors too; they are arguments for autograd to see."""

    @staticmethod
    def forward(ctx: Any, loss: Loss, fields: dict[str, Any], wrt: list[str], names: Sequence[str], *tensors: torch.Tensor) -> torch.Tensor:
        ctx.loss, ctx.wrt, ctx.names, ctx.fields = loss, wrt, names, {key: field for key, field in fields.items() if key not in names}
        like = next((tensor for tensor in tensors if tensor.is_floating_point()), tensors[0])
        if fields.get("reduction") == "none":
            ctx.save_for_backward(*tensors)
            return _elements(loss, fields)
        answer = loss.client(loss.name, **{**fields, "outputs": ["value", "gradients"] if wrt else ["value"]}, **({"wrt": wrt} if wrt else {}))
        ctx.save_for_backward(*(answer.gradients[key] for key in wrt))
        return like.new_tensor(answer.value, dtype=None if like.is_floating_point() else torch.get_default_dtype())

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if ctx.fields.get("reduction") == "none":
            fields = {**ctx.fields, **dict(zip(ctx.names, ctx.saved_tensors, strict=True))}
            controls = {"cotangent": upstream, "outputs": ["gradients"], "wrt": ctx.wrt}
            gradients = ctx.loss.client(ctx.loss.name, **fields, **controls).gradients
        else:
            gradients = {key: upstream * gradient for key, gradient in zip(ctx.wrt, ctx.saved_tensors, strict=True)}
        return (None, None, None, None, *(gradients.get(key) for key in ctx.names))


def _elements(loss: Loss, fields: dict[str, Any]) -> torch.Tensor:
    """The elements, or the samples where the loss has no elements or one in each sample: a cotangent of shape (n,) is that of samples."""
    if loss.elementwise:
        try:
            answer = loss.client(loss.name, **{**fields, "outputs": ["per_element", "per_sample"]})
            return answer.per_element if answer.per_element.ndim > 1 else answer.per_sample
        except InvalidRequest as error:
            if error.pointer != "/outputs":
                raise
            loss.elementwise = False
    return loss.client(loss.name, **{**fields, "outputs": ["per_sample"]}).per_sample


def _autocast(tensor: torch.Tensor) -> torch.Tensor:
    narrow = tensor.is_floating_point() and tensor.itemsize == 2
    return tensor.float() if narrow and torch.is_autocast_enabled(tensor.device.type) else tensor
