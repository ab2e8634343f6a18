"""A process with many threads keeps few heaps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNT_HEAPS = """
import ctypes, sys, tempfile, threading
from monitoring.allocator import keep_heaps_few
if sys.argv[1] == "few":
    keep_heaps_few()
together = threading.Barrier(6)
def work():
    together.wait()
    held = [bytearray(2000) for _ in range(200)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
    library.malloc_info(0, stream)
    library.fclose(stream)
    print(file.read().count(b"<heap nr"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has heaps")
def test_threads_share_heaps() -> None:
    def heaps(how: str) -> int:
        command = [sys.executable, "-c", COUNT_HEAPS, how]
        return int(subprocess.check_output(command, cwd=ROOT, text=True))

    assert heaps("few") <= 2 < heaps("as they come")


GIVE_BACK = """
from pathlib import Path
from monitoring.allocator import give_back
def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
held = [bytearray(100_000) for _ in range(400)]
last = bytearray(100_000)
del held
before = own()
give_back()
print(before - own())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has heaps")
def test_what_is_free_is_given_back() -> None:
    """Also what lies before something that is held."""
    given = subprocess.check_output([sys.executable, "-c", GIVE_BACK], cwd=ROOT, text=True)
    assert int(given) > 20_000
