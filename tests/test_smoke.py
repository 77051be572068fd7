import pytest, httpx, json, asyncio
from tests.make import *
from tests.fakes import running_segment, Reply
from integrations import delivery, fates, ledger, counts
from integrations.compose import derived_message_id
from integrations.clients import segment_client

@pytest.mark.django_db(transaction=True)
def test_pipeline():
    with running_segment() as seg:
        c = make_connection(endpoint=seg.url)
        msgs=[make_message() for _ in range(1000)]+[make_message("Message Handled"), make_message(user_id=None)]
        append(c.environment, *msgs)
        assert delivery.run_lane(live_lane(c).pk, segment_client()) is False
        assert seg.message_ids == [derived_message_id(c.pk, m.message_id) for m in msgs[:1000]]
        assert live_lane(c).cursor == 1002
        idx = c.environment.lanes.get(kind="index")
        delivery.run_lane(idx.pk, segment_client())
        print(ledger.accounts(), counts.received(c.environment), counts.outcomes(c))
        print([f.code for f in fates.fates(c, log.read_back(c.environment_id, limit=3))])
        # bisect
        bad = make_message(); 
        more=[make_message() for _ in range(50)]+[bad]+[make_message() for _ in range(50)]
        bid=derived_message_id(c.pk, bad.message_id)
        seg.judge=lambda r: Reply(400, b'{"success":false}') if any(m["messageId"]==bid for m in r.batch) else None
        n=len(seg.requests)
        append(c.environment,*more)
        delivery.run_lane(live_lane(c).pk, segment_client())
        print(len(seg.requests)-n, live_lane(c).cursor, list(c.lanes.get(kind="live").rejections.values()))
        assert all(a.difference==0 for a in ledger.accounts())
        print(seg.requests[0].headers, seg.requests[0].body[:600])
