"""Problems with a known answer."""

from mdn.data.synthetic.awkward_units import AwkwardUnits
from mdn.data.synthetic.circle import CircleOfModes
from mdn.data.synthetic.clusters import RandomClusters, ThreeGaussians
from mdn.data.synthetic.gaps import WithGaps
from mdn.data.synthetic.inverse import InverseProblem, InverseSinusoid
from mdn.data.synthetic.irrelevant import IrrelevantInputs
from mdn.data.synthetic.many_modes import ManyModes
from mdn.data.synthetic.problem import MixtureProblem, Problem
from mdn.data.synthetic.rare import TightMinority, TightRegion
from mdn.data.synthetic.robot_arm import RobotArm
from mdn.data.synthetic.skew import HeavySkew
from mdn.data.synthetic.turning import TurningCorrelations
from mdn.data.synthetic.two_branches import TwoBranches
from mdn.data.synthetic.univariate import Heteroscedastic, Jumps, SkewNormal

__all__ = [
    "AwkwardUnits",
    "CircleOfModes",
    "HeavySkew",
    "Heteroscedastic",
    "InverseProblem",
    "InverseSinusoid",
    "IrrelevantInputs",
    "Jumps",
    "ManyModes",
    "MixtureProblem",
    "Problem",
    "RandomClusters",
    "RobotArm",
    "SkewNormal",
    "ThreeGaussians",
    "TightMinority",
    "TightRegion",
    "TurningCorrelations",
    "TwoBranches",
    "WithGaps",
]
