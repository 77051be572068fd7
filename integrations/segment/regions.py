"""Where events can be sent: Segment's regions, the built-in sandbox, or a URL of one's own.

Source: Segment, regional endpoints. The region is part of a connection: data for the wrong one is dropped silently.
"""

from dataclasses import dataclass
from typing import Any

SANDBOX_URL = "http://sandbox.invalid"
CUSTOM = "custom"
SANDBOX = "sandbox"


@dataclass(frozen=True)
class Region:
    """A choice in the form: its code, its name for people, and the base URL that /v1/batch is appended to."""

    code: str
    label: str
    base_url: str


REGIONS = {
    region.code: region
    for region in (
        Region("us", "United States (Oregon)", "https://api.segment.io"),
        Region("eu", "European Union (Dublin)", "https://events.eu1.segmentapis.com"),
        Region(SANDBOX, "Sandbox (built into Sluice)", SANDBOX_URL),
        Region(CUSTOM, "Own URL", ""),
    )
}


def base_url(settings: dict[str, Any]) -> str:
    """Return the base URL that a connection's settings mean; raises KeyError for a region that is none."""
    region = REGIONS[settings["region"]]
    url: str = settings["endpoint"] if region.code == CUSTOM else region.base_url
    return url.rstrip("/")


def label(settings: dict[str, Any]) -> str:
    """Name the destination for people."""
    region = REGIONS[settings["region"]]
    return str(settings["endpoint"]) if region.code == CUSTOM else region.label
