"""The official library straight to the recorder, with a queue that is large enough to drop nothing.

`python -m bench.sdk URL EVENTS EVENTS_PER_REQUEST` prints JSON: when the first event was handed over (monotonic
seconds) and the seconds of processor time that all of them took.
"""

import json
import resource
import sys
import time

from segment.analytics.client import Client

from bench.events import properties

QUEUE = 100_000


def main(url: str, events: str, per_request: str) -> None:
    content = properties()
    sdk = Client("a-write-key", host=url, max_queue_size=QUEUE, upload_size=int(per_request))
    print("ready", flush=True)
    sys.stdin.readline()
    before = cpu_seconds()
    begin = time.monotonic()
    for _ in range(int(events)):
        was_queued, _ = sdk.track("customer-2071", "Message Handled", content)
        assert was_queued
    sdk.shutdown()
    print(json.dumps({"sent": [begin], "cpu_seconds": cpu_seconds() - before}))


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
