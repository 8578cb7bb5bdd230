"""Explore phase maps in the browser: click a cell, see its trajectories.

From what is shown to how it is shown:

    view        what is shown as plain values: a link, and back
    parameters  the parameters of any spec that can be an axis or a slider
    maps        where a map comes from: a result file, or a spec with two ranges
    layers      what of a map can be coloured
    curves      what a cell shows: panels over time, the phase plane
    program     the Python program that makes a view
    picture     a view on paper
    page        the page, on Panel and Bokeh (extra `explore`)
    server      the loopback address, and the token in it

Only the last two need more than ntadyn itself.
"""
