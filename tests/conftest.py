"""Settings of all tests: what hypothesis tries is the same in every run, so that a check never fails by chance."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
