"""Airflow plugin that registers the playground link and the XCom classes without an installed package."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from twelvelabs_provider.hooks.xcom import allow_answers
from twelvelabs_provider.links import TwelveLabsPlaygroundLink

# Airflow loads plugins in every task's process, before it reads an XCom.
allow_answers()


class TwelveLabsPlugin(AirflowPlugin):
    """Registers the playground link."""

    name = "twelvelabs"
    operator_extra_links = [TwelveLabsPlaygroundLink()]  # noqa: RUF012  (Airflow's own shape)


if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): twelvelabs_plugin.py registers the plugin.
    del TwelveLabsPlugin
