"""Starts child processes from a forkserver that has already loaded what they need."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess

import psutil

from protein_sweeps import _child
from protein_sweeps._child import Channel
from shared.domain.redaction import is_secret_variable
from shared.execution.forkserver_internals import forkserver_pid
from shared.execution.job import PRELOADED_VARIABLE, Job

log = logging.getLogger(__name__)
_starting = threading.Lock()


def context() -> ForkServerContext:
    """Return the multiprocessing context of all children."""
    return multiprocessing.get_context("forkserver")


def start_forkserver(preload: Sequence[str]) -> None:
    """Start the forkserver and wait until it has loaded `preload`: a run that is claimed earlier would have to wait.

    Call it from the main thread: the forkserver dies with the thread that forked it.
    """
    # Without this every child would import the program that started the worker (the celery command).
    sys.modules["__main__"].__spec__ = ModuleSpec("worker.__main__", loader=None)
    context().set_forkserver_preload(["shared.execution.preload"])
    with _environment_for_children(preload):
        forkserver.ensure_running()
    first = context().Process(target=int, name="warm-up")
    first.start()
    first.join()


@contextmanager
def _environment_for_children(preload: Sequence[str]) -> Iterator[None]:
    """Hide secrets while the forkserver starts: it and all its children never see them."""
    hidden = {name: os.environ.pop(name) for name, value in list(os.environ.items()) if is_secret_variable(name, value)}
    os.environ[PRELOADED_VARIABLE] = ",".join(preload)
    try:
        yield
    finally:
        os.environ.update(hidden)


def forkserver_is_alive() -> bool:
    """Whether the forkserver is running; also True before its first start."""
    pid = forkserver_pid()
    try:
        return pid is None or psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _replace_if_dead() -> None:
    # multiprocessing would start another one by itself, but with our secrets in its environment.
    if not forkserver_is_alive():
        log.warning("the forkserver died: starting another one")
        with _environment_for_children(os.environ.get(PRELOADED_VARIABLE, "").split(",")):
            forkserver.ensure_running()


def start_child(job: Job) -> tuple[ForkServerProcess, Channel]:
    """Start a child process for `job`; return the process and our end of the pipe."""
    with _starting:
        _replace_if_dead()
    ours, theirs = context().Pipe()
    process = context().Process(target=_child.main, args=(job.model_dump_json(), theirs), name=job.run)
    process.start()
    theirs.close()
    return process, Channel(ours)
