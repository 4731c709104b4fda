"""Run a command and print its exit code, seconds, and the most memory it had in MB, as JSON.

A process of its own, and a small one: the most memory that a process had includes what its
parent had when it was forked. What wait4 says counts the largest child too, so where the kernel
tells the high-water mark of the process alone, that is read while it runs.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path


def watch(pid: int, ended: threading.Event, found: list[int]) -> None:
    status = Path(f"/proc/{pid}/status")
    while not ended.wait(0.01):
        try:
            lines = status.read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return  # it has just ended
        found += [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]


started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
kilobytes: list[int] = []
ended = threading.Event()
watcher = threading.Thread(target=watch, args=(process.pid, ended, kilobytes))
if Path("/proc/self/status").exists():
    watcher.start()
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
ended.set()
code = os.waitstatus_to_exitcode(status)
sys.stdout.write(json.dumps([code, seconds, max(kilobytes, default=usage.ru_maxrss) / 1024]))
