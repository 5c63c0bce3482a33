"""Many photos: each edited in every way that is asked for, here or on a cluster, written whole or not at all."""

from styleclip_core.batch.hand_out import hand_out
from styleclip_core.batch.jobs import Plan, find_photos, read_edits
from styleclip_core.batch.local_engine import LocalTeam
from styleclip_core.batch.report import Summary, write_report
from styleclip_core.batch.work import Networks, Worker

__all__ = [
    "LocalTeam",
    "Networks",
    "Plan",
    "Summary",
    "Worker",
    "find_photos",
    "hand_out",
    "read_edits",
    "write_report",
]
