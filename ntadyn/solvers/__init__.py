"""Solvers for learning systems, all of them Diffrax solvers."""

from ntadyn.solvers.boost import LorentzBoost as LorentzBoost
from ntadyn.solvers.sliding import SlidingHeun as SlidingHeun
from ntadyn.solvers.splitting import Splitting as Splitting
from ntadyn.solvers.term import LearningTerm as LearningTerm
