"""What is run and compared with published or derived numbers: one package per article or seed, and their harness."""

# In the order in which they are shown. Each has a TITLE, and EXPERIMENTS: name of a module of it -> what it shows.
PACKAGES = ("sandbrink_2024", "continual", "nested", "degeneracy", "beyond", "stability")
