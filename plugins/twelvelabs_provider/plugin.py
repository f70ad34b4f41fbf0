"""The plugin: makes the link known to Airflow where the provider is not installed as a package."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from twelvelabs_provider.links import TwelveLabsPlaygroundLink


class TwelveLabsPlugin(AirflowPlugin):
    """Registers the playground link."""

    name = "twelvelabs"
    operator_extra_links = [TwelveLabsPlaygroundLink()]  # noqa: RUF012  (Airflow's own shape)


if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): twelvelabs_plugin.py registers the plugin.
    del TwelveLabsPlugin
