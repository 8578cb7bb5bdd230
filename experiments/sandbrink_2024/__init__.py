"""The figures of arXiv 2411.03840, and supplements of ours; nothing here imports JAX.

Every figure is a folder: what it is made of, `simulation`, `numbers` (what it must show), `picture`, and `verdict.md`,
what to make of it. What figures share is in `runs` (simulations), `numbers` (what is known of them) and `panels`; a
figure imports these, and no other figure.
"""

TITLE = "the figures of arXiv 2411.03840, reproduced and checked, and supplements of ours"
EXPERIMENTS = {
    "figure_2": "two tasks in turn: loss, gates, alignment, flexible and forgetful",
    "figure_2_conservation": "supplement: when specialisation can grow, by a conservation law",
    "figure_3": "a first composite task after three base tasks: means of two teachers, and alternating rows",
    "figure_3_alignment": "supplement: the alignment beside the loss of figure 3",
    "figure_4": "the mechanism in the toy: protected weights, long blocks, a limit cycle, the exact solution",
    "figure_5": "where networks specialise: block length by gate speed and by penalty strength",
    "figure_5_doubt": "supplement: chance, time step and separatrices in the maps of figure 5",
    "figure_6": "a fully connected network: its second layer learns to gate",
    "figure_7": "a gated read-out of images whose classes are named in two ways in turn",
    "figure_8": "recovery from a switch after more practice: flexible, forgetful, and people from a file",
    "figure_a1": "the full model beside its reduction to one effective mode",
    "figure_a2": "more dimensions per task, faster gates",
    "figure_a3": "four paths for two tasks, with and without a penalty on the weights",
    "figure_a4": "the fully connected network over time: loss, gates, similarity, motion of layers",
    "figure_a5": "the second layer of single networks, units in their own order",
    "figure_a6": "the second layer sorted by the units' teachers, mean over repetitions",
    "figure_a7": "where fully connected networks specialise: block length by layer speed and by penalty",
    "figure_a8": "what gates and weights contribute to the speed of adaptation, in closed form",
    "figure_a9": "block length and specialisation: the toy and a heuristic potential",
    "figure_a10": "specialisation over gates within one block, against the exact solution",
    "figure_a11": "specialisation over gates across switches, where the exact solution ends",
    "figure_a12": "both kinds of composition from beginning to end",
    "figure_a13": "teachers that overlap: speed and specialisation, as published and as they last",
    "figure_a14": "composite tasks alone lead paths to base tasks that are never shown",
    "figure_a15": "the read-out of figure 7 under two namings: upper/lower, and warm/cool",
    "figure_a16": "one sample per update: full and reduced model",
    "figure_a17": "what the penalties on two gates prefer, in closed form",
}
