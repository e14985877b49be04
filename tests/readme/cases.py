"""How each command of the documents is run: what stands for its examples, what it must come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import checks
from workplace import Outcome

SHORT = f" trainer.max_epochs={checks.EPOCHS}"
SET_UP = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e "
CKPT = {"ckpt=...": "ckpt=RUN/checkpoints/best.ckpt"}


@dataclass(frozen=True)
class Case:
    """One way to run a command.

    Attributes:
        check: of what it leaves behind and of the run that the others work on.
        instead: what is replaced in the command, after which RUN is.
        add: at its end.
        slow: why it runs by hand alone; empty for no.
        not_run: why it does not run at all; empty for no.
    """

    check: Callable[[Outcome, Path], object] = lambda *_: None
    instead: Mapping[str, str] = field(default_factory=dict)
    add: str = ""
    slow: str = ""
    not_run: str = ""

    def line(self, typed: str, run: Path | str) -> str:
        """The command as it is run.

        Raises:
            ValueError: where something to replace is not in it.
        """
        for old, new in self.instead.items():
            if old not in typed:
                raise ValueError(f"there is no {old!r} in {typed!r} to replace")
            typed = typed.replace(old, new)
        return typed.replace("RUN", str(run)) + self.add


def suite(name: str, slow: str = "", add: str = "") -> Case:
    every = "suite=likelihood|loop|em|fit|ensemble|density|all"
    quick = f" threads=1 seconds=0.01{add}"
    return Case(checks.benchmarked, {every: f"suite={name}"}, quick, slow)


FIRST = (
    f"{SET_UP}. && python scripts/train.py family=full trainer.devices=1",
    Case(checks.trained, {f"{SET_UP}. && ": ""}, SHORT),
)
"""The run that the commands after it work on."""

YOUR_DATA = "python scripts/train.py data=file data.path=my.csv 'data.targets=[price]'"

README: dict[str, list[Case]] = {
    FIRST[0]: [FIRST[1]],
    f"{SET_UP}'.[test]' && pytest -n 2 --dist loadfile": [Case(not_run="it is what runs this")],
    YOUR_DATA: [Case(checks.trained, add=SHORT)],
    "python scripts/train.py": [Case(checks.trained, add=SHORT)],
    "python scripts/train.py --help": [Case(checks.helped)],
    "python scripts/train.py --multirun family=full,diagonal,isotropic,shared_isotropic,constant": [
        Case(checks.swept, {"full,diagonal,isotropic,shared_isotropic": "diagonal"}, SHORT),
    ],
    "python scripts/train.py ckpt_path=RUN/checkpoints/last.ckpt trainer.max_epochs=400": [
        Case(checks.resumed, {"=400": f"={2 * checks.EPOCHS}"})
    ],
    "python scripts/evaluate.py ckpt=RUN/checkpoints/best.ckpt": [Case(checks.evaluated)],
    "python scripts/evaluate.py ckpt=... data=file data.path=other.csv": [
        Case(checks.evaluated_elsewhere, CKPT),
        Case(checks.scored_alone, CKPT, " report=false"),
    ],
    "python scripts/predict.py ckpt=... data.path=new.csv out=predictions.parquet": [
        Case(checks.predicted, CKPT),
        Case(
            checks.all_columns,
            CKPT | {"predictions.parquet": "everything.csv"},
            " 'columns=[mean,std,aleatoric,epistemic,median,quantiles,interval,modes,most_likely,"
            "pi,mu,sigma,samples,log_density]' 'id=[x]'",
        ),
    ],
    "tensorboard --logdir outputs": [Case(checks.logged, {"tensorboard": "tensorboard --inspect"})],
    "cat new.csv | python scripts/predict.py ckpt=RUN/checkpoints/best.ckpt data.path=- out=- "
    "'columns=[mean,quantiles]'": [Case(checks.piped)],
    "python scripts/export.py ckpt=... format=onnx out=model.onnx": [
        Case(checks.in_onnx, CKPT),
        Case(checks.in_torch_export, CKPT | {"onnx out=model.onnx": "torch_export out=model.pt2"}),
        Case(checks.in_safetensors, CKPT | {"onnx": "safetensors"}),
    ],
    "pip install -c constraints.txt -e '.[export]'": [
        Case(not_run="the set-up for tests has installed it")
    ],
    "python scripts/train.py model=gmm_em data=file data.path=my.csv 'data.targets=[a,b]' "
    "'data.inputs=[]'": [Case(checks.converged)],
    "python scripts/train.py experiment=seed_em": [Case(checks.animated)],
    "python scripts/train.py experiment=seed_gradient components=7 iterations=2000": [
        Case(checks.started, {"=2000": "=60"})
    ],
    "python scripts/train.py experiment=regret": [
        Case(checks.regret_measured, add=" data=jumps,two_branches seed=0" + SHORT)
    ],
    "python scripts/benchmark.py suite=density data=FOLDER": [
        Case(checks.benchmarked, add=" problems=mcycle splits=1 contenders=kernel"),
        Case(
            checks.benchmarked,
            add=" problems=mcycle splits=2",
            slow="every contender trains with its full number of epochs",
        ),
    ],
    "python scripts/benchmark.py suite=likelihood|loop|em|fit|ensemble|density|all": [
        suite("em", "each update of scikit-learn on 200,000 rows takes seconds"),
        suite("likelihood", "it compiles each of its cases"),
        suite("loop", "it trains on 100,000 rows"),
        suite("fit", "it trains with full numbers of epochs"),
        suite("ensemble", "it trains ensembles with full numbers of epochs"),
    ],
    "pytest -m slow": [Case(not_run="it is what runs the slow ones of these")],
}

ADDITIONS = (
    "'data.targets=[price,rent]'",
    "'data.inputs=[rooms,age]'",
    "'data.exclude=[age]'",
    "'data.kinds={rooms: category}'",
    "'data.inputs=[]'",
    "data.weight=count",
    "data.val_path=val.csv data.test_path=test.csv",
)
"""What README says to add to the command for one's own data."""

