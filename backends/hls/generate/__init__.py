"""The generated C++ project: names, types, layers, the top function, and the templates."""
