"""What is run and compared with published or derived numbers: one package per article or seed, and their harness."""
