"""Training loops in samples/training: the generated modules are what gradcli writes, and with them the loss falls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.declared import declared_shapes
from gradcli.shapes import shaped
from gradcli.staging import stage

SAMPLES = Path(__file__).parents[1] / "samples"
TRAINING = SAMPLES / "training"
NORM = "X=NxD,gamma=D,beta=D,w=D,t=N"
# By module: its formula, the shapes of its inputs, what is learnt, and the part of the loss that may be left.
MODULES = {
    "two_layer_net": ("arrays", "X=NxD,W1=DxH,b1=H,W2=HxK,b2=K,y=N", ["W1", "b1", "W2", "b2"], 0.5),
    "linear_svm": ("arrays", "X=Nx2,W=2x3,y=N", ["W"], 0.3),
    "batch_norm": ("training", NORM, ["gamma", "beta", "w"], 0.3),
    "layer_norm": ("training", NORM, ["gamma", "beta", "w"], 0.6),
    "attention": ("training", "X=NxD,Wq=DxD,Wk=DxD,T=NxD", ["Wq", "Wk"], 0.1),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_what_gradcli_writes(name, update):
    folder, shapes, learnt, _ = MODULES[name]
    program = stage((SAMPLES / folder / f"{name}.grad").read_text(encoding="utf-8"))
    text = generate(shaped(program, declared_shapes(program, (shapes,))), "numpy", Options(), wrt=learnt)
    module = TRAINING / f"{name}.py"
    if update:
        module.write_text(text, encoding="utf-8")
    assert module.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", MODULES)
def test_a_loop_learns(name):
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, f"train_{name}.py"]
    done = subprocess.run(command, cwd=TRAINING, env=settings, capture_output=True, text=True, check=True, timeout=300)
    losses = [float(loss) for loss in re.findall(r"loss (\S+)", done.stdout)]
    assert len(losses) > 4
    assert losses[-1] < MODULES[name][3] * losses[0]
    for share in re.findall(r"right: (\d+)%", done.stdout):
        assert int(share) >= 90
    assert ("right" in done.stdout) == (MODULES[name][0] == "arrays")
