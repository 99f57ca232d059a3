"""The README's DAG and the test beside it, as they are printed, in a fresh Airflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_its_first_dag_and_the_test_of_it_run_as_printed(repository: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)
    (dag,) = [block for block in blocks if 'DAG("remind"' in block]
    (test,) = [block for block in blocks if "from remind import dag" in block]
    (tmp_path / "remind.py").write_text(dag)
    (tmp_path / "test_remind.py").write_text(test)
    home = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTEST"))}
    home |= {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(tmp_path),
    }
    home["AIRFLOW__CORE__DAGS_FOLDER"] = str(tmp_path)
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], env=home, cwd=tmp_path, check=True, capture_output=True, timeout=240)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_remind.py", "-p", "no:cacheprovider"], env=home, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_nobody_is_rung_by_the_number_that_is_pasted_first(repository: Path) -> None:
    """Those of +1 with 555-0100 to 555-0199 are reserved for fiction."""
    text = (repository / "README.md").read_text()
    first = re.search(r'phone="(.*?)"', text)
    assert first is not None
    assert re.fullmatch(r"\+1 [2-9][0-9]{2} 555 01[0-9]{2}", first[1])
