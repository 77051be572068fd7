"""Once per visitor, with workers killed: what was claimed before a kill is sent after it, and nothing twice over."""

import random
import time

from tests.system.recorder import Recorder
from tests.system.stack import Stack
from tests.system.test_kill import kill_children, restart_worker

VISITORS, CONVERSIONS_EACH, PER_REQUEST, KILLS = 100, 10, 50, 5
EVENT = "Conversion Triggered"


def conversion(visitor: int, number: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": EVENT,
        "anonymousId": f"visitor-{visitor}",
        "messageId": f"conversion-{visitor}-{number}",
        "properties": {"conversion_id": "c-1", "conversion_type": "CLICK", "origin_url": "https://shop.example/"},
    }


def test_a_thousand_conversions_of_a_hundred_visitors_give_a_hundred(stack: Stack, recorder: Recorder) -> None:
    chance = random.Random(9)
    connected = stack.connect(recorder.url, [EVENT], options={"once": [EVENT]})
    items = [conversion(visitor, number) for visitor in range(VISITORS) for number in range(CONVERSIONS_EACH)]
    chance.shuffle(items)
    first = {}
    for item in items:
        first.setdefault(item["anonymousId"], item["messageId"])
    kills = [kill_children] * (KILLS - 1) + [restart_worker]

    with stack.sender(connected) as sender:
        for start in range(0, len(items), PER_REQUEST):
            sender.send(items[start : start + PER_REQUEST])
            if start % (4 * PER_REQUEST) == 0 and kills:
                time.sleep(chance.uniform(0, 0.05))
                kills.pop()(stack)
    stack.wait_until(lambda: len(recorder.first_ids()) >= VISITORS, "the arrival of all conversions")
    stack.check_ledger()

    assert kills == []
    # Of each visitor the first in the order of the log, and that one only; what came again came under the same ID.
    assert sorted(recorder.first_ids()) == sorted(connected.derived(str(each)) for each in first.values())
