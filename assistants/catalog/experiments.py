"""Experiments on websites: which variant a visitor got, and what came of it.

Source: an experimentation product's Segment integration, which gives no types (texts, here), and Segment, A/B Testing
Spec, which has the same event under other property names and sends it whenever a variation is seen.
"""

from assistants.catalog.entry import STRING, Entry, Family, Property, Spelling
from assistants.catalog.plain import IDENTIFY

VISITOR = "visitor-88"

AB_TESTING = Spelling(
    title="A/B Testing specification",
    properties=(
        Property("experiment_id", STRING, "ID of the experiment; stands for test_id.", expected=False),
        Property("experiment_name", STRING, "The experiment's name for people.", expected=False),
        Property("variation_id", STRING, "ID of the variation; stands for variant_id.", expected=False),
        Property("variation_name", STRING, "The variation's name for people.", expected=False),
    ),
    stands_for={"experiment_id": "test_id", "variation_id": "variant_id"},
)

EXPERIMENT_VIEWED = Entry(
    name="Experiment Viewed",
    description="A visitor was given a variant of a test.",
    fires="Once for each visitor and test, when the variant is first given. Senders that follow Segment's A/B Testing "
    "specification send it each time a variation is seen.",
    once_per=("test_id", "experiment_id"),
    properties=(
        Property("test_id", STRING, "ID of the A/B test."),
        Property("variant_id", STRING, "ID of the variant that the visitor was given."),
    ),
    spellings=(AB_TESTING,),
    examples=(
        {
            "type": "track",
            "event": "Experiment Viewed",
            "anonymousId": VISITOR,
            "timestamp": "2026-03-02T08:40:58.017Z",
            "properties": {"test_id": "test-31", "variant_id": "test-31-a"},
        },
        {
            "type": "track",
            "event": "Experiment Viewed",
            "anonymousId": VISITOR,
            "timestamp": "2026-03-02T08:40:58.017Z",
            "properties": {
                "experiment_id": "test-31",
                "experiment_name": "Order of the menu",
                "variation_id": "test-31-a",
                "variation_name": "Orders first",
            },
        },
    ),
)
CONVERSION_TRIGGERED = Entry(
    name="Conversion Triggered",
    description="A visitor did what a test hopes for.",
    fires="Each time; once for each visitor where the conversion counts so.",
    once_per=("conversion_id",),
    properties=(
        Property("conversion_id", STRING, "ID of the conversion."),
        Property("conversion_type", STRING, "Kind of conversion.", examples=("CLICK", "PAGE_VIEW", "PROGRAMMATIC")),
        Property("origin_url", STRING, "Address of the page on which it happened.", expected=False),
    ),
    examples=(
        {
            "type": "track",
            "event": "Conversion Triggered",
            "anonymousId": VISITOR,
            "timestamp": "2026-03-02T08:49:12.550Z",
            "properties": {
                "conversion_id": "conversion-5",
                "conversion_type": "CLICK",
                "origin_url": "https://shop.example/checkout",
            },
        },
    ),
)

EXPERIMENTS = Family(
    slug="experiments",
    title="Experiments",
    description="A/B tests: who was given which variant, and which conversions followed.",
    entries=(IDENTIFY, EXPERIMENT_VIEWED, CONVERSION_TRIGGERED),
)
