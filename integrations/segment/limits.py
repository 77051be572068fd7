"""What Segment takes in one request. Source: Segment HTTP API and the limits that its own server SDKs keep to."""

# One message, as JSON in UTF-8.
MAX_MESSAGE_BYTES = 32_768
# One body. Segment documents 500 KB without saying of what; its Python SDK stays below this figure.
MAX_BATCH_BYTES = 475_000
MAX_BATCH_MESSAGES = 2_500
