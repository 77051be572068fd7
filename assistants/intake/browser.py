"""What pages and apps need beside the routes for sending: leave to send (CORS), and settings for Segment's libraries.

Leave is given to every origin: a preflight names no key, and no answer of intake holds a secret. From where a browser
key may really be used shows at the request that brings the key.

Source: the Fetch standard, CORS protocol; what @segment/analytics-next asks for and sends.
"""

from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from assistants.faults import Refused
from assistants.intake.answers import Answer
from assistants.intake.body import Scope
from assistants.intake.keyring import Opened

# Unlike credentials, a Retry-After may be read only where it is named.
CORS = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"retry-after"))
# No browser keeps an answer for longer than a day.
PREFLIGHT_SECONDS = 86_400
# The header Authorization is not covered by a *, so all are named.
PREFLIGHT = Answer(
    204,
    b"",
    (
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", b"authorization, content-type, x-retry-count"),
        (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
    ),
)
# A page that is open does not ask again; one that is opened learns within this time of what changed.
SETTINGS_SECONDS = 60
SHOWN_CHARACTERS = 100

_encoder = msgspec.json.Encoder()


def settings_key(path: str) -> str:
    """Return the key of /v1/projects/<key>/settings; nothing for any other path. The path ends without a slash."""
    if path.startswith("/v1/projects/") and path.endswith("/settings"):
        key = path.removeprefix("/v1/projects/").removesuffix("/settings")
        return "" if "/" in key else key
    return ""


def origin(scope: Scope) -> str:
    """Return the header Origin, which pages cannot leave out at a POST; empty where there is none."""
    named: bytes = dict(scope["headers"]).get(b"origin", b"")
    return named.decode("latin-1")


def library_settings(key: str) -> Answer:
    """Tell Segment's libraries for browsers and phones where to send, and with which key.

    The address is the one this installation is set up with: a Host header is what the sender says.
    """
    base = urlsplit(settings.SLUICE_BASE_URL)
    segment = {"apiKey": key, "apiHost": f"{base.netloc}{base.path}/v1", "protocol": base.scheme}
    body = {
        "integrations": {"Segment.io": {**segment, "unbundledIntegrations": [], "addBundledMetadata": True}},
        "plan": {},
        "edgeFunction": {},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [],
    }
    return Answer(200, _encoder.encode(body), ((b"cache-control", b"public, max-age=%d" % SETTINGS_SECONDS),))


def find_misuse(opened: Opened, *, origin: str, is_public: bool = False) -> Refused | None:
    """Say why a key may not be used like this: a browser key from a foreign page, a server key from any page.

    `origin` is the header Origin, empty where there is none. `is_public` says that only pages and apps ask for this.
    """
    if not opened.is_browser_key:
        return _server_key_in_public() if origin or is_public else None
    if is_public or not opened.origins or origin in opened.origins:
        return None
    sender = f"from {origin[:SHOWN_CHARACTERS]}" if origin else "without the header Origin"
    return Refused(
        "origin_not_allowed",
        f"This browser key may not be used {sender}. Its allowed origins are listed on its page in Sluice.",
    )


def _server_key_in_public() -> Refused:
    return Refused(
        "server_key_in_public",
        "This is a server key, but a page or an app used it, where anybody can read it. Give the page a browser key of "
        "the same environment, and revoke this one if others could see it.",
    )
