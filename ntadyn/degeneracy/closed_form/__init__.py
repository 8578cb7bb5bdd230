"""Learning coefficients that are known exactly, and what estimates of them converge to.

- `Exact`: a coefficient lambda and its multiplicity m; `regular(d)` is d/2.
- `monomial`, `ProductOfPowers` (`on_box`, `scaled_ball`): products of powers, at any temperature and any cutoff.
- `localised_line`, `localised_monomial`: the same within a Gaussian neighbourhood, by quadrature.
- `deep_linear`, `two_layer`: linear networks at their most singular minimum; `two_layer_at`: two layers anywhere.
- `gated_linear`, `neuron_gated`, `fully_connected`: gated networks, from the ranks of their gates and weights;
  `weights_only`, `gates_only`, `one_task`: parts of them; `gated_with_l1`, `gated_with_l1_and_l2`: with penalties.
- `hessian_counts`, `jacobian_spectrum`, `laplace_dimension`: what the Hessian of a gated network says.
- `free_energy_crossing`: from how many samples on the better of two solutions beats the more degenerate one.
"""

from ntadyn.degeneracy.closed_form.deep_linear import (
    deep_linear as deep_linear,
    two_layer as two_layer,
    two_layer_at as two_layer_at,
)
from ntadyn.degeneracy.closed_form.exact import Exact as Exact, regular as regular
from ntadyn.degeneracy.closed_form.free_energy import free_energy_crossing as free_energy_crossing
from ntadyn.degeneracy.closed_form.gated_hessian import (
    HessianCounts as HessianCounts,
    hessian_counts as hessian_counts,
    jacobian_spectrum as jacobian_spectrum,
    laplace_dimension as laplace_dimension,
)
from ntadyn.degeneracy.closed_form.gated_linear import (
    GatedCoefficient as GatedCoefficient,
    fully_connected as fully_connected,
    gated_linear as gated_linear,
    gates_only as gates_only,
    neuron_gated as neuron_gated,
    one_task as one_task,
    weights_only as weights_only,
)
from ntadyn.degeneracy.closed_form.localised import (
    localised_line as localised_line,
    localised_monomial as localised_monomial,
)
from ntadyn.degeneracy.closed_form.monomials import (
    ProductOfPowers as ProductOfPowers,
    monomial as monomial,
    on_box as on_box,
    scaled_ball as scaled_ball,
)
from ntadyn.degeneracy.closed_form.penalised_gates import (
    gated_with_l1 as gated_with_l1,
    gated_with_l1_and_l2 as gated_with_l1_and_l2,
)
from ntadyn.degeneracy.closed_form.ranks import Ranks as Ranks
