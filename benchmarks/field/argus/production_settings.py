"""Argus as it runs in production; everything else comes from the environment."""

from argus.site.settings.prod import *  # noqa: F403

ALLOWED_HOSTS = ["*"]
