"""OpenTelemetry's GenAI conventions over OTLP/HTTP: spans and log records of model calls, agents and tools."""