TOGETHER = {
    "data": [
        "'data.targets=[\"größe\"]'", "family.min_scale=grid", "data.dequantize=true",
        "recalibrate=true", "'~callbacks.singularity_reset'", "schedule=constant",
        "model.cross_fit=false",
        "threads=null", "+trainer.max_time=00:01:00:00",
    ],
    "model": [
        "model=mdn", "family.factor=precision", "model.ensemble_size=8", "objective=ngem",
        "trainer.precision=bf16-mixed", "trainer.accelerator=cpu",
    ],
    "one": ["family=diagonal", "model.ensemble_size=1", "objective=crps", "schedule=cosine"],
    "density": ["model=gmm", "objective=nll"],
    "em": ["model=gmm_em", "model.start_from=k-means++"],
}  # fmt: skip
"""Options of training that README mentions, tried together; the first needs a file."""

ALONE = {
    "beta_nll": (["objective=beta_nll", "model.num_components=1"], "its own tests train with it"),
    "compiled": (["compile=true"], "it compiles for a minute"),
    "processes": (["+trainer.strategy=ddp trainer.devices=2"], "it starts processes"),
}
"""Options that run by hand alone, and why."""

ELSEWHERE = {
    "upper=True": "an argument of a method",
    "report=false": "of evaluate.py, in a case of another file",
    "'id=[name]'": "of predict.py, in the case of all columns",
    "format=torch_export out=model.pt2": "of export.py, in a case of its own",
    "format=safetensors": "of export.py, in a case of its own",
    "suite=uci": "of benchmark.py, in its own tests",
    "suite=boards": "of benchmark.py, in its own tests",
    "suite=tables": "of benchmark.py, in its own tests",
    "suite=regret": "of benchmark.py, in its own tests",
    "family=...": "the choices are those of the sweep",
    "data=jumps,two_branches seed=0,1": "of experiment=regret, in its case",
    "trainer.max_epochs=10": "every case sets it",
}
"""What only looks like an option of training, or is tried with a command."""

