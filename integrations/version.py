"""The version of Sluice, as it is shown and sent."""

VERSION = "0.1.0"
