"""What a network is made of once its degeneracies are taken off: coordinates, graphs, a ledger of flat directions."""
