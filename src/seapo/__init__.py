"""Strategic error amplification for preference optimisation (SeaPO, arXiv:2509.24781)."""
