"""Which families make whole blocks of bars, by the names that the command line takes."""

from __future__ import annotations

from ripieno_models.families import gan, hierarchical_vae, vae, vq_vae

BLOCK_FAMILIES = {
    kind.name: kind for kind in (vae.KIND, hierarchical_vae.KIND, vq_vae.KIND, gan.KIND)
}
