"""Parts of a table through Dask: worker processes of this machine, or those of a scheduler somewhere.

A worker is given an order of texts and numbers and the name of a function; it must have gradcli installed and see the
folders under the same names. Parts of a worker that dies are given to another one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack

from gradcli.batch import parts
from gradcli.errors import UsageMistake

LOCAL = "dask"
PATIENCE = 20  # seconds until a scheduler must have answered
HINT = 'pip install "gradcli[dask]" brings it'


def needed() -> None:
    """Raises UsageMistake where Dask's scheduler and workers are not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageMistake("--engine needs Dask's package distributed", hint=HINT) from None


def through(orders: Sequence[parts.Order], engine: str) -> Iterator[parts.Findings]:
    """What is found in each part, in order.

    engine: LOCAL for as many worker processes as this machine has cores, or the address of a scheduler.
    Raises UsageMistake where the scheduler is not reached, or where a part ends one worker after the other.
    """
    from distributed import Client, KilledWorker, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a worker that dies is replaced without a word
    with ExitStack() as stack:
        where: object = engine
        if engine == LOCAL:
            workers = min(len(orders), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
            where = stack.enter_context(cluster)
        try:
            client = stack.enter_context(Client(where, timeout=PATIENCE, set_as_default=False))
        except (OSError, ValueError) as error:
            raise UsageMistake(f"the scheduler {engine[:120]} cannot be reached: {str(error)[:200]}") from None
        waiting = client.map(parts.computed, orders, pure=False)
        for order, future in zip(orders, waiting, strict=True):
            try:
                yield future.result()
            except KilledWorker:
                raise UsageMistake(f"{order['name'][:120]}: each worker that computed it has died") from None
            except CancelledError:
                raise UsageMistake(f"{order['name'][:120]}: the scheduler has been lost") from None
            except (ImportError, AttributeError) as error:
                hint = "the workers need the same gradcli as this machine"
                raise UsageMistake(f"a worker cannot compute: {str(error)[:200]}", hint=hint) from None
            future.release()
