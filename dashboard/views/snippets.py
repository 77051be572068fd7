"""How to send to an environment, ready to paste, with this installation's address in place."""

from dataclasses import dataclass

from django.conf import settings

# What runs the snippets reads the key from its environment, so that no key is pasted into source code.
KEY_VARIABLE = "SLUICE_INGEST_KEY"
# A page has no such environment, and its key is no secret.
NO_BROWSER_KEY = "YOUR_BROWSER_KEY"

CURL = """\
curl {url}/v1/track \\
  --user "${variable}:" \\
  --header "Content-Type: application/json" \\
  --data '{{"event": "Session Started", "userId": "test-user", "properties": {{"channel": "test"}}}}'
"""

PYTHON = """\
# pip install segment-analytics-python
import os
import segment.analytics as analytics

analytics.host = "{url}"
analytics.write_key = os.environ["{variable}"]

analytics.track("user-42", "Session Started", {{"channel": "chat"}})
analytics.flush()
"""

NODE = """\
// npm install @segment/analytics-node
import {{ Analytics }} from "@segment/analytics-node"

const analytics = new Analytics({{
  host: "{url}",
  writeKey: process.env.{variable},
}})

analytics.track({{ userId: "user-42", event: "Session Started", properties: {{ channel: "chat" }} }})
await analytics.closeAndFlush()
"""

# The library takes up the calls that were made before it was there.
SCRIPT = """\
<script>
  window.analytics = Object.assign([], {{
    _cdn: "{url}",
    _writeKey: "{key}",
  }})
  for (const method of ["track", "identify", "page", "group", "alias", "reset", "on", "ready"])
    analytics[method] = (...given) => analytics.push([method, ...given])
  analytics.page()
</script>
<script
  async
  src="{url}/analytics.js/v1/{key}/analytics.min.js"
></script>
"""

BUNDLED = """\
// npm install @segment/analytics-next
import {{ AnalyticsBrowser }} from "@segment/analytics-next"

const analytics = AnalyticsBrowser.load({{
  cdnURL: "{url}",
  writeKey: "{key}",
}})

analytics.track("Session Started", {{ channel: "chat" }})
"""


@dataclass(frozen=True)
class Snippet:
    """One way to send: what it is for, what to know, the text to paste."""

    title: str
    note: str
    text: str


def snippets() -> list[Snippet]:
    return [
        Snippet("curl", "One message, to see that the way is open.", _filled(CURL)),
        Snippet("Python", "Segment's own SDK; only its host points here.", _filled(PYTHON)),
        Snippet("Node.js", "Segment's own SDK; only its host points here.", _filled(NODE)),
    ]


def page_snippets(browser_key: str) -> list[Snippet]:
    """The ways to send from a page, with its key in place; without one, with a text that stands for it."""
    key = browser_key or NO_BROWSER_KEY
    return [
        Snippet(
            "Web page",
            "Segment's own library, which this Sluice hands out; put it into the head.",
            _filled(SCRIPT, key=key),
        ),
        Snippet(
            "Bundled for the browser",
            "Segment's own library from npm; only its CDN points here.",
            _filled(BUNDLED, key=key),
        ),
    ]


def key_export(key: str) -> str:
    """The shell line that hands a new key to the snippets."""
    return f"export {KEY_VARIABLE}={key}"


def _filled(text: str, key: str = "") -> str:
    return text.format(url=settings.SLUICE_BASE_URL, variable=KEY_VARIABLE, key=key).rstrip()
