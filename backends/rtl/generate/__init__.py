"""The generated RTL project: the instances of the library's modules, weights, and the templates around them."""
