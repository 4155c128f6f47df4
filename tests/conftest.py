"""Settings of all tests: what hypothesis tries is the same in every run, so that a check never fails by chance."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

import signal

# A shell that starts the tests in the background lets them ignore Ctrl-C; what they start must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)
