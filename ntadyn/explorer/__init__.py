"""Explore phase maps in the browser: click a cell, see its trajectories.

From what is shown to how it is shown:

    view        what is shown as plain values: a link, and back
    parameters  the parameters of any spec that can be an axis or a slider
    plans       the sweep behind a map that is computed: a preset with two ranges
    maps        where a map comes from: a result file, or such a sweep
    layers      what of a map can be coloured
    curves      what a cell shows: panels over time, the phase plane
    program     the Python program that makes a view
    picture     a view on paper
    server      the loopback address, and the token in it
    page        a session on Panel and Bokeh (extra `explore`): its parts, and what happens when one is touched

The parts of the page, which need that extra as well; each is handed what it needs, and none knows the page:

    styles      how it looks
    messages    what it says
    working     work in other threads, and the way back
    listening   what somebody does is heard, and what the page itself does is not
    map_plot    the plot of the map
    cell_plots  the plots of a cell
    shown       the view of a session, and what was made of it so far
    choices     lists of maps, scores and layers
    axes        axes, places along held ones, ranges
    sliders     the other parameters
    map_pane    the map computed, predicted, drawn, coloured and outlined
    cards       cells and their quantities
    saving      picture, program, link
"""
