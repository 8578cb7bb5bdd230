"""What a network is made of once its degeneracies are taken off: coordinates, graphs, a ledger of flat directions.

- `chain` of `Dense` or any modules, `of_mlp`, and `unrolled` for gated networks in all their contexts: networks as
  sections.
- `interaction_basis`, local or global, of derivatives at the data or along rays (`Construction`); `neuron_basis` and
  `principal_basis` to compare it with; `resolved` where contexts have to tell directions of equal strength apart.
- `interaction_graph`; `modularity_report`: three numbers that belong together; `separation`, which needs no basis.
- `Ablation`: output error against edges kept, and the edges that an error needs; `gini`.
- `firing_of`: units that fire together, and dead ones; `reduce_block`.
- `degeneracy_ledger` of a chain, `table_ledger` of a gated linear network with the gates of all its tasks, `ledger` of
  any function of parameters: null directions, explained or not.

What is often said otherwise:

1. Synchronised units have one firing pattern, not one value. In general two of them cannot be merged into one: what is
   free is a change of basis inside their block.
2. Weights in new coordinates are W' = T_(l+1) W T_l^-1, for activations as columns: the transformation of the layer
   that follows stands on the left. With a nonlinearity it acts after the activation, f' = T_(l+1) act(W T_l^-1 f).
3. That modular networks have a lower learning coefficient is a guess about networks that do the same job. For gated
   linear networks it is false: specialised and mixed solutions of the same tasks have the same coefficient
   (`degeneracy.closed_form.gated_linear`), and the specialised network has a higher one than the forgetful network,
   which does less.

Searches for modules come with scikit-network, in the extra `degeneracy`.
"""

from ntadyn.degeneracy.interaction.ablation import (
    Ablation as Ablation,
    AblationCurve as AblationCurve,
    gini as gini,
)
from ntadyn.degeneracy.interaction.basis import (
    Construction as Construction,
    interaction_basis as interaction_basis,
)
from ntadyn.degeneracy.interaction.derivatives import (
    AlongRays as AlongRays,
    AtData as AtData,
    NextLayer as NextLayer,
    Outputs as Outputs,
)
from ntadyn.degeneracy.interaction.firing import (
    Firing as Firing,
    firing_blocks as firing_blocks,
    firing_of as firing_of,
    nearly_together as nearly_together,
)
from ntadyn.degeneracy.interaction.frames import (
    Centred as Centred,
    ConstantApart as ConstantApart,
    Uncentred as Uncentred,
)
from ntadyn.degeneracy.interaction.graph import (
    DecadesAbove as DecadesAbove,
    InteractionGraph as InteractionGraph,
    interaction_graph as interaction_graph,
)
from ntadyn.degeneracy.interaction.ledger import (
    Explanation as Explanation,
    Ledger as Ledger,
    ledger as ledger,
)
from ntadyn.degeneracy.interaction.modularity import (
    Modularity as Modularity,
    modularity as modularity,
    modularity_report as modularity_report,
    permuted as permuted,
)
from ntadyn.degeneracy.interaction.network_basis import (
    LayerBasis as LayerBasis,
    NetworkBasis as NetworkBasis,
)
from ntadyn.degeneracy.interaction.null_directions import (
    degeneracy_ledger as degeneracy_ledger,
    explanations_of as explanations_of,
)
from ntadyn.degeneracy.interaction.other_bases import (
    neuron_basis as neuron_basis,
    principal_basis as principal_basis,
)
from ntadyn.degeneracy.interaction.reduction import Reduction as Reduction, reduce_block as reduce_block
from ntadyn.degeneracy.interaction.resolving import (
    GAPS as GAPS,
    clusters as clusters,
    context_grams as context_grams,
    resolved as resolved,
)
from ntadyn.degeneracy.interaction.sections import (
    Dense as Dense,
    Sections as Sections,
    chain as chain,
    linear as linear,
    of_mlp as of_mlp,
)
from ntadyn.degeneracy.interaction.spectrum import Spectrum as Spectrum
from ntadyn.degeneracy.interaction.table_ledger import table_ledger as table_ledger
from ntadyn.degeneracy.interaction.unrolling import (
    Unrolled as Unrolled,
    maps_of_contexts as maps_of_contexts,
    separation as separation,
    unrolled as unrolled,
    unrolled_table as unrolled_table,
)
