"""Who uses the pages in tests, by either of Airflow's auth managers: a person of each role, and how one signs in.

``AIMYLOGIC_AUTH_MANAGER=fab`` has them be users of the FAB auth manager, which is a provider of its own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["FAB", "PEOPLE", "add_fab_user", "make_people", "person", "session_token", "settings_of"]

PEOPLE = {"vera": "viewer", "uma": "user", "otto": "op", "ada": "admin"}
"""Who may what: each auth manager has a role of that name."""

FAB = os.environ.get("AIMYLOGIC_AUTH_MANAGER") == "fab"
"""Whether they are users of the FAB auth manager; else of the simple one."""


def settings_of(folder: Path) -> dict[str, str]:
    """What Airflow's environment says of them."""
    if FAB:
        return {
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",
        }
    return {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in PEOPLE.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
    }


def make_people(engine: Any) -> None:
    """Make the auth manager, and everybody."""
    from airflow.api_fastapi.app import init_auth_manager

    if not FAB:
        init_auth_manager()
        return
    from airflow.providers.fab.auth_manager.models import Model

    Model.metadata.create_all(engine)
    manager: Any = init_auth_manager()
    manager.get_fastapi_app()
    with manager.flask_app.app_context():
        manager.security_manager.sync_roles()
    for name, role in PEOPLE.items():
        add_fab_user(name, role.title())


def add_fab_user(name: str, role: str, *rights: tuple[str, str]) -> None:
    """Make a user of the FAB auth manager.

    :param role: which is made, if it isn't there
    :param rights: that it is given: an action and a resource each, as ("can_read", "DAG:sale")
    """
    manager = _manager()
    with manager.flask_app.app_context():
        roles = manager.security_manager
        of = roles.find_role(role) or roles.add_role(role)
        for action, resource in rights:
            roles.add_permission_to_role(of, roles.create_permission(action, resource))
        assert roles.add_user(name, name.title(), "Tester", f"{name}@example.com", of, name)


def person(name: str) -> Any:
    """A person, as the auth manager knows them."""
    if FAB:
        manager = _manager()
        with manager.flask_app.app_context():
            found = manager.security_manager.find_user(name)
            assert found is not None, name
            return found
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return SimpleAuthManagerUser(username=name, role=PEOPLE[name].upper())


def session_token(name: str) -> str:
    """What Airflow gives a person who signs in."""
    return str(_manager().generate_jwt(person(name)))


def _manager() -> Any:
    from airflow.api_fastapi.app import get_auth_manager

    return get_auth_manager()
