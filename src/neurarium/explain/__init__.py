"""Why it answers: topics shown step by step, and what a network looks at.

Nothing is imported here, so that the topics can be listed without loading torch.
"""

TOPICS: dict[str, str] = {
    "backprop": "backpropagation through any small network, every number of it",
    "activations": "activation functions and their derivatives",
    "decision-boundary": "the line of a linear network beside the curve of a nonlinear one",
    "universal-approximation": "what one hidden layer can express, by its width",
    "loss-surface": "the loss over two weights, and the way down",
    "learning-rates": "a rate too small, one that is good, one too large",
    "optimizers": "a race of optimizers from one start",
    "fits": "underfitting, a good fit, overfitting",
    "dropout": "which units a step leaves out",
    "densities": "a boundary between classes beside a density for each",
    "pixels": "an image as the numbers it is",
    "convolution": "a function slid over another, a filter over a picture",
    "pooling": "numbers before and after, and what a small shift changes",
    "upsampling": "five ways from a small map to a larger one",
    "filters": "blur, sharpen, edges of every angle, and the search for a pattern",
    "shifts": "a dense network and a ConvNet on digits that move",
    "challenges": "what a classifier must survive, measured on a photograph and on digits",
    "augmentation": "changes of training images that keep their label, one tile each",
    "parts": "faces, cars and houses by listed parts, and by learned features",
    "imagenet": "the errors of the challenge year by year, as published",
    "adversarial-game": "two players: best answers, the equilibrium, saturation, circles, collapse",
    "latent-space": "codes of digits: scattered by an autoencoder, regular in a variational one",
    "blocks": "which input, architecture and loss for which problem",
}
"""`neurarium show TOPIC`: the module of that name, with underscores, has `Options` and `tell`."""
