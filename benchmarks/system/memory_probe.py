"""What an actor is asked before its memory is measured. What this imports, the actor imports, too: next to nothing."""

import gc
import os
import sys


def settled(actor: object) -> int:
    """Let go of what nobody needs. The number of *actor*'s process."""
    del actor
    gc.collect()
    return os.getpid()


def blocks(actor: object) -> int:
    """How many pieces of memory the Python of *actor*'s process holds, garbage not counted."""
    del actor
    gc.collect()
    return sys.getallocatedblocks()
