"""What all tests share: hypothesis may take its time, as on a busy or a slowed machine."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
