"""Tell people by e-mail and webhook of each incident: once when it begins, and once when it is over.

A notice is claimed before it is sent and marked when it was taken, so two sweeps do not send it twice, and one that was
not taken is sent again. A channel that fails is left alone for a while: it must not hold up a sweep.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import httpx
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Exists, OuterRef, QuerySet

from integrations.announcements import Announcement, announcement
from integrations.egress import guarded_client
from integrations.models import Incident, Notice
from integrations.transport import deadline

logger = logging.getLogger(__name__)

NOTICE_SECONDS = 10.0
# Longer than sending may take. A sweep that died while it sent is followed by one that sends again.
CLAIM = timedelta(minutes=1)
NOTICES_PER_PASS = 20

Send = Callable[[Announcement], bool]


class Notices:
    """The notices of one sweep process, which remembers the channels that failed a moment ago."""

    def __init__(self) -> None:
        self._closed_until: dict[Notice.Channel, datetime] = {}

    def send_due(self, now: datetime) -> int:
        """Send what nobody was told yet, by each channel that is set up; return how many notices were taken."""
        return sum(
            self._send_by(channel, send, now)
            for channel, send in channels().items()
            if self._closed_until.get(channel, now) <= now
        )

    def _send_by(self, channel: Notice.Channel, send: Send, now: datetime) -> int:
        sent = 0
        for incident, moment in _due(channel):
            notice = _claim(incident, channel, moment, now)
            if notice is None:
                continue
            if not send(announcement(incident, moment, now)):
                self._closed_until[channel] = now + CLAIM
                break
            Notice.objects.filter(pk=notice.pk).update(sent_at=now)
            sent += 1
        return sent


def channels() -> Mapping[Notice.Channel, Send]:
    """Return the channels that are set up, with what sends by each."""
    found: dict[Notice.Channel, Send] = {}
    if settings.SLUICE_NOTICE_EMAILS and settings.EMAIL_URL:
        found[Notice.Channel.EMAIL] = _mail
    if settings.SLUICE_ATTENTION_WEBHOOK:
        found[Notice.Channel.WEBHOOK] = _post
    return found


def told_until(incidents: QuerySet[Incident], moment: datetime) -> QuerySet[Incident]:
    """Return those incidents of which people had been told at a moment; without any channel the pages tell them."""
    if not channels():
        return incidents.filter(opened_at__lte=moment)
    told = Notice.objects.filter(incident=OuterRef("pk"), moment=Notice.Moment.BEGAN, sent_at__lte=moment)
    return incidents.filter(Exists(told))


def told_at(incident: Incident | None) -> datetime | None:
    """Return when people were told of an incident; None where they were not yet, or there is none."""
    if incident is None or not channels():
        return incident.opened_at if incident else None
    first = incident.notices.filter(moment=Notice.Moment.BEGAN, sent_at__isnull=False).order_by("sent_at").first()
    return first.sent_at if first else None


def _due(channel: Notice.Channel) -> Iterator[tuple[Incident, Notice.Moment]]:
    """Yield what this channel has not told. Of an end nobody wants to hear who has not heard of the beginning."""
    sent = Notice.objects.filter(incident=OuterRef("pk"), channel=channel, sent_at__isnull=False)
    has_begun, has_ended = (Exists(sent.filter(moment=moment)) for moment in (Notice.Moment.BEGAN, Notice.Moment.ENDED))
    incidents = Incident.objects.select_related("environment__assistant", "connection")
    for incident in incidents.filter(~has_begun, ended_at__isnull=True)[:NOTICES_PER_PASS]:
        yield incident, Notice.Moment.BEGAN
    for incident in incidents.filter(has_begun, ~has_ended, ended_at__isnull=False)[:NOTICES_PER_PASS]:
        yield incident, Notice.Moment.ENDED


def _claim(incident: Incident, channel: Notice.Channel, moment: Notice.Moment, now: datetime) -> Notice | None:
    """Take the right to send a notice; None where another sweep has it, or it was tried a moment ago."""
    notice, is_new = Notice.objects.get_or_create(
        incident=incident, channel=channel, moment=moment, defaults={"claimed_until": now + CLAIM}
    )
    free = Notice.objects.filter(pk=notice.pk, sent_at__isnull=True, claimed_until__lte=now)
    return notice if is_new or free.update(claimed_until=now + CLAIM) else None


def _mail(message: Announcement) -> bool:
    """Send an e-mail and say whether the server took it."""
    lines = [*message.sentences, "", f"Since {message.facts['since']}", message.facts["url"]]
    # A name may hold a line break, and a subject must not.
    subject = " ".join(f"Sluice: {message.heading}".split())
    try:
        send_mail(subject, "\n".join(lines), None, settings.SLUICE_NOTICE_EMAILS)
    except (OSError, ValueError) as error:
        logger.warning("A notice could not be sent by e-mail: %s", type(error).__name__)
        return False
    return True


def _post(message: Announcement) -> bool:
    """Call the webhook and say whether it took the notice. Its answer is not read: nobody knows how long it is."""
    notice = {"text": f"{message.text} {message.facts['url']}", **message.facts}
    try:
        with (
            deadline(NOTICE_SECONDS),
            guarded_client(allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS, timeout=NOTICE_SECONDS) as client,
            client.stream("POST", settings.SLUICE_ATTENTION_WEBHOOK, json=notice) as answer,
        ):
            status, is_success = answer.status_code, answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        logger.warning("The attention webhook could not be called: %s", type(error).__name__)
        return False
    if not is_success:
        logger.warning("The attention webhook answered %d.", status)
    return is_success
