"""How degenerate a point of a loss landscape is: learning coefficients, and whether they can be trusted.

- `learning_coefficient`: from a loss and a point to an estimate that says how far it can be trusted;
  `learning_coefficients` at many points, `learning_curve` over temperatures; `Settings`, `Running`.
- `Behavioural`, `ExampleLoss`, `squared_error`, and `MeanEnergy` of any system: losses; `LossProblem`: a loss seen from
  a point, whose parameters move or only some of them.
- `MALA`, `NUTS`, `SGLD`, `RMSPropSGLD`, `SGHMC`: samplers; `DenseWhitening`, `LeadingWhitening`, `DiagonalWhitening`,
  `PlainCoordinates`: their coordinates.
- `NestedSlices` within a `Ball`, `Box` or `Gaussian`; `volume_curve`: how volumes shrink with the cutoff of the loss.
- `degeneracy.closed_form`: coefficients that are known exactly.
- `GateTable`: a gated network in all its tasks at once, with its energies.

An estimate is one of the law exp(-t L - gamma/2 |v|^2) around the point, at the t and gamma that it names, and not of
the limit of t. Directions of curvature below gamma/t are flat to it. Samplers come with the extra `degeneracy`.
"""

from ntadyn.degeneracy.coefficient import (
    AllMove as AllMove,
    Running as Running,
    Settings as Settings,
    learning_coefficient as learning_coefficient,
    learning_coefficients as learning_coefficients,
    learning_curve as learning_curve,
)
from ntadyn.degeneracy.estimate import (
    LearningCoefficient as LearningCoefficient,
    SecondOpinion as SecondOpinion,
    labelled as labelled,
)
from ntadyn.degeneracy.gate_table import (
    GateTable as GateTable,
    TableEnergy as TableEnergy,
    TableOutputs as TableOutputs,
)
from ntadyn.degeneracy.neighbourhood import (
    AbstractNeighbourhood as AbstractNeighbourhood,
    Ball as Ball,
    Box as Box,
    Gaussian as Gaussian,
)
from ntadyn.degeneracy.nested_run import NestedRun as NestedRun
from ntadyn.degeneracy.nested_slices import NestedSlices as NestedSlices
from ntadyn.degeneracy.plateau import Plateau as Plateau
from ntadyn.degeneracy.problem import (
    Behavioural as Behavioural,
    BehaviouralAt as BehaviouralAt,
    ExampleLoss as ExampleLoss,
    LossProblem as LossProblem,
    MeanEnergy as MeanEnergy,
    SquaredError as SquaredError,
    check_scale as check_scale,
    squared_error as squared_error,
)
from ntadyn.degeneracy.refusals import Refusal as Refusal
from ntadyn.degeneracy.samplers import (
    MALA as MALA,
    NUTS as NUTS,
    SGHMC as SGHMC,
    SGLD as SGLD,
    AbstractSampler as AbstractSampler,
    Feed as Feed,
    RMSPropSGLD as RMSPropSGLD,
)
from ntadyn.degeneracy.volume import VolumeCurve as VolumeCurve, volume_curve as volume_curve
from ntadyn.degeneracy.whitening import (
    AbstractWhitening as AbstractWhitening,
    DenseWhitening as DenseWhitening,
    DiagonalWhitening as DiagonalWhitening,
    LeadingWhitening as LeadingWhitening,
    PlainCoordinates as PlainCoordinates,
)
