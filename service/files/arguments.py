"""The command line of `loss-service evaluate`: a loss's declaration as flags."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from service.cli import Parser
from service.files.evaluation import Job, evaluate
from service.files.readers import READERS, FileError, expand
from service.files.rows import check_option, option_range, require_merging, row_inputs
from service.files.writer import SUFFIXES
from service.losses import LOSSES, Loss, LossError
from service.losses.declaration import Input, Option
from service.losses.numerics import Array

USAGE_ERROR, DATA_ERROR, INTERRUPTED, TERMINATED = 2, 1, 130, 143
SECONDS_BETWEEN_REPORTS = 0.2


def main(arguments: list[str]) -> int:
    """Run the command; 0, or 1 if the files do not have the inputs of the loss, 2 if the command is invalid."""
    try:
        job = _job(arguments)
    except (LossError, FileError) as exc:
        return _complain(str(exc), USAGE_ERROR)
    pa.set_cpu_count(job.jobs)
    before = signal.signal(signal.SIGTERM, _terminate)
    progress = Progress()
    try:
        document = evaluate(job, progress)
    except (LossError, FileError) as exc:
        progress.clear()
        return _complain(str(exc), DATA_ERROR)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        progress.clear()
        signal.signal(signal.SIGTERM, before)
    print(json.dumps(document, allow_nan=False), flush=True)
    return 0


def _terminate(number: int, frame: object) -> NoReturn:
    """Unwind the stack at SIGTERM, so that the partial file is removed."""
    raise SystemExit(TERMINATED)


def _complain(message: str, status: int) -> int:
    print(f"loss-service evaluate: {message}", file=sys.stderr)
    return status


# ------------------------------------------------------------------ the flags


def _job(arguments: list[str]) -> Job:
    first = Parser(prog="loss-service evaluate", add_help=False, allow_abbrev=False)
    first.add_argument("--loss")
    name = first.parse_known_args(arguments)[0].loss
    loss = None if name is None else _find(name)
    chosen = vars(parser(loss).parse_args(arguments))
    assert loss is not None  # noqa: S101 - argparse exits without --loss
    require_merging(loss, chosen)
    paths, out = expand(chosen["files"]), chosen["out"]
    if chosen["gradients"] and out is None:
        raise FileError("--gradients: not allowed without --out; expected a file for the gradients of the rows")
    if out is not None and out.exists() and any(out.samefile(path) for path in paths):
        raise FileError(f"--out: not a new file; expected a file that is not read, got {out}")
    rows = row_inputs(loss)
    constants = {item.name: chosen[item.name] for item in loss.inputs if item not in rows and chosen[item.name] is not None}
    return Job(
        paths=tuple(paths),
        loss=loss,
        columns={item.name: tuple(chosen[item.name].split(",")) for item in rows if chosen[item.name] is not None},
        options=constants | {option.name: check_option(option, chosen[option.name]) for option in loss.options},
        sample_weight=chosen["sample_weight"],
        by=chosen["by"],
        out=out,
        gradients=chosen["gradients"],
        jobs=chosen["jobs"],
    )


def _find(name: str) -> Loss:
    """The loss of this name or synonym. Only synonyms and misspellings need the search, whose import takes a quarter of the command's start."""
    if name in LOSSES:
        return LOSSES[name]
    from service.api.names import find
    from service.errors import Failure

    try:
        return find(name)
    except Failure as exc:
        raise FileError(exc.detail.replace("GET /loss lists", "loss-service losses lists")) from exc


