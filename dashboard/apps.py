"""The Django app of the pages for people."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