EXAMPLES: dict[str, list[Case]] = {
    "python scripts/train.py data=inverse_problem hydra.run.dir=inverse": [
        Case(checks.trained, add=SHORT)
    ],
    "python scripts/train.py data=file data.path=lanes.csv 'data.targets=[speed]' "
    "hydra.run.dir=lanes": [Case(checks.trained, add=SHORT)],
    "python scripts/train.py family=full hydra.run.dir=two": [Case(checks.trained, add=SHORT)],
    "python scripts/train.py --multirun family=full,diagonal": [Case(checks.swept, add=SHORT)],
}

RAW: dict[str, list[Case]] = {
    "python scripts/train.py data=file data.path=flats.csv 'data.targets=[price]' "
    "hydra.run.dir=flats": [Case(checks.trained_on_raw, add=SHORT)],
    "python scripts/train.py data=file data.path=flats.csv 'data.targets=[price]' "
    "model.target_transform=log": [Case(checks.started, add=SHORT)],
    "python scripts/predict.py ckpt=flats/checkpoints/best.ckpt data.path=new_flats.csv "
    "out=prices.csv 'columns=[quantiles,novelty]' 'id=[id]'": [Case(checks.predicted_raw)],
    "python scripts/export.py ckpt=flats/checkpoints/best.ckpt format=onnx out=flats.onnx": [
        Case(checks.raw_in_onnx)
    ],
    "python scripts/benchmark.py suite=tables data=FOLDER contenders=default,catboost": [
        Case(not_run="its own tests run it: rivals take long")
    ],
    "pip install 'mdn[rivals]'": [Case(not_run="no test needs the rivals")],
}
"""Those of docs/tables.md."""

DAYS = "python scripts/train.py data=file data.path=days.csv 'data.targets=[share]'"

RAW_TOGETHER = {
    "kinds": [
        "'data.kinds={zip: category}'", "'data.exclude=[notes]'", "'data.group_by=[customer]'",
        "encoding.scaling=quantile", "encoding.pieces=16", "encoding.waves=8", "model.guard=0",
        "encoding.principal=true",
        "'model.target_transform={share: logit}'",
    ],
    "times": [
        "'data.inputs=[\"temp_*\"]'", "model.guard=auto", "data.time_by=built", "data.time_gap=30d",
        "'model.target_transform={share: {kind: logit, low: 0, high: 100}}'", "data.stream=auto",
    ],
    "parts": [
        "'data.path=\"parts/*.parquet\"'", "'data.inputs=[\"re:temp_\\d+\"]'",
        "data.split_by=part",
    ],
}  # fmt: skip
"""Options of training that docs/tables.md mentions, tried together."""

RAW_ELSEWHERE = {
    "data.val_path=val.csv data.test_path=test.csv": "in README.md, tried there",
    "format=torch_export": "of export.py, in README.md",
    "format=safetensors": "of export.py, in README.md",
    "trainer.strategy=ddp": "in README.md, by hand alone",
    "suite=folds": "of benchmark.py, in its own tests",
    "model.cross_fit=false": "in README.md, tried there",
}
"""What is tried with another document, or is no option of training."""

PROCESSES = "+trainer.strategy=ddp trainer.devices=2 trainer.accelerator=cpu"

RUNS: dict[str, list[Case]] = {
    "python scripts/train.py ckpt_path=RUN/checkpoints/last.ckpt": [
        Case(checks.resumed, add=f" trainer.max_epochs={2 * checks.EPOCHS}")
    ],
    "python scripts/train.py ckpt_path=RUN/checkpoints/last.ckpt trainer.max_epochs=400 "
    "optimizer.lr=0.003": [Case(checks.resumed, {"=400": f"={2 * checks.EPOCHS}"})],
    f"python scripts/train.py {PROCESSES}": [
        Case(checks.trained, add=SHORT, slow="it starts processes")
    ],
    f"torchrun --nproc_per_node=2 scripts/train.py {PROCESSES}": [
        Case(checks.trained, add=SHORT, slow="it starts processes")
    ],
}
"""Those of docs/runs.md."""
