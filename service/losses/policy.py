"""Policy gradients and their regularisers, from log-probabilities."""
