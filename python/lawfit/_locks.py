"""Locks that a process which forks leaves open in its child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["renew_in_children"]


class _Locked(Protocol):
    _lock: threading.RLock


_owners: weakref.WeakSet[_Locked] = weakref.WeakSet()


def renew_in_children(owner: _Locked) -> None:
    """Give an object its `_lock`, and a new one in every child that this process forks.

    The thread that holds the lock may not be the one that forks: then nobody in the child would
    ever let go of it. What it guards must be whole wherever a thread may lose the GIL.
    """
    owner._lock = threading.RLock()
    _owners.add(owner)


def _renew() -> None:
    for owner in _owners:
        owner._lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(after_in_child=_renew)
