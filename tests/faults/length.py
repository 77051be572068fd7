"""How long the tests of faults take."""

import os

# SLUICE_TEST_LONG: durations and counts as the matrix names them, instead of shorter ones.
IS_LONG = bool(os.environ.get("SLUICE_TEST_LONG"))
