"""What metadata alone tells about an AIT's needs: which of them the roles of the bound tables meet."""

from __future__ import annotations

from collections.abc import Mapping

from qmtestbed.types.manifest import InputSpec, Need
from qmtestbed.types.plan import Inventory

_ROLE: Mapping[Need, str] = {
    "labels": "label",
    "ids": "id",
    "time": "time",
    "groups": "group",
    "weights": "weight",
    "sensitive": "sensitive",
}


def unmet_needs(spec: InputSpec, inventory: Inventory) -> tuple[str, ...]:
    """Say which needs of an input the inventory's roles leave unmet, each as a clause of a sentence."""
    unmet = []
    for need in spec.needs:
        role = _ROLE.get(need)
        if role and not getattr(inventory, role):
            unmet.append(f"it needs {need}, and no column has the role {role!r}")
        if need in ("classification", "regression") and inventory.task not in (None, need):
            unmet.append(f"it is for {need}, and the task is {inventory.task}")
    return tuple(unmet)
