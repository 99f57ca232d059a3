"""The README's commands, its DAG and the test beside it, as they are printed, in a fresh Airflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from local_servers.airflow import free_port


def blocks(repository: Path, language: str) -> list[str]:
    """What is printed of a language, also where it stands in a list."""
    text = (repository / "README.md").read_text()
    return [dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of somebody who has an Airflow: its home, its DAGs folder, its database, its programs."""
    folder = tmp_path_factory.mktemp("readers")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTEST"))}
    environment |= {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    repository = Path(__file__).parents[2]
    (dag,) = [block for block in blocks(repository, "python") if 'DAG("remind"' in block]
    (folder / "remind.py").write_text(dag)
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, timeout=240)
    return environment


def test_the_first_call_is_made_by_the_commands_as_printed(repository: Path, environment: dict[str, str]) -> None:
    """But for the first one, which installs what is here already, and the port, which may be another's."""
    commands = blocks(repository, "sh")
    start = next(number for number, block in enumerate(commands) if block.startswith("pip install ."))
    assert commands[start] == 'pip install . "apache-airflow==$(airflow version)"\n'
    port = free_port()
    client = "from aimylogic_provider.emulator import EmulatorClient"
    ask = f"{client}; print(EmulatorClient('127.0.0.1:{port}').rings('12025550123'))"
    printed = [block.replace("8089", str(port)) for block in commands[start + 1 : start + 3]]
    script = ["set -e", "trap 'kill %1' EXIT", *printed, f'python -c "{ask}"']
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        env=environment, cwd=environment["PYTHONPATH"], capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"Call job [0-9]+ created for 1202\*\*\*0123", done.stdout + done.stderr)
    assert done.stdout.splitlines()[-1] == "1"


@pytest.mark.long
def test_its_first_dag_and_the_test_of_it_run_as_printed(repository: Path, environment: dict[str, str]) -> None:
    folder = Path(environment["PYTHONPATH"])
    (test,) = [block for block in blocks(repository, "python") if "from remind import dag" in block]
    (folder / "test_remind.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_remind.py", "-p", "no:cacheprovider"], env=environment, cwd=folder,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_nobody_is_rung_by_the_number_that_is_pasted_first(repository: Path) -> None:
    """Those of +1 with 555-0100 to 555-0199 are reserved for fiction."""
    text = (repository / "README.md").read_text()
    first = re.search(r'phone="(.*?)"', text)
    assert first is not None
    assert re.fullmatch(r"\+1 [2-9][0-9]{2} 555 01[0-9]{2}", first[1])


def test_it_is_read_in_a_few_minutes(repository: Path) -> None:
    """As ``wc -w`` counts, code and tables too: what is longer stands in docs/."""
    assert len((repository / "README.md").read_text().split()) <= 1000
