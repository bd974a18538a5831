"""Functions that run inside an actor to measure its memory. Their imports load into the actor: next to nothing."""

import gc
import os
import sys


def collect_garbage(actor: object) -> int:
    """Collect garbage in *actor*'s process; returns its process id."""
    del actor
    gc.collect()
    return os.getpid()


def allocated_blocks(actor: object) -> int:
    """The number of memory blocks that Python has allocated in *actor*'s process, garbage not counted."""
    del actor
    gc.collect()
    return sys.getallocatedblocks()
