#!/usr/bin/python3
"""Times scrapes of Python's own collector: one to warm up, then ROUNDS, all in this process.

usage: scrape.py DIRECTORY ROUNDS [PAGE]

Prints the median as JSON, in milliseconds, and writes the page to PAGE.
"""

import json
import os
import statistics
import sys
import time

os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
from prometheus_client import CollectorRegistry, generate_latest  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

directory, rounds = sys.argv[1], int(sys.argv[2])
registry = CollectorRegistry()
MultiProcessCollector(registry, path=directory)
page = generate_latest(registry)
if len(sys.argv) > 3:
    with open(sys.argv[3], "wb") as file:
        file.write(page)

times = []
for _ in range(rounds):
    start = time.perf_counter()
    generate_latest(registry)
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"scrape": statistics.median(times)}))
