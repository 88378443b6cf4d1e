"""Blocks that networks are built of: activations, initialisers, convolution and pooling, recurrent cells, attention."""
