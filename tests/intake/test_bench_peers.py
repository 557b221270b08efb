import subprocess
from pathlib import Path

import pytest

from intake.bench.peers import PeerMissing, python_of

PEER = "django-post-office"


@pytest.mark.integration
def test_a_peer_that_cannot_be_had_is_told_in_one_line_and_not_taken_for_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(PeerMissing) as missing:
        python_of(PEER, folder=tmp_path)

    assert str(missing.value).startswith("django-post-office cannot be installed here: ERROR: No matching distribution")
    assert "\n" not in str(missing.value)
    [home] = tmp_path.iterdir()
    assert not (home / "ready").exists()

    (home / "ready").touch()  # as after an installation that went well: it is not made again

    python = python_of(PEER, folder=tmp_path)

    told = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(home)
