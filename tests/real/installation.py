"""An environment of its own for Airflow's workers: the provider's wheel is in it, and can be exchanged for another.

Airflow and all else come from the environment of the tests. A task's process imports the provider anew, so that what
is installed between two tries is what the second one runs.
"""

from __future__ import annotations

import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["Installation"]

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
OTHER_RECIPE = {
    "idempotence/keys.py": (
        ('KEY_SCHEME = "1"', 'KEY_SCHEME = "2"'),
        ("self.run_id,\n            self.task_id,", "self.task_id,\n            self.run_id,\n            'more',"),
    ),
}
"""What the wheel of another version has changed in the package: other fields in another order, by file."""


class Installation:
    """The environment, with the wheel of this repository and of a copy whose keys are made by another recipe.

    :param folder: where all of it lies
    """

    def __init__(self, folder: Path) -> None:
        repository = Path(__file__).parents[2]
        self.folder = folder
        self.bin = folder / "env" / "bin"
        self.now = _wheel(repository, folder / "dist")
        self.other = _wheel(_other_version(repository, folder / "other"), folder / "dist-other")
        venv.create(folder / "env", symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "env" / "lib" / version / "site-packages"
        (self.packages / "zz_borrowed.pth").write_text("\n".join(site.getsitepackages()))
        command = self.bin / "airflow"
        command.write_text(
            f"#!{self.bin / 'python'}\nimport sys\nfrom airflow.__main__ import main\nsys.exit(main())\n"
        )
        command.chmod(0o755)
        self.install(self.now)

    def install(self, wheel: Path) -> None:
        """Exchange what is installed for a wheel."""
        python = str(self.bin / "python")
        subprocess.run(
            [*PIP, "--python", python, "install", "--no-deps", "--force-reinstall", "--no-compile", str(wheel)],
            check=True, timeout=120, capture_output=True,
        )  # fmt: skip

    def scheme(self) -> str:
        """Where a new process of the environment finds the provider, and the version of its recipe for keys."""
        command = "from aimylogic_provider.idempotence import keys; print(keys.__file__, keys.KEY_SCHEME)"
        done = subprocess.run(
            [str(self.bin / "python"), "-c", command],
            cwd=self.folder, env={}, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        file, scheme = done.stdout.split()
        assert Path(file).is_relative_to(self.packages), f"{file} is not what was installed"
        return scheme


def _wheel(project: Path, folder: Path) -> Path:
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(project)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def _other_version(repository: Path, folder: Path) -> Path:
    """A copy of the project whose keys are made by another recipe."""
    package = "aimylogic_provider"
    folder.mkdir()
    shutil.copytree(repository / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, folder / name)
    for file, changes in OTHER_RECIPE.items():
        text = (folder / package / file).read_text()
        for before, after in changes:
            assert text.count(before) == 1, f"{file}: {before!r} is no longer there, once"
            text = text.replace(before, after)
        (folder / package / file).write_text(text)
    version = folder / package / "__init__.py"
    version.write_text(version.read_text().replace('__version__ = "', '__version__ = "99.'))
    return folder
