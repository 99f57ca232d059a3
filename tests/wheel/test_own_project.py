"""A project of somebody's own, with the provider's wheel, and the DAG and test that docs/emulator.md shows."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with our wheel (Airflow and pytest come from this one), and the files that the page shows."""
    repository = Path(__file__).parents[2]
    folder = tmp_path_factory.mktemp("project")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(repository)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    venv.create(folder / "env", symlinks=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run(
        [*pip, "--python", str(folder / "env" / "bin" / "python"), "install", "--no-deps", str(wheel)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    borrowed = folder / "env" / "lib" / version / "site-packages" / "zz_borrowed.pth"
    borrowed.write_text("\n".join(site.getsitepackages()))
    shown = re.findall(
        r"```python\n# (\S+\.py)\n(.*?)```", (repository / "docs" / "emulator.md").read_text(), re.DOTALL
    )
    assert [name for name, _ in shown] == ["dags/remind.py", "tests/test_remind.py", "tests/test_more.py"]
    for name, content in shown:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    environment.update(
        AIRFLOW_HOME=str(project / ".airflow"),
        AIRFLOW__CORE__DAGS_FOLDER=str(project / "dags"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
    )
    python = str(project / "env" / "bin" / "python")
    return subprocess.run(
        [python, "-m", *command], cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def test_the_wheel_is_what_is_imported(project: Path) -> None:
    where = subprocess.run(
        [str(project / "env" / "bin" / "python"), "-c", "import aimylogic_provider as p; print(p.__file__)"],
        cwd=project, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert where.stdout.startswith(str(project))


@pytest.mark.long
def test_the_dag_of_the_page_passes_its_tests(project: Path) -> None:
    migrated = run(project, "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    done = run(project, "pytest", "-q")
    assert "9 passed" in done.stdout, done.stdout[-3000:]
