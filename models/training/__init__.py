"""Training, float and quantisation-aware. What is in here runs in worker rooms."""

import warnings

warnings.filterwarnings("ignore", message="fast_hadamard_transform")  # Brevitas misses it at every start; unused here
