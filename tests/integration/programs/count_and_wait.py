"""A worker of Python's: counts, says so, and lives until stdin ends.

usage: count_and_wait.py AMOUNT   with PROMETHEUS_MULTIPROC_DIR
"""
import sys

from prometheus_client import Counter, Gauge, Histogram

amount = float(sys.argv[1])
Counter("work", "Work.", ["item"]).labels("a b").inc(amount)
Histogram("seconds", "Time.", buckets=[1, 2]).observe(amount)
Gauge("total", "Total.", multiprocess_mode="max").set(amount)
Gauge("each", "Each.", multiprocess_mode="all").set(amount)
Gauge("alive", "Alive.", multiprocess_mode="livesum").set(amount)
print("ready", flush=True)
sys.stdin.read()
