"""The end of the log's life: keys and blocks whose time is over, in order from the oldest on."""

from datetime import datetime

from django.db import transaction

from assistants.log import key_digest, unpack
from assistants.models import Block, Environment, EventKey, LogTail

# A pass stays short, so that neither a lock nor a transaction lasts.
BLOCKS_PER_PASS = 200
KEYS_PER_STATEMENT = 500
# A library repeats within minutes what it got no answer for. A vendor's log can be read again weeks later, and nothing
# of it may be stored twice: its keys stay as long as its events.
SOON_REPEATED = frozenset({"segment", "test"})


def drop_keys(environment_id: int, *, received_before: datetime) -> int:
    """Forget the message IDs of libraries' events received before then; return how many blocks were walked.

    Those of other sources go with their blocks. The keys are found by unpacking the blocks: an index by age would cost
    every append more than this costs once.
    """
    with transaction.atomic():
        tail = LogTail.objects.select_for_update().get(environment_id=environment_id)
        blocks = oldest(environment_id, after=tail.keys_gone_to, received_before=received_before)
        for block in blocks:
            if block.source in SOON_REPEATED:
                _delete_keys(block)
        if blocks:
            LogTail.objects.filter(pk=tail.pk).update(keys_gone_to=blocks[-1].last_position)
    return len(blocks)


def drop_blocks(environment_id: int, *, received_before: datetime, up_to: int) -> int:
    """Delete the blocks received before then and not above position `up_to`; return how many.

    A block goes only after its keys: without the block nobody would find them any more.
    """
    with transaction.atomic():
        tail = LogTail.objects.select_for_update().get(environment_id=environment_id)
        old = oldest(environment_id, after=tail.blocks_gone_to, received_before=received_before)
        gone = [block for block in old if block.last_position <= min(up_to, tail.keys_gone_to)]
        for block in gone:
            if block.source not in SOON_REPEATED:
                _delete_keys(block)
        if gone:
            last = gone[-1].last_position
            Block.objects.filter(environment_id=environment_id, last_position__lte=last).delete()
            LogTail.objects.filter(pk=tail.pk).update(blocks_gone_to=last)
    return len(gone)


def drop_log(environment: Environment) -> None:
    """Delete all that an environment's log holds, before the environment itself goes."""
    Block.objects.filter(environment=environment).delete()
    EventKey.objects.filter(environment=environment).delete()


def oldest(environment_id: int, *, after: int, received_before: datetime) -> list[Block]:
    """Return the blocks behind a position that were received before then, a pass's share of them, in order."""
    blocks = Block.objects.filter(environment_id=environment_id, last_position__gt=after).order_by("last_position")
    # Read in order and cut at the first that is young: a later block can carry an earlier time of another server.
    old = []
    for block in blocks[:BLOCKS_PER_PASS]:
        if block.received_at >= received_before:
            break
        old.append(block)
    return old


def _delete_keys(block: Block) -> None:
    """Delete the keys of a block's events, unless the same message ID was stored again behind it."""
    digests = [key_digest(event.message.message_id) for event in unpack(block) if event.message is not None]
    for start in range(0, len(digests), KEYS_PER_STATEMENT):
        EventKey.objects.filter(
            environment_id=block.environment_id,
            digest__in=digests[start : start + KEYS_PER_STATEMENT],
            position__lte=block.last_position,
        ).delete()
