"""What runs in the child process, together with the learner's code. Only here tinytorch is imported."""
