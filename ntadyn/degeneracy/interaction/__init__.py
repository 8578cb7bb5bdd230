"""What a network is made of once its degeneracies are taken off: coordinates, graphs, and a ledger of flat directions."""
