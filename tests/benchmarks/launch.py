"""Run a command and print what the kernel says it used, as JSON.

A process of its own, and a small one: the most memory that a process had includes what its
parent had when it was forked.
"""

import json
import os
import subprocess
import sys
import time

started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
code = os.waitstatus_to_exitcode(status)
sys.stdout.write(json.dumps([code, seconds, usage.ru_maxrss / 1024]))
