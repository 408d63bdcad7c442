"""Cycles, as they are measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Cycles, measured without stalls.

    Members
    -------
    latency : int
        From a lone query's first beat in to its last beat out.
    initiation_interval : float
        From query to query, in the mean over queries streamed back to back once the pipeline is
        full.
    """

    latency: int
    initiation_interval: float
