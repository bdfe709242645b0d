"""Where an endpoint does what may wait: one hop to a thread, and back."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: More than passwords may occupy (`accounts.password`), so that /token finds one while many sign in.
_THREADS = 40
#: The standard library's: a hop through it costs half of what one through anyio's queue does.
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="endpoint")  # starts none before it is needed


async def in_thread(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run `work` in a thread, with the context variables of this task; return or raise what it does."""
    return await asyncio.get_running_loop().run_in_executor(_pool, partial(copy_context().run, work, *args, **kwargs))


def begin_in_thread(work: Callable[[], _T]) -> Future[_T]:
    """Run `work` in a thread, for whoever will wait for it."""
    return _pool.submit(work)