def parser(loss: Loss | None) -> Parser:
    """The parser for a loss's own flags; without a loss only the common ones."""
    made = Parser(
        prog="loss-service evaluate",
        allow_abbrev=False,
        description=loss.summary.replace("%", "%%")
        if loss
        else "Compute a loss over files. With --loss NAME, --help has the inputs and options of that loss.",
        epilog="Prints one line of JSON: loss, value, normalizer, rows, and by. The value of several runs is sum(value * normalizer) / sum(normalizer).",
    )
    made.add_argument("files", nargs="+", metavar="FILE", help=f"files, globs and directories of {', '.join(READERS)}")
    made.add_argument("--loss", required=True, metavar="NAME", help="a loss or a synonym; `loss-service losses` lists them")
    made.add_argument("--sample-weight", metavar="COLUMN", help="non-negative weights of the rows")
    made.add_argument("--by", metavar="COLUMN", help="also a value for each group of rows that have the same value here")
    made.add_argument("--out", type=Path, metavar="FILE", help=f"the rows with their loss, written to {', '.join(SUFFIXES)}")
    made.add_argument("--gradients", action="store_true", help="with --out: also gradient_<input>, the gradient of the sum of the losses")
    made.add_argument("--jobs", type=_count, default=_cores(), metavar="N", help="threads (default: %(default)s, the cores of this process)")
    if loss:
        inputs, options = made.add_argument_group(f"inputs of {loss.name}"), made.add_argument_group(f"options of {loss.name}")
        rows = row_inputs(loss)
        for item in loss.inputs:
            (_add_column if item in rows else _add_constant)(inputs, item)
        for option in loss.options:
            _add_option(options, option)
    return made


def _add_column(group: Any, item: Input) -> None:
    default = item.name if item.required else None
    text = f"{_described(item)} (default: {f'the column {default}' if default else 'none'})"
    group.add_argument(_flag(item.name), dest=item.name, default=default, metavar="COLUMN[,COLUMN..]", help=text)


def _add_constant(group: Any, item: Input) -> None:
    text = f"{_described(item)}; the same for all rows: numbers, a JSON array or the name of a .npy file"
    group.add_argument(_flag(item.name), dest=item.name, type=_constant, required=item.required, metavar="NUMBERS", help=text)


def _add_option(group: Any, option: Option) -> None:
    text = f"{option.description} ".replace("%", "%%") + "(default: %(default)s)"
    if option.type == "boolean":
        group.add_argument(_flag(option.name), dest=option.name, default=option.default, action=argparse.BooleanOptionalAction, help=text)
        return
    metavar = "|".join(option.choices) or option.type.upper()
    bounds = "" if option.choices or not option.bounds else f"{option_range(option)}; ".replace("%", "%%")
    group.add_argument(_flag(option.name), dest=option.name, default=option.default, type=_typed(option), metavar=metavar, help=bounds + text)


def _described(item: Input) -> str:
    forms = "; or ".join(f"{form.shape_text}, {form.domain_text}" for form in item.forms)
    return f"{item.description.rstrip('.')}. {forms}".replace("%", "%%")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _typed(option: Option) -> Callable[[str], Any]:
    """From text to the option's type; argparse names the flag in the error."""

    def convert(text: str) -> Any:
        try:
            value: Any = {"number": float, "integer": int, "string": str}[option.type](text)
            return check_option(option, value)
        except ValueError:  # InvalidOption is one
            raise argparse.ArgumentTypeError(f"not in the range of the option; expected {option_range(option)}, got {text[:100]!r}") from None

    return convert


def _constant(text: str) -> Array:
    try:
        if text.endswith(".npy"):
            return np.asarray(np.load(text, allow_pickle=False))
        return np.asarray(json.loads(text if text.lstrip().startswith("[") else f"[{text}]"), np.float64)
    except OSError as exc:
        raise argparse.ArgumentTypeError(f"not readable ({exc.strerror}); expected a .npy file, got {text}") from None
    except (ValueError, TypeError, RecursionError):
        raise argparse.ArgumentTypeError(f"not numbers; expected 1,2.5 or a JSON array or the name of a .npy file, got {text[:100]!r}") from None


def _count(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"not a number of threads; expected an integer from 1 to 1024, got {text[:100]!r}")
    return int(text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ------------------------------------------------------------------ progress


class Progress:
    """Rows, rate and time left on one line of standard error, where that is a terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.start = self.last = time.monotonic()

    def __call__(self, rows: int, share: float) -> None:
        """Show how far it is, at most five times a second."""
        now = time.monotonic()
        if not self.shown or now - self.last < SECONDS_BETWEEN_REPORTS:
            return
        self.last, taken = now, now - self.start
        left = taken * (1 - share) / share if share else 0.0
        self._print(f"{rows:,} rows, {share:.0%}, {rows / taken:,.0f} rows/s, {int(left) // 60}:{int(left) % 60:02} left")

    def clear(self) -> None:
        """Remove the line."""
        if self.shown:
            self._print("")

    def _print(self, text: str) -> None:
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
