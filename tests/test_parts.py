"""Folders of parts: here, and through Dask's workers, of which one dies in mid-run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = str(Path(sys.executable).with_name("gradcli"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
WITHOUT = "import sys; sys.modules['distributed'] = None; from gradcli.cli.main import main; main()"


def gradcli(*args: str | Path) -> subprocess.CompletedProcess:
    found = subprocess.run(
        [SCRIPT, "eval", *map(str, args)], capture_output=True, text=True, env=ENVIRONMENT, timeout=90
    )
    assert "Traceback" not in found.stderr
    return found


def mistake(*args: str | Path) -> str:
    found = gradcli(*args)
    assert (found.returncode, found.stdout) == (2, "")
    return found.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three parts in three formats with two bad rows, and what is none."""
    found = tmp_path / "in"
    found.mkdir()
    (found / "a.csv").write_text("id,x,y\n1,2,3\n2,no,3\n")
    (found / "b.jsonl").write_text('{"x": 1, "y": 0}\n{"x": 1}\n{"x": 0, "y": 0.5}\n')
    (found / "c.tsv").write_text("x\ty\n4\t5\n")
    (found / ".hidden.csv").write_text("x,y\n1,1\n")
    (found / "_SUCCESS").write_text("")
    (found / "readme.txt").write_text("parts")
    (found / "more.csv").mkdir()
    return found


def test_each_part_becomes_what_it_becomes_alone(folder, tmp_path):
    found = gradcli("x*log(y)", "--data", folder, "-o", tmp_path / "out")
    alone = {name: gradcli("x*log(y)", "--data", folder / name) for name in ("a.csv", "b.jsonl", "c.tsv")}
    assert contents(tmp_path / "out") == {name: one.stdout.encode() for name, one in alone.items()}
    said = [line for name, one in alone.items() for line in one.stderr.splitlines()]
    bad = [line for line in said if line.startswith("error: ")]
    assert len(bad) == 2
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        bad[0].replace("error: ", "error: a.csv, "),
        bad[1].replace("error: ", "error: b.jsonl, "),
        *(line for line in said if line.startswith("warning: ")),
    ]


def test_bad_rows_of_all_parts_are_counted_together(tmp_path):
    (tmp_path / "in").mkdir()
    for part in range(3):
        (tmp_path / "in" / f"{part}.csv").write_text("x\n" + "no\n" * 7 + "0\n" * 5)
    found = gradcli("1/x", "--data", tmp_path / "in", "-o", tmp_path / "out").stderr.splitlines()
    assert [line.split(",")[0] for line in found[:10]] == ["error: 0.csv"] * 7 + ["error: 1.csv"] * 3
    assert "and 11 more bad rows" in found[10]
    assert any("15 rows" in line for line in found[11:])


def test_another_format_has_another_ending(folder, tmp_path):
    gradcli("x*y", "--data", folder, "-o", tmp_path / "out", "--to", "csv", "--only")
    assert sorted(contents(tmp_path / "out")) == ["a.csv", "b.csv", "c.csv"]
    (folder / "a.jsonl").write_text('{"x": 1, "y": 2}\n')
    said = mistake("x*y", "--data", folder, "-o", tmp_path / "out", "--to", "csv")
    assert "two parts would be written to 'a.csv'" in said


def test_a_part_that_cannot_be_computed_leaves_no_half_part(folder, tmp_path):
    out = tmp_path / "out"
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "b.jsonl").write_text('{"x": 1}\n{"x": "no"}\n')
    assert mistake("x", "--data", folder, "-o", out, "--errors", "stop").startswith("error: b.jsonl: line 2")
    assert sorted(contents(out)) == ["a.csv"]
    said = mistake("x", "--data", folder, "-o", out, "--errors", "skip", "--only=dq")
    assert said.startswith("error: a.csv: --only: there is no 'dq'")


def test_what_does_not_go_together_is_said(folder, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    assert "-o FOLDER" in mistake("x", "--data", folder)
    assert "is no folder" in mistake("x", "--data", folder, "-o", tmp_path / "file")
    assert "would overwrite the data" in mistake("x", "--data", folder, "-o", folder)
    assert "has no parts" in mistake("x", "--data", tmp_path / "empty", "-o", out)
    assert "for a folder of parts" in mistake("x", "--data", folder / "a.csv", "--engine", "dask")
    assert "--engine is for tables" in mistake("x", "--at", "x=1", "--engine", "dask")
    assert "tcp://HOST:8786" in mistake("x", "--data", folder, "-o", out, "--engine", "spark")
    assert not out.exists()


def test_without_dask_it_is_said_what_to_install(folder, tmp_path):
    options = ["--data", str(folder), "-o", str(tmp_path / "out"), "--engine", "dask"]
    found = subprocess.run([sys.executable, "-c", WITHOUT, "eval", "x", *options], capture_output=True, timeout=60)
    assert (found.returncode, found.stdout) == (2, b"")
    assert b'pip install "gradcli[dask]"' in found.stderr


# -- Dask ---------------------------------------------------------------------------------


def test_workers_of_this_machine_find_what_is_found_here(folder, tmp_path):
    pytest.importorskip("distributed")
    (folder / "d.csv").write_text("x,y\n1,inf\n")
    options = ["w*x*log(y)", "--at", "w=2", "--wrt", "x,w", "--data", folder, "--strict", "-o"]
    here = gradcli(*options, tmp_path / "here")
    there = gradcli(*options, tmp_path / "there", "--engine", "dask")
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_worker_dies_in_mid_run_and_the_result_is_whole(tmp_path):
    distributed = pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    drawn = random.Random(5)
    (tmp_path / "in").mkdir()
    for part in range(6):
        lines = (f"{drawn.uniform(-4, 4)!r},{drawn.uniform(-4, 4)!r}\n" for _ in range(60_000))
        (tmp_path / "in" / f"{part}.csv").write_text("x,y\n" + "".join(lines))
    out = tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        before = {worker.pid for worker in cluster.workers.values()}
        command = [SCRIPT, "eval", NOTE, "--data", "in", "-o", "out", "--engine", cluster.scheduler_address]
        run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, env=ENVIRONMENT)
        killed = killed_while_it_writes([psutil.Process(pid) for pid in before], out)
        _, said = run.communicate(timeout=60)
    assert killed in before
    assert (run.returncode, said) == (0, b"")
    assert gradcli(NOTE, "--data", tmp_path / "in", "-o", tmp_path / "here").returncode == 0
    assert contents(out) == contents(tmp_path / "here")


def killed_while_it_writes(workers: list, folder: Path) -> int:
    """Kill the first of the processes that has a file open in a folder; its id."""
    for _ in range(6000):
        for worker in workers:
            if any(Path(file.path).parent == folder for file in worker.open_files()):
                os.kill(worker.pid, signal.SIGKILL)
                return worker.pid
        time.sleep(0.005)
    raise AssertionError("no worker has begun")
