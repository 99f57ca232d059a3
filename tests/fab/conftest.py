"""The pages as users of Airflow's FAB auth manager meet them: `make test-fab`, in an environment that has it."""

from __future__ import annotations

import pytest

from tests.conftest import absent
from tests.pages.conftest import address, airflow_database, app, client, empty_database, session
from tests.pages.people import FAB

__all__ = ["address", "airflow_database", "app", "client", "empty_database", "session"]


@pytest.fixture(autouse=True)
def with_fab() -> None:
    if not FAB:
        absent(
            "the FAB auth manager isn't meant here: `make test-fab` sets AIMYLOGIC_AUTH_MANAGER, and has the provider"
        )
