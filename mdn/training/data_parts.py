"""The data that a checkpoint may name, which a run can make or read again."""

from mdn.data import synthetic
from mdn.model.network_parts import register_all
from mdn.model.registry import Part
from mdn.training.file_data import FileData
from mdn.training.synthetic_data import SyntheticData

DATA: dict[str, dict[str, Part]] = {
    "data": {"file": FileData, "synthetic": SyntheticData},
    "problem": {
        "awkward_units": synthetic.AwkwardUnits,
        "circle_of_modes": synthetic.CircleOfModes,
        "heavy_skew": synthetic.HeavySkew,
        "heteroscedastic": synthetic.Heteroscedastic,
        "inverse_problem": synthetic.InverseProblem,
        "inverse_sinusoid": synthetic.InverseSinusoid,
        "irrelevant_inputs": synthetic.IrrelevantInputs,
        "jumps": synthetic.Jumps,
        "many_modes": synthetic.ManyModes,
        "random_clusters": synthetic.RandomClusters,
        "robot_arm": synthetic.RobotArm,
        "skew_normal": synthetic.SkewNormal,
        "three_gaussians": synthetic.ThreeGaussians,
        "tight_minority": synthetic.TightMinority,
        "tight_region": synthetic.TightRegion,
        "turning_correlations": synthetic.TurningCorrelations,
        "two_branches": synthetic.TwoBranches,
    },
}
"""By role and name; a problem from outside is added by `mdn.register`."""

register_all(DATA)
