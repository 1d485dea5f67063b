"""What Python's own collector makes of a directory, once, or over and over until stdin ends.

usage: collect.py DIRECTORY          prints the page
       collect.py DIRECTORY METRIC   prints a line for each scrape: the number of series of a counter,
                                     their sum, and the largest value
"""
import os
import select
import sys

os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

registry = CollectorRegistry()
MultiProcessCollector(registry, path=sys.argv[1])
if len(sys.argv) == 2:
    sys.stdout.buffer.write(generate_latest(registry))
    sys.exit()
while True:
    values = [
        sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == sys.argv[2]
    ]
    print(len(values), sum(values), max(values, default=0), flush=True)
    if select.select([sys.stdin], [], [], 0)[0]:
        break
