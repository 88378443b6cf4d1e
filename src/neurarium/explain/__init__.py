"""Why a network answers as it does: saliency, activation maps, attacks, latent walks, worked examples."""
