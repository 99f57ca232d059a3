"""What Airflow reads about this package."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's provider schema."""
    return {
        "package-name": "airflow-provider-aimylogic",
        "name": "Aimylogic",
        "description": "Add phone numbers to `Aimylogic <https://app.aimylogic.com/>`__ call campaigns, exactly once.",
        "integrations": [
            {
                "integration-name": "Aimylogic",
                "external-doc-url": "https://app.aimylogic.com/",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": "Aimylogic",
                "python-modules": ["aimylogic_provider.hooks.aimylogic", "aimylogic_provider.hooks.aimylogic_async"],
            }
        ],
        "sensors": [
            {
                "integration-name": "Aimylogic",
                "python-modules": [
                    "aimylogic_provider.sensors.call_job",
                    "aimylogic_provider.sensors.campaign_status",
                ],
            }
        ],
        "triggers": [
            {
                "integration-name": "Aimylogic",
                "python-modules": [
                    "aimylogic_provider.triggers.call_jobs",
                    "aimylogic_provider.triggers.campaign_status",
                ],
            }
        ],
        "operators": [
            {
                "integration-name": "Aimylogic",
                "python-modules": [
                    "aimylogic_provider.operators.add_phone",
                    "aimylogic_provider.operators.add_phones",
                    "aimylogic_provider.operators.approve_call_list",
                    "aimylogic_provider.operators.cancel_calls",
                    "aimylogic_provider.operators.get_campaign",
                    "aimylogic_provider.operators.pause_campaign",
                    "aimylogic_provider.operators.prepare_call_list",
                    "aimylogic_provider.operators.prepare_calls",
                    "aimylogic_provider.operators.resume_campaign",
                    "aimylogic_provider.operators.send_call_list",
                    "aimylogic_provider.operators.stop_campaign",
                    "aimylogic_provider.operators.sum_reports",
                    "aimylogic_provider.operators.update_results",
                    "aimylogic_provider.operators.withdraw_calls",
                ],
            }
        ],
        "notifications": ["aimylogic_provider.notifications.aimylogic.AimylogicNotifier"],
        "transfers": [
            {
                "source-integration-name": "Aimylogic",
                "target-integration-name": "SQL",
                "python-module": "aimylogic_provider.transfers.aimylogic_to_sql",
            },
            {
                "source-integration-name": "SQL",
                "target-integration-name": "Aimylogic",
                "python-module": "aimylogic_provider.transfers.sql_to_aimylogic",
            },
        ],
        "plugins": [
            {"name": "aimylogic", "plugin-class": "aimylogic_provider.plugins.aimylogic.AimylogicPlugin"},
        ],
        "asset-uris": [
            {
                "schemes": ["aimylogic"],
                "handler": "aimylogic_provider.assets.aimylogic.sanitize_uri",
                "factory": "aimylogic_provider.assets.aimylogic.create_asset",
                "to_openlineage_converter": "aimylogic_provider.assets.aimylogic.convert_asset_to_openlineage",
            }
        ],
        "task-decorators": [
            {
                "name": "aimylogic_calls",
                "class-name": "aimylogic_provider.decorators.calls_of_function.aimylogic_calls",
            }
        ],
        "connection-types": [
            {
                "connection-type": "aimylogic",
                "hook-name": "Aimylogic",
                "hook-class-name": "aimylogic_provider.hooks.aimylogic.AimylogicHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "schema"],
                    "relabeling": {"password": "Campaign token"},
                    "placeholders": {
                        "host": "https://app.aimylogic.com",
                        # As long as the field is wide; errors and README tell the whole way.
                        "password": "Outbound calls → Campaign from CRM system → Integration → Get token",
                        "port": "443, for Test",
                    },
                },
                "conn-fields": {
                    "connect_timeout": {
                        "label": "Connect timeout",
                        "description": "Seconds to wait for a connection (10 if left empty).",
                        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 600},
                    },
                    "read_timeout": {
                        "label": "Read timeout",
                        "description": "Seconds to wait for an answer (30 if left empty).",
                        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 600},
                    },
                    "verify": {
                        "label": "Certificates",
                        "description": "Path of the authorities' certificates, for a host of your own.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "allow_plain_http": {
                        "label": "Allow plain http",
                        "description": "Send the token unencrypted, beyond this machine too.",
                        "schema": {"type": ["boolean", "null"]},
                    },
                },
            }
        ],
    }
