#!/usr/bin/python3
"""Fills a directory with the files of Python's own client, written by real processes.

usage: fill.py DIRECTORY PROCESSES COUNTERS

Each process counts in the same series: COUNTERS counters with two labels, in families of 100.
"""

import os
import subprocess
import sys

FAMILY_SIZE = 100


def write(writer: int, count: int) -> None:
    from prometheus_client import CollectorRegistry, Counter

    registry = CollectorRegistry()
    for first in range(0, count, FAMILY_SIZE):
        number = first // FAMILY_SIZE
        family = Counter(
            f"shop_orders_{number}", f"Orders of shop {number}.", ["payment", "item"], registry=registry
        )
        for series in range(first, min(first + FAMILY_SIZE, count)):
            item = series % FAMILY_SIZE
            family.labels(("card", "cash")[item % 2], f"/catalogue/items/{item // 2}").inc(
                series + writer / 8
            )


def main() -> None:
    directory, processes, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.makedirs(directory, exist_ok=True)
    environment = dict(os.environ, PROMETHEUS_MULTIPROC_DIR=directory)
    running = [
        subprocess.Popen([sys.executable, __file__, "--write", str(writer), str(count)], env=environment)
        for writer in range(processes)
    ]
    if any(process.wait() for process in running):
        sys.exit("a writer failed")


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
