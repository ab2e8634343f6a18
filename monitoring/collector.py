"""Python's collector of cyclic garbage, told what it need not look through.

A full collection looks at every object that lives, while all threads and the event loop wait: up to
300 ms with what debates load. Modules, classes and functions stay for as long as the process does.
"""

from __future__ import annotations

import gc


def leave_out_what_is_loaded() -> None:
    """From now on, look only at what is new. To be called when a process has started, and when it
    has loaded much more. What lives at that moment is freed later as long as it is part of no
    cycle."""
    gc.collect()  # What is garbage by then would be kept.
    gc.freeze()
    # The next full collection is due when a quarter of what the last one saw has been added to it:
    # of everything that was loaded, that would be a long time of garbage.
    gc.collect()
